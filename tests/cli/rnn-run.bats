#!/usr/bin/env bats
# rnn-run: what it runs on, what it writes, and what it refuses.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-train --preset variable-memory-fast --hidden 12 --updates 5 --nets 3 --seed 4 -q -o nets.rnn
    taskgen sequence | rnn-train --preset schemas --hidden 10 --epochs 1 --nets 1 -q -o seq.rnn
    export NETS=$PWD/nets.rnn SEQ=$PWD/seq.rnn
}
setup() { cd "$BATS_TEST_TMPDIR"; }

kinds() { rnn-cat --to jsonl "$1" | "$PYTHON" -c '
import json, sys
for line in sys.stdin:
    print(json.loads(line)["kind"])'; }
table() { rnn-cat --to tsv --table performance "$@"; }
column() { # NAME <TSV
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'
}

@test "a kick along a direction: a linear network carries it on as powers of its weights, by numpy" {
    taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-theory variable-memory --form linear -H 8 --nets 2 -o linear.rnn
    rnn-run --count 5 --activity -o still.rnn linear.rnn
    local d
    for d in read:2 write:2 input:1 output:2 unit:7 -write:2; do
        rnn-run --count 5 --activity --perturb 0.5 --perturb-step 4 --perturb-along="$d" -o kicked.rnn linear.rnn
        "$PYTHON" - "$d" <<'PY'
import sys, msgpack, msgpack_numpy, numpy as np
def bodies(path, kind):
    with open(path, 'rb') as f:
        return [b for k, b, c in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0) if k == kind]
kind, k = sys.argv[1].lstrip('-').split(':'); k = int(k)
for net, a, b in zip(bodies('still.rnn', 'net'), bodies('still.rnn', 'activity'), bodies('kicked.rnn', 'activity')):
    W, p = net['params']['W_rec'].astype(float), net['params']
    U, s, Vt = np.linalg.svd(W)
    if kind in ('read', 'write'):
        sign = np.sign(Vt[k - 1][abs(Vt[k - 1]).argmax()])
        v = sign * (Vt[k - 1] if kind == 'read' else U[:, k - 1])
    else:
        v = p['W_in'][:, k - 1] if kind == 'input' else p['W_out'][k - 1] if kind == 'output' else np.eye(8)[k]
    v = v / np.linalg.norm(v) * (-.5 if sys.argv[1][0] == '-' else .5)
    moved = b['value'].astype(float) - a['value']
    assert a['value'].shape[0] == 5 and (moved[:, :4] == 0).all()
    for t in range(4, 20):
        v = W @ v
        assert np.allclose(moved[:, t], v, atol=2e-5 * np.abs(a['value']).max()), (sys.argv, t, moved[0, t], v)
PY
    done
    run -2 --separate-stderr rnn-run --perturb-along unit:0 "$NETS"
    [ "$stderr" = "rnn-run: --perturb-along has no effect without --perturb" ]
    run -2 --separate-stderr rnn-run --perturb 1 --perturb-along read:0 "$NETS"
    [[ "$stderr" == "rnn-run: --perturb-along: 'read:0': must be read:K, "* ]]
    run -2 --separate-stderr rnn-run --perturb 1 --perturb-along unit:12 -o out "$NETS"
    [ "$stderr" = "rnn-run: net-0000: direction 'unit:12': the network has 12 units" ]
    taskgen flip-flop --bits 2 --steps 6 | rnn-train -q --hidden 3 --rank 3 --read-latent --updates 1 -o latent.rnn
    run -2 --separate-stderr rnn-run --perturb 1 --perturb-along output:1 -o out latent.rnn
    [ "$stderr" = "rnn-run: net-0000: direction 'output:1': W_out is not one of units" ]
    [ ! -e out ]
}

@test "every network is followed by its row of performance" {
    rnn-run -o out.rnn "$NETS"
    [ "$(table out.rnn | column index | tr '\n' ' ')" = "0 1 2 " ]
    rnn-cat select --kind net,table --to jsonl out.rnn >lines || rnn-cat --to jsonl out.rnn >lines
    [ "$(grep -o '"kind": *"net"\|"name": *"performance"' lines | sed 's/.*"\(.*\)"/\1/' | tr '\n' ' ')" = "net performance net performance net performance " ]
}

@test "the output is the same for every -j" {
    rnn-run -j 1 --activity --noise 0.1 --steps 7 "$NETS" >one
    rnn-run -j 2 --activity --noise 0.1 --steps 7 "$NETS" >two
    cmp one two
}

@test "a network's frames do not depend on its company" {
    rnn-run "$NETS" | rnn-cat select --index 1 | table | tail -n +2 >with
    rnn-cat select --index 1 "$NETS" | rnn-run | table | tail -n +2 >alone
    cmp with alone
}

@test "a longer horizon makes longer trials" {
    rnn-run --horizon 77 "$NETS" | table >t
    [ "$(column steps <t | sort -u)" = 80 ]
    [ "$(column horizon <t | sort -u)" = 77 ]
}

@test "--count sets the number of trials" {
    [ "$(rnn-run --count 9 "$NETS" | table | column n | sort -u)" = 9 ]
}

@test "trials of a file are the ones that are run, and their number" {
    taskgen repeat-copy --length 3 --dims 2 --test 33 >given.rnn
    [ "$(rnn-run --trials given.rnn "$NETS" | table | column n | sort -u)" = 33 ]
    # drawn trials are the emitted ones: same address, same numbers
    rnn-run --trials given.rnn "$NETS" | table | column loss >a
    rnn-run --count 33 "$NETS" | table | column loss >b
    cmp a b
}

@test "noise changes the loss, and no noise is the default of these networks" {
    rnn-run "$NETS" | table | column loss >own
    rnn-run --no-noise "$NETS" | table | column loss >none
    rnn-run --noise 0.5 "$NETS" | table | column loss >loud
    cmp own none
    ! cmp -s own loud
}

@test "provenance tells a run whose noise was switched off from one with the network's own" {
    taskgen cue-discrimination --delay-ms 20 --fresh | rnn-train --hidden 8 --updates 2 --noise 0.5 -q -o noisy.rnn
    rnn-run noisy.rnn -o own
    rnn-run --noise 0 noisy.rnn -o none
    run ! cmp -s own none
    for run in own none; do
        rnn-cat --prov $run >again.sh
        bash again.sh >again 2>err || { cat err; return 1; }
        cmp again $run
    done
    run ! grep -q "'noise = 0' 'no-noise" <(rnn-cat --prov own)
}

@test "another seed gives other noise, the same seed the same" {
    rnn-run --noise 0.5 --seed 1 "$NETS" | table | column loss >one
    rnn-run --noise 0.5 --seed 1 "$NETS" | table | column loss >again
    rnn-run --noise 0.5 --seed 2 "$NETS" | table | column loss >two
    cmp one again
    ! cmp -s one two
}

@test "all units silenced: the outputs are zero, whatever the input" {
    rnn-run --silence 0-11 "$NETS" | table | column loss | sort -u >l
    [ "$(wc -l <l)" = 1 ] # targets are +1 and -1: the same loss for every network
    awk '{ exit !($1 > 0) }' l
}

@test "a unit that does not exist is refused, naming the network and its units" {
    run -2 --separate-stderr bash -c 'rnn-run --silence 12 "$NETS" >out.rnn'
    [[ $stderr == "rnn-run: "*"unit 12 cannot be silenced: the network has units 0 to 11"* ]]
}

@test "activity has the shape that was asked for, and its trials stand before it" {
    rnn-run --activity --activity-count 5 --units 3,7-9 --thin 4 --steps 10 --horizon 20 -o out.rnn "$NETS"
    "$PYTHON" - out.rnn <<'EOF'
import sys, msgpack, msgpack_numpy
seen = set()
n = 0
for kind, body, crc in msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode, max_buffer_size=0):
    if kind == "trials":
        seen.add(body["id"])
    if kind == "activity":
        n += 1
        assert body["trials"] in seen
        assert body["value"].shape == (5, (23 + 10 + 3) // 4, 4), body["value"].shape
        assert list(body["units"]) == [3, 7, 8, 9]
assert n == 3 and kind == "end"
EOF
}

@test "finite tasks have only so many trials" {
    run -2 --separate-stderr bash -c 'rnn-run --count 100000 "$SEQ" >out.rnn'
    [[ $stderr == *"has 126 test trials, not 100000"* ]]
}

@test "a horizon is refused where the task has none" {
    run -2 --separate-stderr bash -c 'rnn-run --horizon 9 "$SEQ" >out.rnn'
    [[ $stderr == *"task 'sequence' has no horizon to change"* ]]
}

@test "options without effect and contradictions are refused" {
    for args in "--noise 1 --no-noise" "--perturb-step 3" "--units 3" "--thin 2" "--what states" "--activity-count 2" "--task a --trials b" \
        "--trials b --horizon 3" "--silence 3-x" "--silence 9-8" "--nonsense"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr rnn-run $args "$NETS"
        [ -z "$output" ]
        [[ $stderr == "rnn-run: "* ]]
    done
}

@test "a network without a task is refused unless one is given" {
    "$PYTHON" -c 'import numpy as n; n.savez("w.npz", W_rec=n.eye(4), W_in=n.ones((4, 2)), W_out=n.ones((2, 4)))'
    rnn-cat --from npz --cell elman --activation tanh w.npz -o bare.rnn
    run -2 --separate-stderr bash -c 'rnn-run bare.rnn >out.rnn'
    [[ $stderr == *"has no task in the stream: say --task FILE"* ]]
    taskgen repeat-copy --length 3 --dims 2 --fresh >task.rnn
    [ "$(rnn-run --task task.rnn bare.rnn | table | column n)" -gt 0 ]
}

@test "empty input: the command before wrote nothing" {
    run -1 --separate-stderr bash -c 'rnn-run </dev/null >out.rnn'
    [[ $stderr == "rnn-run: "*"nothing"* ]]
}

@test "a cut stream fails, and what was done before the cut is there" {
    head -c 7000 "$NETS" >cut.rnn
    run -1 --separate-stderr bash -c 'rnn-run -j 2 cut.rnn >out.rnn'
    [[ $stderr == "rnn-run: "*rnn-train* ]]
    run -1 rnn-cat check out.rnn
}

@test "a network that diverged has a row that says so, and is no failure" {
    taskgen flip-flop --fresh | rnn-train --preset none --activation relu --optimizer sgd --lr 1e6 --updates 50 --hidden 8 --batch 4 --nets 2 -q >bad.rnn
    run -0 --separate-stderr bash -c 'rnn-run --activity bad.rnn >out.rnn'
    table out.rnn >t
    [ "$(column status <t | sort -u)" = diverged ]
    [ "$(column n <t | sort -u)" = 0 ]
    [ "$(column accuracy <t | sort -u)" = NaN ]
}

@test "a full disk is a failure" {
    run -1 --separate-stderr bash -c 'rnn-run "$NETS" >/dev/full'
    [[ $stderr == "rnn-run: "* ]]
}

@test "--open-loop where nothing runs free is refused" {
    taskgen repeat-copy --length 2 --dims 2 --fresh | rnn-train --hidden 4 --updates 1 -q -o n
    run -2 --separate-stderr bash -c "rnn-run --open-loop -q n >out"
    [[ "$stderr" == "rnn-run: net-0000: --open-loop has no effect on task 'repeat-copy'"* ]]
    taskgen sequence --types abba,abab --tokens 5 --suffix 2 --objective next-token | rnn-train --hidden 4 --updates 1 -q -o n
    rnn-run --open-loop -q n >/dev/null
}
