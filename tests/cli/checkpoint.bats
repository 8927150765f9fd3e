#!/usr/bin/env bats
# rnn-train --checkpoint: after kill -9 at any moment the same command ends with the bytes of an undisturbed run.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen repeat-copy --length 3 --dims 2 --fresh >task.rnn
    export TASK=$PWD/task.rnn WHOLE=$PWD/whole.rnn LONG_WHOLE=$PWD/long.rnn
    train >whole.rnn
    train --updates "$LONG" >long.rnn
}
setup() { cd "$BATS_TEST_TMPDIR"; }

# Curriculum, noise, masks, snapshots, validation: all that has state.
OPTIONS=(-q --preset variable-memory-fast --hidden 24 --updates 400 --nets 6 -j 2 --seed 5 --snapshots 3,200 --curriculum 4,8
    --curriculum-at 0.6 --noise 0.01 --sparsity 0.2 --validate-every 100 --validate-trials 20)
LONG=${RNN_TEST_SMALL:+800}
LONG=${LONG:-3500} # enough for the kills to meet it at work
KEEP=(--checkpoint ck --checkpoint-every 0)
train() { rnn-train "${OPTIONS[@]}" "$@" "$TASK"; }
keep() { train "${KEEP[@]}" "$@"; }

kill_after() { # SECONDS OPTIONS...
    local s=$1 pid
    shift
    rnn-train "${OPTIONS[@]}" "${KEEP[@]}" "$@" "$TASK" >killed.rnn 3>&- &
    pid=$!
    sleep "$s"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

@test "24 kills, then the end: the same bytes as undisturbed" {
    local states=0 grown=0 last=0 size pause=0.0
    [ -z "${RNN_TEST_SMALL-}" ] || pause=0.1 # sanitizers start slowly
    for i in $(seq 24); do
        kill_after "$pause$((3 + i % 7))" --updates "$LONG"
        [ ! -e ck.state ] || states=$((states + 1))
        size=$(stat -c %s ck 2>/dev/null || echo 0)
        [ "$size" -le "$last" ] || grown=$((grown + 1))
        last=$size
    done
    [ "$states" -ge 12 ] # most kills met nets in flight
    [ "$grown" -ge 1 ]   # and nets were finished between them
    keep --updates "$LONG" >out.rnn
    cmp out.rnn "$LONG_WHOLE"
    [ ! -e ck.state ]
}

@test "the same with -o, and with another -j after the kill" {
    for s in 0.04 0.06 0.08; do kill_after $s --updates "$LONG" -o out.rnn; done
    [ ! -e out.rnn ]
    keep --updates "$LONG" -j 1 -o out.rnn
    cmp out.rnn "$LONG_WHOLE"
}

@test "a finished checkpoint is emitted again without training" {
    keep >first.rnn
    cp ck before
    keep >again.rnn
    cmp first.rnn again.rnn
    cmp ck before
}

@test "a torn tail is cut off, wherever it is torn" {
    keep >first.rnn
    cp ck whole.ck
    size=$(stat -c %s ck)
    for cut in 1 5 1000 $((size / 3)) $((size / 2)) $((size - 10)); do
        head -c $((size - cut)) whole.ck >ck
        keep >out.rnn
        cmp out.rnn "$WHOLE"
    done
    cp whole.ck ck
    printf 'garbage' >>ck
    keep >out.rnn
    cmp out.rnn "$WHOLE"
}

@test "an interrupted run says how it goes on" {
    for signal in INT TERM; do
        # python, because a shell starts its background jobs with SIGINT ignored
        run -0 "$PYTHON" - "$signal" rnn-train "${OPTIONS[@]:1}" "${KEEP[@]}" --progress none --updates 2000000 -o out.rnn "$TASK" <<'PY'
import os, signal, subprocess, sys, time
sig = getattr(signal, "SIG" + sys.argv[1])
p = subprocess.Popen(sys.argv[2:], stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(sig, signal.SIG_DFL))
for _ in range(2000):
    if os.path.exists("ck.state"): break
    time.sleep(0.01)
p.send_signal(sig)
said = p.communicate()[1].decode()
assert p.returncode == -sig, p.returncode
assert said == "rnn-train: interrupted: the same command goes on from its checkpoint\n", said
assert not os.path.exists("out.rnn")
PY
        rm -f ck ck.state
    done
}

@test "a checkpoint that cannot be written ends the run, which goes on from it later" {
    run -1 --separate-stderr bash -c "ulimit -f 32; rnn-train ${OPTIONS[*]} ${KEEP[*]} -o out.rnn '$TASK'" # KiB
    [[ "$stderr" == "rnn-train: cannot write 'ck"*"': File too large" ]]
    [ ! -e out.rnn ]
    keep -o out.rnn
    cmp out.rnn "$WHOLE"
}

@test "shards share nothing and end with their part" {
    train --shard 1/2 >want.rnn
    kill_after 0.1 --shard 1/2
    keep --shard 1/2 >out.rnn
    cmp out.rnn want.rnn
}

@test "other options, another input, another file are refused" {
    kill_after 0.1
    cp ck before
    run -2 --separate-stderr keep --lr 0.002
    [ -z "$output" ]
    [[ "$stderr" == "rnn-train: --checkpoint: 'ck' belongs to a run with other options, input or build" ]]
    taskgen repeat-copy --length 3 --dims 2 --fresh --seed 9 >other.rnn
    TASK=other.rnn run -2 --separate-stderr keep
    [[ "$stderr" == *"other options, input or build"* ]]
    cmp ck before
    echo "my thesis" >ck
    run -2 --separate-stderr keep
    [[ "$stderr" == *"'ck' exists and is not a checkpoint"* ]]
    [ "$(cat ck)" = "my thesis" ]
    cp "$WHOLE" ck
    run -2 --separate-stderr keep
    [[ "$stderr" == *"'ck' is a stream but not a checkpoint"* ]]
    cmp ck "$WHOLE"
}

@test "two processes cannot share a checkpoint" {
    rnn-train "${OPTIONS[@]}" "${KEEP[@]}" --updates 200000 "$TASK" >/dev/null 3>&- &
    pid=$!
    sleep 0.3
    run -2 --separate-stderr keep --updates 200000
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    [[ "$stderr" == *"in use by another process"* ]]
}

@test "a checkpoint is of one segment" {
    cat "$TASK" "$TASK" >two.rnn
    TASK=two.rnn run -2 --separate-stderr keep
    [[ "$stderr" == *"more than one segment"* ]]
}
