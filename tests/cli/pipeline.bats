#!/usr/bin/env bats
# Whole pipelines in miniature: each study's effect where it must be, and not where it must not; the same bytes whatever the
# division of the work; failures that reach the end.
bats_require_minimum_version 1.5.0

setup() { cd "$BATS_TEST_TMPDIR"; }

accuracies() { rnn-cat --to tsv --table performance "$@" | awk -F '\t' '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == "accuracy") k = i; next } { print $k }'; }
all() { # TEST <numbers: true when awk's TEST of $1 holds for every line, and there is a line
    awk "{ n++; if (!($1)) bad = 1 } END { exit bad || !n }"; }
memory() { taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-train --preset variable-memory-fast --hidden 24 --seed 2 -q "$@"; }

@test "variable memory: trained networks repeat beyond their horizon, untrained ones guess" {
    memory --updates 800 --nets 2 | rnn-run --horizon 100 >out
    accuracies out | all '$1 >= 0.99'
    memory --updates 1 --nets 2 | rnn-run --horizon 100 >null
    accuracies null | all '$1 < 0.7'
}

@test "schemas: held-out tokens are classified, with shuffled labels they are not" {
    taskgen sequence | rnn-train --preset schemas --hidden 64 --epochs 12 --nets 2 --seed 1 -q | rnn-run >out
    accuracies out | all '$1 >= 0.9'
    taskgen sequence --shuffle-labels | rnn-train --preset schemas --hidden 64 --epochs 12 --nets 2 --seed 1 -q | rnn-run >null
    accuracies null | all '$1 < 0.35'
}

@test "short-term memory: a short delay is learned at a small rate, a long one at a large rate is not" {
    taskgen cue-discrimination --delay-ms 20 --fresh |
        rnn-train --preset short-term-memory --hidden 40 --batch 32 --lr 0.05 --updates 800 --nets 2 --seed 1 -q | rnn-run >out
    accuracies out | all '$1 >= 0.9'
    taskgen cue-discrimination --delay-ms 160 --fresh |
        rnn-train --preset short-term-memory --hidden 40 --batch 32 --lr 10 --updates 300 --nets 4 --seed 1 -q | rnn-run >null
    accuracies null | all '$1 < 0.8'
}

@test "flip-flop: bits are held; without recurrence they are not" {
    taskgen flip-flop --fresh | rnn-train --preset flip-flop --updates 600 --nets 2 --seed 1 -q | rnn-run >out
    accuracies out | all '$1 >= 0.95'
    taskgen flip-flop --fresh | rnn-train --preset flip-flop --updates 600 --init zero --freeze W_rec --nets 2 --seed 1 -q | rnn-run >null
    accuracies null | all '$1 < 0.9'
}

@test "-j 1 and -j 2 give equal files" {
    memory --updates 20 --nets 4 -j 1 | rnn-run -j 1 --activity >one
    memory --updates 20 --nets 4 -j 2 | rnn-run -j 2 --activity >two
    cmp one two
}

# The bytes of the frames that belong to networks, without head and end (whose provenance and counts do differ).
frames() { "$PYTHON" -c '
import sys, msgpack
data = sys.stdin.buffer.read()
u = msgpack.Unpacker(max_buffer_size=0, strict_map_key=False)
u.feed(data)
start = 0
for frame in u:
    if frame[0] in ("net", "param", "table", "activity"):
        sys.stdout.buffer.write(data[start:u.tell()])
    start = u.tell()'; }

@test "merged shards hold the networks of the whole in its order" {
    memory --updates 20 --nets 5 | rnn-run >whole
    for i in 0 1; do memory --updates 20 --nets 5 --shard $i/2 | rnn-run >shard$i; done
    cat shard0 shard1 | rnn-cat --expect 2 >merged
    frames <whole >a
    frames <merged >b
    [ -s a ]
    cmp a b
}

@test "the first 3 networks of 10 are the 3 of 3" {
    memory --updates 20 --nets 10 | rnn-run >ten
    memory --updates 20 --nets 3 | rnn-run | frames >three
    rnn-cat select --index 0-2 ten | frames >some
    [ -s some ]
    cmp some three
}

@test "a trainer that is killed fails the pipeline, named" {
    set -o pipefail
    run -1 --separate-stderr bash -c '
        set -o pipefail
        taskgen repeat-copy --length 3 --dims 2 --fresh | timeout -s KILL 1 rnn-train --preset variable-memory-fast --updates 100000000 -q |
            rnn-run >out; exit ${PIPESTATUS[2]}'
    [[ $stderr == *"rnn-run: "*taskgen* || $stderr == *"rnn-run: "*rnn-train* || $stderr == *"rnn-run: "*nothing* ]]
}
