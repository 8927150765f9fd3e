#!/usr/bin/env bats
# rnn-lowrank: its tables against numpy, its filters against both, and what it refuses.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen sequence -s 3 | rnn-train --hidden 24 --epochs 3 --nets 3 --seed 4 -q -o nets.rnn
    export NETS=$PWD/nets.rnn PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1
}
setup() { cd "$BATS_TEST_TMPDIR"; }

table() { # NAME FILE
    rnn-cat --to tsv --table "$1" "$2"
}
column() { # NAME <TSV
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'
}
refused() { # STATUS MESSAGE ARGS...
    local status=$1 message=$2
    shift 2
    run "-$status" --separate-stderr rnn-lowrank "$@"
    [[ "$stderr" == "rnn-lowrank: $message"* ]]
}

# numpy's word on a stream: frames by kind, tables as dicts of columns
cat_python() {
    cat <<'PY'
import sys, numpy as np
from framed import put, end, frames
def nets(path): return [b for k, b in frames(path) if k == 'net']
def tables(path, name): return [b for k, b in frames(path) if k == 'table' and b['name'] == name]
def close(a, b, tol=1e-6): assert np.allclose(a, b, rtol=0, atol=tol), (a, b)
PY
}

@test "eigenvalues are numpy's, largest first, and have their figure" {
    rnn-lowrank --eigenvalues --part value,change,initial -o out.rnn "$NETS"
    { cat_python; cat <<'PY'
seen = {(b['net'], b['labels']['stage']): b['value'] for k, b in frames('out.rnn') if k == 'array' and b['name'] == 'eigenvalues'}
for net, t in zip(nets('out.rnn'), tables('out.rnn', 'eigenvalues')):
    c, W, W0 = t['columns'], net['params']['W_rec'].astype(float), net['params0']['W_rec'].astype(float)
    for part, stage, M in (('value', 'trained', W), ('change', 'change', W - W0), ('initial', 'initial', W0)):
        rows = [i for i in range(len(c['re'])) if c['part'][i] == part]
        w = np.array(c['re'])[rows] + 1j * np.array(c['im'])[rows]
        close(np.sort_complex(w), np.sort_complex(np.linalg.eigvals(M)), 1e-9)
        close(np.array(c['modulus'])[rows], abs(w), 1e-15); close(np.array(c['angle'])[rows], np.angle(w), 1e-15)
        assert (np.diff(abs(w)) < 1e-9).all() and list(np.array(c['mode'])[rows]) == list(range(1, 25))
        close(seen[net['id'], stage], w, 0)
assert len(seen) == 9
PY
    } >check.py
    "$PYTHON" check.py
    rnn-report figure spectrum -o s.svg out.rnn
    grep -q '>trained<' s.svg && grep -q '>initial<' s.svg
    [ "$(rnn-lowrank --eigenvalues --modes 3 "$NETS" | rnn-cat --to tsv --table eigenvalues | tail -n +2 | wc -l)" -eq 9 ]
    run ! rnn-lowrank --eigenvalues --truncate 3 "$NETS"
    taskgen flip-flop --bits 1 --steps 9 --fresh | rnn-train -q --cell gru --hidden 4 --updates 1 -o gru.rnn
    refused 2 "net-0000: --eigenvalues: W_rec of a gru is not square" --eigenvalues gru.rnn
}

@test "spectra, their sums and their bands are numpy's" {
    rnn-lowrank --param W_rec,W_in,W_out --part value,change,initial -o out.rnn "$NETS"
    { cat_python; cat <<'PY'
all_s = {}
for net, t, low in zip(nets('out.rnn'), tables('out.rnn', 'singular'), tables('out.rnn', 'lowrank')):
    c, d = t['columns'], low['columns']
    for name in ('W_rec', 'W_in', 'W_out'):
        A, A0 = net['params'][name].astype(float), net['params0'][name].astype(float)
        for part, M in (('value', A), ('change', A - A0), ('initial', A0)):
            s = np.linalg.svd(M, compute_uv=False)
            rows = [i for i in range(len(c['value'])) if c['matrix'][i] == name and c['part'][i] == part]
            close(np.array(c['value'])[rows], s, 1e-12)
            close(np.array(c['share'])[rows], s**2 / (s**2).sum(), 1e-12)
            (i,) = [i for i in range(len(d['s1'])) if d['matrix'][i] == name and d['part'][i] == part]
            close(d['participation'][i], (s**2).sum()**2 / (s**4).sum(), 1e-11)
            close(d['stable_rank'][i], (s**2).sum() / s[0]**2, 1e-11)
            all_s.setdefault((name, part), []).append(s)
(band,) = tables('out.rnn', 'singular_band')
c = band['columns']
for i in range(len(c['mean'])):
    x = [s[c['mode'][i] - 1] for s in all_s[c['matrix'][i], c['part'][i]]]
    close([c['mean'][i], c['lo'][i], c['hi'][i]], [np.mean(x), np.percentile(x, 5), np.percentile(x, 95)], 1e-12)
assert len(all_s) == 9
PY
    } >check.py
    "$PYTHON" check.py
}

@test "filters make the networks that numpy makes" {
    rnn-lowrank --truncate 3 -o truncated.rnn "$NETS"
    rnn-lowrank --truncate 3 --change -o changed.rnn "$NETS"
    rnn-lowrank --ablate 1,3:4 -o ablated.rnn "$NETS"
    rnn-lowrank --align weights --filtered rotated -o filtered.rnn "$NETS"
    rnn-lowrank --random-rank-one -s 9 -o random.rnn "$NETS"
    { cat_python; cat <<PY
originals = nets("$NETS")
PY
      cat <<'PY'
def keep(M, modes):
    u, s, v = np.linalg.svd(M)
    return sum(s[k] * np.outer(u[:, k], v[k]) for k in modes)
for a, t, c, b, r in zip(originals, *(nets(n + '.rnn') for n in ('truncated', 'changed', 'ablated', 'random'))):
    W, W0 = a['params']['W_rec'].astype(float), a['params0']['W_rec'].astype(float)
    close(t['params']['W_rec'], keep(W, range(3)))
    close(c['params']['W_rec'], W0 + keep(W - W0, range(3)))
    close(b['params']['W_rec'], keep(W, [1] + list(range(4, 24))))
    gone = np.linalg.svd(W - r['params']['W_rec'], compute_uv=False)
    close(gone[:2], [np.linalg.svd(W, compute_uv=False)[0], 0], 1e-5)
    assert [n['labels']['lowrank'] for n in (t, c, b, r)] == ['truncate 3', 'truncate 3 of the change of W_rec', 'ablate 1+3:4', 'random rank one']
    for n in (t, c, b, r):
        assert n['id'] == a['id'] and (n['params']['W_in'] == a['params']['W_in']).all() and (n['params0']['W_rec'] == a['params0']['W_rec']).all()
# filtered by weights: R = rows of V', signs by the last state of the first training trial, so its effect is sign-free here:
# every net gets the same singular values, those of the mean
s = [np.linalg.svd(n['params']['W_rec'].astype(float), compute_uv=False) for n in nets('filtered.rnn')]
close(s[0], s[1], 1e-5); close(s[0], s[2], 1e-5)
PY
    } >check.py
    "$PYTHON" check.py
}

@test "a truncation table is what truncated networks do when they are run" {
    rnn-lowrank --truncation --ranks 2,24 --ablation --components 1 --random 1 -s 9 -o out.rnn "$NETS"
    for what in "--truncate 2" "--truncate 24" "--ablate 1" "--random-rank-one -s 9"; do
        # shellcheck disable=SC2086
        rnn-lowrank $what "$NETS" | rnn-run | rnn-cat --to tsv --table performance >ran
        column loss <ran >"ran.${what//[^a-z0-9]/}"
    done
    table truncation out.rnn >t
    paste <(column rank <t) <(column loss <t) | awk '$1 == 2 { print $2 }' | cmp - ran.truncate2
    paste <(column rank <t) <(column loss <t) | awk '$1 == 24 { print $2 }' | cmp - ran.truncate24
    table ablation out.rnn >a
    paste <(column what <a) <(column loss <a) | awk '$1 == "component" { print $2 }' | cmp - ran.ablate1
    paste <(column what <a) <(column loss <a) | awk '$1 == "random" { print $2 }' | cmp - ran.randomrankones9
    # all modes, and none taken out: the network itself
    rnn-run "$NETS" | rnn-cat --to tsv --table performance | column loss | cmp - ran.truncate24
    paste <(column what <a) <(column loss <a) | awk '$1 == "intact" { print $2 }' | cmp - ran.truncate24
}

@test "silent units are those of rnn-run, alone and together" {
    rnn-lowrank --ablation --components 1 --random 0 --units 3,0:9+20 -o out.rnn "$NETS"
    table ablation out.rnn >a
    [ "$(column set <a | sort -u | tr '\n' ' ')" = " 0:9+20 1 3 " ]
    rnn-run --silence 3 "$NETS" | rnn-cat --to tsv --table performance | column loss >one
    rnn-run --silence 0-9,20 "$NETS" | rnn-cat --to tsv --table performance | column loss >many
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next } $k["set"] == "3" { print $k["loss"] }' a | cmp - one
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next } $k["set"] == "0:9+20" { print $k["loss"] }' a | cmp - many
}

@test "common coordinates: the mean of rotated matrices and its spectrum are numpy's" {
    rnn-lowrank --align weights --signed-rows 24 --block 4 -o out.rnn "$NETS"
    rnn-run --split train --activity --activity-count 1 -o act.rnn "$NETS"
    { cat_python; cat <<'PY'
h = {b['net']: b['value'][0, -1].astype(float) for k, b in frames('act.rnn') if k == 'activity'}
mean, own = 0, []
for n in nets('out.rnn'):
    W = n['params']['W_rec'].astype(float)
    R = np.linalg.svd(W)[2]
    R = R * np.where(R @ h[n['id']] < 0, -1, 1)[:, None]
    mean = mean + R @ W @ R.T / 3
    own.append(np.linalg.svd(W, compute_uv=False))
    block = [b for k, b in frames('out.rnn') if k == 'array' and b['name'] == 'aligned_block' and b['net'] == n['id'] and b['labels']['param'] == 'W_rec']
    close(block[0]['value'], (R @ W @ R.T)[:4, :4])
(m,) = [b for k, b in frames('out.rnn') if k == 'array' and b['name'] == 'aligned_mean' and b['labels']['param'] == 'W_rec']
close(m['value'], mean)
(t,) = tables('out.rnn', 'shared_spectrum')
c = t['columns']
rows = lambda name: [v for v, s in zip(c['value'], c['source']) if s == name]
close(rows('aligned-mean'), np.linalg.svd(mean, compute_uv=False))
close(rows('mean-of-spectra'), np.mean(own, axis=0))
assert set(c['align']) == {'weights'} and all(set(t['columns']['align']) == {'weights'} for t in tables('out.rnn', 'alignment'))
PY
    } >check.py
    "$PYTHON" check.py
}

@test "the output is the same for every -j, tables and filters" {
    for words in "--truncation --ablation --overlaps --selective class --align hidden" "--ablate 1" "--align hidden --filtered spectrum"; do
        # shellcheck disable=SC2086
        rnn-lowrank -j 1 $words "$NETS" >one
        # shellcheck disable=SC2086
        rnn-lowrank -j 2 $words "$NETS" >two
        cmp one two
    done
}

@test "what comes in goes out, unknown frames and keys too" {
    { cat_python; cat <<PY
path = "$NETS"
PY
      cat <<'PY'
for k, b in frames(path):
    if k == 'net': b['mine'] = {'note': [1, 2]}
    if k != 'end': put(k, b)
put('remark', {'text': 'x'})
end()
PY
    } >make.py
    "$PYTHON" make.py >in.rnn
    rnn-lowrank --ablate 2 -o out.rnn in.rnn
    { cat_python; echo 'assert all(n["mine"] == {"note": [1, 2]} for n in nets("out.rnn")) and [k for k, b in frames("out.rnn")].count("remark") == 1
assert [k for k, b in frames("in.rnn")] == [k for k, b in frames("out.rnn")]'; } >check.py
    "$PYTHON" check.py
    rnn-lowrank in.rnn | rnn-cat select --kind net,remark | rnn-cat --to jsonl | grep -v '"head"\|"end"' >after
    rnn-cat select --kind net,remark in.rnn | rnn-cat --to jsonl | grep -v '"head"\|"end"' >before
    cmp before after
}

@test "a filter says what it did after what was done before" {
    rnn-lowrank --ablate 1 "$NETS" | rnn-lowrank --truncate 5 --of W_in -o out.rnn
    { cat_python; echo 'assert {n["labels"]["lowrank"] for n in nets("out.rnn")} == {"ablate 1; truncate 5 of W_in"}'; } >check.py
    "$PYTHON" check.py
}

@test "networks that diverged get a row and no more" {
    taskgen sequence | rnn-train --hidden 8 --epochs 1 --lr 1e6 --diverged-at 1e3 -q -o bad.rnn
    rnn-lowrank --truncation --align hidden -o out.rnn bad.rnn
    [ "$(table lowrank out.rnn | column status)" = diverged ]
    [ "$(table lowrank out.rnn | column s1)" = NaN ]
    run -0 rnn-cat info out.rnn
    [[ "$output" != *truncation* && "$output" != *singular* ]]
    rnn-lowrank --ablate 1 bad.rnn | rnn-cat --to jsonl | grep '"net"' >after
    rnn-cat --to jsonl bad.rnn | grep '"net"' | cmp - after
}

@test "trials that are not there are named" {
    taskgen sequence --train-fraction 1 | rnn-train --hidden 8 --epochs 1 -q -o all.rnn
    refused 2 "task 'sequence' has no test trials" --truncation all.rnn
    rnn-lowrank --truncation --split train all.rnn >out.rnn
    refused 2 "net-0000: --selective: class 1 has no test trials" --selective class --count 3 "$NETS"
    refused 2 "net-0000: --selective: the trials have no parameter 'colour'" --selective colour "$NETS"
}

@test "options that contradict each other, have no effect, or ask for too much" {
    refused 2 "--truncate and --ablate contradict each other" --truncate 2 --ablate 1 "$NETS"
    refused 2 "--ranks: has no effect without --truncation" --ranks 3 "$NETS"
    refused 2 "--param: has no effect with a filter" --param W_in --ablate 1 "$NETS"
    refused 2 "--filtered needs --align" --filtered rotated "$NETS"
    refused 2 "net-0000: --ablate (25) must not exceed the 24 modes of W_rec" --ablate 25 "$NETS"
    refused 2 "net-0000: --ranks (30) must not exceed the 24 modes of W_rec" --truncation --ranks 3,30 "$NETS"
    refused 2 "net-0000: --units (24) must be below its 24 units" --ablation --units 24 "$NETS"
    refused 2 "--ablate: '0': neither numbers from 1" --ablate 0 "$NETS"
    refused 2 "--components: '3-1': neither" --ablation --components 3-1 "$NETS"
    refused 2 "--part: 'all': not one of" --part all "$NETS"
    refused 2 "net-0000: there is no parameter W_no" --param W_no "$NETS"
}

# Boboeva et al. 2026: without its leading component a network forgets all but the newest same/different transition
@test "the leading component carries early transitions, and the pipe through rnn-geometry shows it" {
    [ -z "$RNN_TEST_SMALL" ] || skip "four networks of full size"
    taskgen sequence -s 21 | rnn-train --nets 4 --seed 21 -q -o nets.rnn
    for words in "--truncate 160" "--ablate 1" "--ablate 3" "--random-rank-one"; do
        # shellcheck disable=SC2086
        rnn-lowrank $words nets.rnn | rnn-run --activity --split train,test | rnn-geometry --measures separability --steps 3 |
            rnn-cat --to tsv --table geometry >"g.${words//[^a-z0-9]/}"
    done
    rnn-lowrank --truncation --ablation --align hidden -o out.rnn nets.rnn
    for t in truncation ablation shared_spectrum lowrank; do table $t out.rnn >$t; done
    "$PYTHON" - <<'PY'
import csv
def read(name): return list(csv.DictReader(open(name), delimiter='\t'))
def mean(rows, column='value'): return sum(float(r[column]) for r in rows) / len(rows)
def g(name, measure, t): return mean([r for r in read('g.' + name) if (r['measure'], r['by']) == (measure, 'transition%d' % t)])
for t in (2, 3):
    assert g('ablate1', 'eta2', t) < 0.15 * g('truncate160', 'eta2', t)
    for control in ('ablate3', 'randomrankone'): assert g(control, 'eta2', t) > 0.75 * g('truncate160', 'eta2', t)
assert g('ablate1', 'ncm', 4) >= 0.9 and g('ablate1', 'ncm', 2) <= 0.75
acc = lambda what, mode: mean([r for r in read('ablation') if (r['what'], r['mode']) == (what, mode)], 'accuracy')
assert acc('component', '1') <= 0.55 and 0.5 <= acc('component', '2') <= 0.9 and acc('component', '3') >= 0.9 and acc('random', '1') >= 0.95
cut = lambda rank: mean([r for r in read('truncation') if r['rank'] == str(rank)], 'accuracy')
assert cut(1) <= 0.25 and cut(15) >= 0.97 and cut(160) >= 0.99
first = {r['source']: float(r['value']) for r in read('shared_spectrum') if r['mode'] == '1'}
assert first['aligned-mean'] > 1.5 * first['plain-mean']
assert 5.8 < mean(read('lowrank'), 's1') < 7.3 and 1.5 < mean(read('lowrank'), 'ratio') < 2.0
PY
}

@test "a network that runs away is not aligned, and counts as failed; the control that factors do not allow is named" {
    "$PYTHON" -c 'import numpy as np
np.savez("away.npz", W_rec=1e9 * np.eye(2), b_rec=np.ones(2), W_in=np.eye(2), W_out=np.eye(2))
np.savez("rank1.npz", m=np.ones((4, 1)), n=np.ones((1, 4)), W_out=np.ones((1, 1)))'
    taskgen cue-discrimination --delay-ms 60 -o cue
    rnn-cat -q --from npz --cell elman --activation relu --task cue away.npz -o away
    run -3 --separate-stderr rnn-lowrank --align hidden --align-split test -o out away
    [[ "$stderr" == "rnn-lowrank: warning: net-"*": it is not aligned: unit 0 ends trial 0 at no finite number" ]]
    taskgen delayed-activation -o da
    rnn-cat -q --from npz --cell leaky --activation tanh --tau 10 --read-latent --task da rank1.npz -o latent
    run -2 --separate-stderr rnn-lowrank --ablation -o out latent
    [[ "$stderr" == *"; --random 0 leaves this control out" ]]
    rnn-lowrank --ablation --random 0 -o out latent
}
