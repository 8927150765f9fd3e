#!/usr/bin/env bats
# rnn-train: options and presets, what it refuses, what it writes.  Effects of training: pipeline.bats; kills: checkpoint.bats.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen repeat-copy --length 3 --dims 2 --fresh >copy.rnn
    taskgen flip-flop --bits 2 --steps 12 --fresh >flip.rnn
    taskgen sequence --types abba,abab --tokens 5 >seq.rnn
    taskgen cue-discrimination --delay-ms 20 --fresh >cue.rnn
    taskgen delayed-activation --delay-ms 30 --fresh >delayed.rnn
    export IN=$PWD
}
setup() { cd "$BATS_TEST_TMPDIR"; }

short() { rnn-train -q --hidden 8 "$@"; }
quick() { short --updates 6 "$@"; }
learning() { rnn-cat --to tsv --table learning "$@"; }
column() { # NAME <TSV
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'
}
configured() { # FILE OPTIONS...: the values that --print-config gives, without comments
    rnn-train --print-config "${@:2}" "$1" | sed 's/ *#.*//' | grep '='
}
refused() { # MESSAGE COMMAND...: status 2, that one line, nothing on stdout
    local want=$1
    shift
    run -2 --separate-stderr "$@"
    [ -z "$output" ]
    [[ "$stderr" == "rnn-train: "*"$want"* ]] || { echo "said: $stderr"; false; }
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "the task chooses the preset, and the command line overrides it" {
    configured "$IN/copy.rnn" >copy
    grep -qx 'preset = variable-memory' copy && grep -qx 'curriculum = 10,20,40,60,100' copy && grep -qx 'updates = 20000' copy
    configured "$IN/seq.rnn" --hidden 20 >seq
    grep -qx 'preset = schemas' seq && grep -qx 'hidden = 20' seq && grep -qx 'batch = 1' seq && grep -qx 'loss = cross-entropy' seq
    configured "$IN/flip.rnn" >flip
    grep -qx 'preset = flip-flop' flip && grep -qx 'hidden = 16' flip
    configured "$IN/delayed.rnn" >delayed
    grep -qx 'rank = 2' delayed && grep -qx 'reduced = true' delayed && grep -qx 'updates = 500000' delayed
}

@test "short-term memory: the number of updates follows from the learning rate" {
    configured "$IN/cue.rnn" | grep -qx 'updates = 3000'
    configured "$IN/cue.rnn" --lr 0.1 | grep -qx 'updates = 1000'
    configured "$IN/cue.rnn" --lr 0.001 | grep -qx 'updates = 30000'
    configured "$IN/cue.rnn" --lr 0.001 --updates 50 | grep -qx 'updates = 50'
    taskgen cue-discrimination --post-ms 30 --fresh >post.rnn
    configured post.rnn | grep -qx 'updates = 10000'
    configured "$IN/cue.rnn" --lr 0.005179474679231213 | grep -qx 'updates = 5792'
}

@test "what --print-config prints, --config reads back" {
    rnn-train --print-config --lr 0.02 --count-modes --label a=b --seed 7 "$IN/copy.rnn" >conf
    rnn-train --print-config --config conf "$IN/copy.rnn" >again
    cmp conf again
    quick --lr 0.02 --seed 7 "$IN/copy.rnn" >want
    rnn-train --print-config --hidden 8 --updates 6 --lr 0.02 --seed 7 "$IN/copy.rnn" >conf
    rnn-train -q --config conf "$IN/copy.rnn" >got
    cmp want got
    grep -q '^# memory = nets in flight' conf
}

@test "the length of training is the same after reading it back, whatever decided it" {
    for words in "--preset none" "--preset none --epochs 2" "--preset none --updates 0" "" "--epochs 3" "--updates 5"; do
        rnn-train --print-config $words --batch 4 "$IN/seq.rnn" >conf
        rnn-train --print-config --config conf "$IN/seq.rnn" | cmp - conf
    done
    for words in "" "--lr 0.1" "--lr-budget 200" "--updates 7"; do
        rnn-train --print-config $words "$IN/cue.rnn" >conf
        rnn-train --print-config --config conf "$IN/cue.rnn" | cmp - conf
    done
    short --epochs 2 "$IN/seq.rnn" >want
    short --epochs 2 --print-config "$IN/seq.rnn" >conf
    rnn-train -q --config conf "$IN/seq.rnn" | cmp - want
}

@test "a stream that holds networks already is not trained again by mistake" {
    quick "$IN/flip.rnn" >once.rnn
    run -1 --separate-stderr quick once.rnn
    [[ $stderr == "rnn-train: the input holds net 'net-0000' already: --init-from"* ]]
    rnn-cat select --kind task once.rnn | quick --init-from once.rnn >twice.rnn
}

@test "a preset that does not fit, or is none" {
    refused "preset 'schemas' does not fit task 'flip-flop'" rnn-train --preset schemas "$IN/flip.rnn"
    refused "preset 'variable-memory' does not fit task 'sequence'" rnn-train --preset variable-memory "$IN/seq.rnn"
    refused "unknown preset 'adam'" rnn-train --preset adam "$IN/seq.rnn"
}

@test "contradictions and options without effect are refused" {
    refused "--rank (9) must not exceed --hidden (8)" rnn-train --hidden=8 --rank=9 "$IN/flip.rnn"
    refused "--updates and --epochs contradict" rnn-train --updates 3 --epochs 3 "$IN/seq.rnn"
    refused "draws its trials afresh" rnn-train --epochs 3 "$IN/flip.rnn"
    refused "--momentum: has no effect" rnn-train --momentum 0.9 "$IN/flip.rnn"
    refused "--beta1: has no effect" rnn-train --beta1 0.9 "$IN/cue.rnn"
    refused "--tau: has no effect" rnn-train --tau 20 "$IN/flip.rnn"
    refused "--noise-where: has no effect" rnn-train --noise-where outside "$IN/flip.rnn"
    refused "--curriculum: task 'flip-flop' has no horizon" rnn-train --curriculum 3,4 "$IN/flip.rnn"
    refused "--load: has no effect" rnn-train --load W_rec "$IN/flip.rnn"
    refused "--freeze: 'W_res': this network's parameters are W_rec, W_in" rnn-train --freeze W_res "$IN/flip.rnn"
    refused "does not exist with noise" rnn-train --noise 0.1 "$IN/delayed.rnn"
    refused "weights of full rank have no latent variables" rnn-train --rank 0 "$IN/delayed.rnn"
    rnn-train -q --rank 0 --no-read-latent --no-reduced --updates 2 "$IN/delayed.rnn" >full.rnn
    refused "--init-in: has no effect on a task without inputs" rnn-train --init-in zero "$IN/delayed.rnn"
    refused "--init-b-out-sd: has no effect without --bias-out" rnn-train --no-bias-out --init-b-out-sd 0.2 "$IN/flip.rnn"
    refused "--init-bias: has no effect without biases" rnn-train --no-bias-out --no-bias-rec --init-bias zero "$IN/flip.rnn"
    refused "--init-bias: 'xavier' is a law for matrices" rnn-train --init-bias xavier "$IN/flip.rnn"
    refused "--rnn-fan: has no effect" rnn-train --rnn-fan --init-in xavier "$IN/flip.rnn"
    refused "--h0 normal needs --h0-sd" rnn-train --h0 normal "$IN/flip.rnn"
    refused "--l1 has no meaning" rnn-train --rank 2 --l1 0.1 "$IN/flip.rnn"
    refused "--curriculum: '2.5,4': not a whole number" rnn-train --curriculum 2.5,4 "$IN/copy.rnn"
    refused "--dale has no meaning" rnn-train --rank 2 --dale 0.8 "$IN/flip.rnn"
    refused "--dale-balance: has no effect without --dale" rnn-train --no-dale-balance "$IN/flip.rnn"
    refused "--validate-every: task 'sequence' sets no trials aside" rnn-train --validate-every 5 "$IN/seq.rnn"
    refused "--beta1 (1) must be below 1" rnn-train --beta1 1 "$IN/flip.rnn"
    refused "--beta2 (1) must be below 1" rnn-train --beta2 1 "$IN/flip.rnn"
    refused "--eps (0) must be at least 1.2e-38" rnn-train --eps 0 "$IN/flip.rnn"
    refused "--lr-every: '0': must lie between 1" rnn-train --lr-schedule step --lr-every 0 "$IN/flip.rnn"
    refused "more than the 2^32 trials" rnn-train --updates 50000000 --batch 100 "$IN/flip.rnn"
    refused "--snapshots: 99" rnn-train --updates 5 --snapshots 99 "$IN/flip.rnn"
    refused "must not exceed" rnn-train --batch 1000 --drop-last --epochs 1 "$IN/seq.rnn"
    refused "unknown option" rnn-train --hiden 8 "$IN/flip.rnn"
    refused "unknown init law" rnn-train --init box "$IN/flip.rnn"
}

@test "four fifths of the units excite: nets learn, which with signs alone half of them do not; a donor's weights stay" {
    local options=(-q --hidden 100 --nets 4 --dale 0.8 --lr 0.02 --updates 600)
    rnn-train "${options[@]}" -o both.rnn "$IN/cue.rnn"
    rnn-train "${options[@]}" --no-dale-balance -o signs.rnn "$IN/cue.rnn"
    rnn-run both.rnn | rnn-cat --to tsv --table performance | column accuracy | awk '{ s += $1 } END { exit !(s / NR > 0.99) }'
    rnn-run signs.rnn | rnn-cat --to tsv --table performance | column accuracy | awk '{ s += $1 } END { exit !(s / NR < 0.9) }'
    rnn-cat select --index 0 both.rnn >one.rnn
    rnn-train -q --hidden 100 --dale 0.8 --updates 0 --init-from one.rnn -o again.rnn "$IN/cue.rnn"
    rnn-cat --to npy --array W_rec one.rnn >trained.npy && rnn-cat --to npy --array W_rec again.rnn >loaded.npy
    "$PYTHON" -c 'import numpy as np; assert (np.load("trained.npy") == np.load("loaded.npy")).all()' # zeros of either sign
}

@test "trials of different lengths: what stands where the weight is 0 changes no bit of net or score" {
    cat >lengths.py <<'PY'
import numpy as np, sys
from framed import put, head, end
g, K, T = np.random.default_rng(0), 90, 12
u, length = g.normal(size=(K, T, 2)).astype("f4"), g.integers(4, T + 1, K)
y, w = np.sign(np.cumsum(u[..., :1], 1)), (np.arange(T) < length[:, None]).astype("f4")
if sys.argv[1] == "other": y[w == 0], u[w == 0] = 7, -3
head()
put("task", {"id": "mine", "name": "lengths", "n_in": 2, "n_out": 1, "steps": T, "loss": "mse"})
for split, k in ("train", slice(60)), ("test", slice(60, None)):
    put("trials", {"id": split, "task": "mine", "split": split, "inputs": u[k], "targets": y[k], "weights": w[k], "params": {}})
end()
PY
    local what
    for what in one other; do
        PYTHONPATH=$BATS_TEST_DIRNAME "$PYTHON" -B lengths.py "$what" >"$what.rnn"
        short --epochs 2 --batch 20 "$what.rnn" | rnn-run --trials "$what.rnn" | rnn-cat --to jsonl | grep '"kind": *"\(net\|table\)"' >"$what.said"
    done
    run ! cmp -s one.rnn other.rnn
    [ "$(wc -l <one.said)" -eq 3 ]
    cmp one.said other.said
}

@test "the seed says everything: equal seeds, equal bytes; other seeds, other nets" {
    quick --seed 3 "$IN/flip.rnn" >one
    quick --seed 3 "$IN/flip.rnn" >two
    quick --seed 4 "$IN/flip.rnn" >three
    cmp one two
    run ! cmp -s one three
}

@test "the learning curve has its rows, before each update" {
    quick --log-every 2 "$IN/flip.rnn" | learning | column update | tr '\n' ' ' >rows
    [ "$(cat rows)" = "0 2 4 5 " ]
    quick --updates 3000 --hidden 2 --batch 1 --log-spaced "$IN/flip.rnn" | learning | column update >spaced
    [ "$(head -n 6 spaced | tr '\n' ' ')" = "0 1 2 3 4 5 " ] || [ "$(head -n 3 spaced | tr '\n' ' ')" = "0 1 2 " ]
    [ "$(wc -l <spaced)" -lt 80 ]
    quick --count-modes --modes-at 0 "$IN/flip.rnn" | learning | column modes | sort -u >modes
    [ "$(cat modes)" = 8 ]
}

@test "snapshots are nets of their own, marked as such; at the end they equal the net" {
    quick --snapshots 0,2,6 --nets 2 "$IN/flip.rnn" >out
    rnn-cat --to jsonl out >lines
    "$PYTHON" - lines <<'END'
import json, sys
nets = [b["body"] if "body" in b else b for b in map(json.loads, open(sys.argv[1])) if b["kind"] == "net"]
ids = [n["id"] for n in nets]
assert ids == [f"net-000{i}{s}" for i in (0, 1) for s in ("@0", "@2", "@6", "")], ids
for n in nets:
    snap = n["labels"].get("snapshot")
    assert (snap is None) == ("@" not in n["id"])
    assert (n["status"] == "untrained" and n["reason"] == "snapshot") == (snap is not None), n["status"]
by = dict(zip(ids, nets))
same = lambda a, b: json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
assert same(by["net-0000@6"]["params"], by["net-0000"]["params"])
assert same(by["net-0000@0"]["params"], by["net-0000"]["params0"])
assert not same(by["net-0000@2"]["params"], by["net-0000"]["params"])
END
}

@test "--init-from: one net for all, each its own, some parameters only" {
    quick --nets 2 --seed 1 "$IN/flip.rnn" -o donors.rnn
    quick --updates 0 --nets 2 --seed 2 --init-from donors.rnn "$IN/flip.rnn" -o copies.rnn
    quick --updates 0 --nets 2 --seed 2 "$IN/flip.rnn" -o fresh.rnn
    quick --updates 0 --nets 2 --seed 2 --init-from donors.rnn --load W_rec "$IN/flip.rnn" -o part.rnn
    params() { rnn-cat --to npz -o "$1.npz" "$1"; "$PYTHON" - "$1.npz" "$2" <<'END'
import sys, numpy as np
z = np.load(sys.argv[1])
for k in sorted(z.files):
    if k.endswith(sys.argv[2]) and "params0" not in k:
        print(z[k].ravel().tolist())
END
    }
    for p in W_rec W_in; do for f in donors copies fresh part; do params $f.rnn $p >$f.$p; [ -s $f.$p ]; done; done
    cmp donors.W_rec copies.W_rec && cmp donors.W_in copies.W_in
    cmp part.W_rec donors.W_rec && cmp part.W_in fresh.W_in
    run ! cmp -s donors.W_in fresh.W_in
    refused "has W_rec, which this network lacks: say with --load" quick --rank 2 --init-from donors.rnn -o never "$IN/flip.rnn"
    quick --rank 2 --init-from donors.rnn --load W_in,W_out --nets 2 "$IN/flip.rnn" >/dev/null
    run -2 --separate-stderr rnn-train -q --hidden 9 --updates 1 --init-from donors.rnn "$IN/flip.rnn"
    [[ "$stderr" == *"W_rec is 8 x 8, not 9 x 9"* ]]
}

@test "training trials in the stream are trained on; a task of one's own is, too" {
    taskgen flip-flop --bits 2 --steps 12 --trials 24 >given.rnn
    short --epochs 3 --batch 8 given.rnn -o out.rnn
    [ "$(learning out.rnn | column epoch | tail -n 1)" = 3 ]
    "$PYTHON" - "$BATS_TEST_DIRNAME/../interop" <<'END'
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from stream_numpy import write
g = np.random.default_rng(0)
u = g.normal(size=(10, 5, 3)).astype("f4")
y = u[:, :, :1].copy()
head = ("head", {"format": "rnn-stream", "version": [1, 0], "prov": []})
task = {"id": "mine", "name": "mine", "seed": 0, "params": {}, "n_in": 3, "n_out": 1, "steps": 5, "loss": "mse", "norm": "positions"}
trials = {"id": "t", "task": "mine", "split": "train", "stream": 0, "first": 0, "inputs": u, "targets": y, "weights": np.ones((10, 5)), "params": {}}
write("mine.rnn", [head, ("task", task), ("trials", trials)])
write("bare.rnn", [head, ("task", task)])
END
    rnn-train -q --hidden 8 --epochs 300 --batch 5 --lr 0.01 mine.rnn -o own.rnn
    learning own.rnn | column loss | grep -v NaN | tail -n 1 | awk '{ exit !($1 < 0.05) }'
    refused "its training trials must be in the stream" rnn-train bare.rnn
}

@test "trials go no further, unless kept; the rest of the input does" {
    short --epochs 1 "$IN/seq.rnn" -o out.rnn
    rnn-cat --to jsonl out.rnn >lines
    [ "$(grep -c '"kind": *"trials"' lines)" -eq 0 ]
    rnn-cat --to jsonl out.rnn | grep -q '"kind": *"task"'
    short --epochs 1 --keep-trials "$IN/seq.rnn" | rnn-cat --to jsonl | grep -q '"kind": *"trials"'
}

@test "rollouts: one token is the usual training; more give the same bytes for every -j; no meaning elsewhere" {
    taskgen sequence --types abba,abab --tokens 5 --suffix 2 --objective next-token >next.rnn
    short --epochs 3 --nets 3 next.rnn >usual
    short --epochs 3 --nets 3 --rollout 1 next.rnn >one
    cmp usual one
    for schedule in constant linear; do
        short --epochs 3 --nets 3 --rollout 3 --rollout-schedule $schedule -j 1 next.rnn >$schedule
        short --epochs 3 --nets 3 --rollout 3 --rollout-schedule $schedule -j 3 next.rnn | cmp - $schedule
        short --epochs 3 --nets 3 --rollout 3 --rollout-schedule $schedule --shard 1/3 next.rnn | learning - >part
        [ "$(wc -l <part)" -gt 3 ]
        learning $schedule | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "index") k = i } NR == 1 || $k == 1' | cmp - part
        run ! cmp -s $schedule usual
    done
    run ! cmp -s constant linear
    refused "--rollout: task 'sequence' is not one whose outputs are its next inputs" short --rollout 2 "$IN/seq.rnn"
    refused "--rollout: task 'repeat-copy' is not one" short --rollout 2 "$IN/copy.rnn"
    refused "--rollout (6) must be below the 6 steps" short --rollout 6 next.rnn
    refused "--rollout-schedule: has no effect without --rollout" short --rollout-schedule linear next.rnn
}

@test "a diverged net is a result" {
    run -0 --separate-stderr rnn-train -q --preset none --activation relu --optimizer sgd --lr 1e6 --hidden 8 --updates 50 --nets 2 -o out.rnn "$IN/flip.rnn"
    [ "$(rnn-cat --to jsonl out.rnn | grep -c '"status": *"diverged"')" -eq 2 ]
}

@test "two segments give two segments; a task is needed; trouble upstream is told" {
    cat "$IN/flip.rnn" "$IN/flip.rnn" | quick | rnn-cat --expect 2 >/dev/null
    cat "$IN/flip.rnn" "$IN/copy.rnn" >mixed.rnn
    run -2 --separate-stderr rnn-train -q --updates 2 mixed.rnn
    [[ "$stderr" == *"different presets"* ]]
    head -c 300 "$IN/flip.rnn" >cut.rnn
    run -1 --separate-stderr rnn-train -q cut.rnn
    [[ "$stderr" == *taskgen* ]]
    run -1 --separate-stderr rnn-train -q /dev/null
    [ -n "$stderr" ]
}

@test "segments: what is left to the task must be the same for all; the rest follows each" {
    taskgen sequence --types abba,abab --tokens 4 >small.rnn
    cat small.rnn "$IN/seq.rnn" >sizes.rnn
    refused "decide differently on --batch" short --epochs 1 --batch 0 -o never sizes.rnn
    short --epochs 2 --snapshots-spaced 3 sizes.rnn | rnn-cat --to jsonl | grep -o '"id": *"net-0000@[0-9]*"' | grep -o '@.*' | tr -d '\n' >took
    short --epochs 2 --snapshots-spaced 3 "$IN/seq.rnn" | rnn-cat --to jsonl | grep -o '"id": *"net-0000@[0-9]*"' | grep -o '@.*' | tr -d '\n' >alone
    [[ "$(<took)" == *"$(<alone)" && "$(<took)" != "$(<alone)$(<alone)" ]]
    taskgen cue-discrimination --delay-ms 20 --dt-ms 10 --fresh >coarse.rnn
    cat "$IN/cue.rnn" coarse.rnn >steps.rnn
    refused "decide differently on --dt" quick -o never steps.rnn
    quick --dt 10 steps.rnn | rnn-cat --expect 2 >/dev/null
    quick --cell elman steps.rnn -o elman.rnn # the time step has no effect, and is each task's own
    rnn-cat --to jsonl elman.rnn | grep '"kind": *"net"' | grep -o '"dt_ms": *[0-9]*' | tr -dc '0-9\n' | tr '\n' ' ' >steps
    [ "$(<steps)" = "5 10 " ]
    cat "$IN/flip.rnn" "$IN/seq.rnn" >losses.rnn
    refused "decide differently on --loss" quick --preset none -o never losses.rnn
}

@test "a full disk is noticed, and -o leaves nothing half done" {
    [ -e /dev/full ] || skip "no /dev/full"
    run -1 --separate-stderr bash -c 'rnn-train -q --hidden 8 --updates 2 "$1" >/dev/full' - "$IN/flip.rnn"
    [[ "$stderr" == *"No space left"* ]]
    rnn-train -q --updates 2000000 -o never.rnn "$IN/flip.rnn" 3>&- &
    pid=$!
    sleep 0.3
    kill -INT $pid 2>/dev/null; kill -TERM $pid 2>/dev/null || true
    wait $pid || true
    [ -z "$(ls -A | grep never || true)" ]
}

@test "cross-entropy refuses targets that are no probabilities, whether drawn or given" {
    for words in "--fresh" ""; do
        # shellcheck disable=SC2086
        taskgen repeat-copy --length 2 --dims 2 $words >pm
        run -2 --separate-stderr rnn-train --loss cross-entropy --readout linear --updates 1 -q pm
        [[ "$stderr" == "rnn-train: --loss cross-entropy needs targets between 0 and 1"*"task 'repeat-copy' wants "*"say --loss mse" ]]
        [ -z "$output" ]
    done
}
