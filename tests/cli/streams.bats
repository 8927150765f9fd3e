# Pipelines of whole tools: what happens to a stream that breaks, and to who writes it.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    PY=${PYTHON:-/usr/bin/python3}
    for tool in taskgen rnn-train rnn-run rnn-cat; do
        [ -x "$BIN/$tool" ] || skip "no $tool yet"
    done
    taskgen flip-flop --bits 1 --fresh >task.rnn
    rnn-train --hidden 3 --updates 2 --nets 2 task.rnn >nets.rnn
}

@test "a truncated stream makes every later tool fail, naming who stopped early" {
    head -c $(($(stat -c %s nets.rnn) - 10)) nets.rnn >cut.rnn
    for next in rnn-run "rnn-cat" "rnn-cat info" "rnn-cat --to jsonl"; do
        run -1 --separate-stderr bash -c "$next <cut.rnn >/dev/null"
        [[ "$stderr" == "${next%% *}: "*rnn-train* ]] || { echo "$next: $stderr"; false; }
    done
    run -1 --separate-stderr bash -c 'rnn-run <cut.rnn 2>/dev/null | rnn-cat >last.rnn'
    [[ "$stderr" == "rnn-cat: "*rnn-train* ]]
    rnn-cat info last.rnn >frames 2>/dev/null || true
    tail -n 1 frames | grep -q ' error .*rnn-train: truncated: '
    [ "$(grep -c ' error ' frames)" -eq 1 ]
}

@test "killed upstream: the pipeline fails although nobody asked for pipefail" {
    run -1 --separate-stderr bash -c '(rnn-train --hidden 64 --updates 100000 --nets 3 task.rnn & pid=$!; sleep 0.3; kill -KILL $pid; wait $pid) 2>/dev/null | rnn-cat >/dev/null'
    [[ "$stderr" == "rnn-cat: standard input: "* ]]
    run -1 --separate-stderr bash -c '{ cat nets.rnn; head -c 900 nets.rnn; } | rnn-run 2>first | rnn-cat >out.rnn'
    grep -q rnn-train first
    [[ "$stderr" == "rnn-cat: standard input: "*rnn-train* ]]
}

@test "without networks in the stream every tool says so in one line, and those that add to it pass it on" {
    taskgen sequence >alone.rnn
    for next in rnn-run rnn-lowrank "rnn-lowrank --truncate 1" rnn-fixedpts rnn-varmem "rnn-theory mean-field"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr $next -o out.rnn alone.rnn
        [ "$stderr" = "${next%% *}: warning: no networks in the input: nothing was done" ] || { echo "$next: $stderr"; false; }
        rnn-cat check out.rnn | grep -q "1 task, 2 trials, 0 net"
    done
    run -1 --separate-stderr rnn-geometry -o out2.rnn alone.rnn
    [ "$stderr" = "rnn-geometry: no activity in the stream: rnn-run --activity writes it" ]
    run -1 --separate-stderr rnn-rollout -o out2.rnn alone.rnn
    [ "$stderr" = "rnn-rollout: no networks that can be run in the input" ]
    run -1 --separate-stderr rnn-transfer --donors alone.rnn -o out2.rnn alone.rnn
    [ "$stderr" = "rnn-transfer: --donors: alone.rnn: segment 0 holds no nets" ]
    [ ! -e out2.rnn ]
}

@test "empty input names the command before" {
    for next in rnn-train rnn-run rnn-cat "rnn-cat check" "rnn-cat head"; do
        run -1 --separate-stderr bash -c "$next </dev/null >out.rnn"
        [[ "$stderr" == "${next%% *}: "*"the command before wrote nothing"* ]] || { echo "$next: $stderr"; false; }
    done
    run -1 --separate-stderr bash -c 'rnn-run </dev/null 2>/dev/null | rnn-cat info'
    [[ "$stderr" == *"the command before wrote nothing"* ]]
}

@test "a full disk is reported and fails" {
    for words in "taskgen flip-flop --trials 2000" "rnn-train --hidden 3 --updates 2 task.rnn" "rnn-run nets.rnn" "rnn-cat nets.rnn" \
                 "rnn-cat info nets.rnn" "rnn-cat --to jsonl nets.rnn" "rnn-cat --to npz nets.rnn" "rnn-cat --prov nets.rnn" \
                 "rnn-cat --to mat nets.rnn" "rnn-cat --to safetensors nets.rnn" "rnn-cat check nets.rnn"; do
        # shellcheck disable=SC2086
        run -1 --separate-stderr bash -c "$words >/dev/full"
        [[ "$stderr" == "${words%% *}: "*"No space left on device"* ]] || { echo "$words: $stderr"; false; }
    done
}

@test "what a file system says only when a file is closed is reported, too" {
    [ "${VARIANT-}" != asan ] || skip "sanitizers want to be loaded first"
    cat >late.c <<'C'
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int close(int fd) { return syscall(SYS_close, fd) == 0 && fd == 1 ? (errno = EDQUOT, -1) : 0; }
C
    "${CC:-cc}" -shared -fPIC -o late.so late.c || skip "no compiler"
    for words in "taskgen flip-flop --fresh" "rnn-run nets.rnn" "rnn-cat nets.rnn" "rnn-cat info nets.rnn" "rnn-cat --to npz nets.rnn"; do
        # shellcheck disable=SC2086
        run -1 --separate-stderr env LD_PRELOAD="$PWD/late.so" bash -c "$words >out"
        [[ "$stderr" == "${words%% *}: cannot write: standard output: Disk quota exceeded" ]] || { echo "$words: $stderr"; false; }
    done
}

@test "binary to a terminal is refused, text is not" {
    cat >on_terminal.py <<'PY'
import os, pty, subprocess, sys, threading
leader, follower = pty.openpty()
def drain():
    while os.read(leader, 65536):
        pass
threading.Thread(target=drain, daemon=True).start()
p = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.PIPE)
sys.stderr.write(p.stderr.decode())
sys.stderr.flush()
os._exit(p.returncode)
PY
    for words in "taskgen flip-flop" "rnn-train --hidden 3 --updates 2 task.rnn" "rnn-run nets.rnn" "rnn-cat nets.rnn" "rnn-cat --to npz nets.rnn" \
                 "rnn-cat head nets.rnn"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr "$PY" on_terminal.py $words
        [[ "$stderr" == "${words%% *}: standard output is a terminal: "* ]] || { echo "$words: $stderr"; false; }
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$PY" on_terminal.py $words -f
    done
    for words in "rnn-cat info nets.rnn" "rnn-cat check nets.rnn" "rnn-cat --prov nets.rnn" "rnn-cat --to tsv --table learning nets.rnn"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$PY" on_terminal.py $words
    done
}

@test "a reader that leaves early is no noise" {
    for words in "taskgen flip-flop --trials 20000" "rnn-cat --to jsonl big.rnn" "rnn-cat big.rnn"; do
        [ -e big.rnn ] || taskgen flip-flop --trials 20000 >big.rnn
        # shellcheck disable=SC2086
        run -0 --separate-stderr bash -c "$words | head -c 100 | wc -c"
        [ "$output" -eq 100 ]
        [ -z "$stderr" ] || { echo "$words: $stderr"; false; }
    done
}

@test "pipefail stays usable: head reads on, and the pipeline is good" {
    bash -o pipefail -c 'taskgen flip-flop --trials 20000 | rnn-cat head -n 1 >one.rnn'
    rnn-cat check one.rnn
    run -1 bash -o pipefail -c 'head -c 100000 <(taskgen flip-flop --trials 20000) | rnn-cat head -n 1 >one.rnn'
}

@test "concatenation is legal everywhere: two segments in, two out" {
    cat nets.rnn nets.rnn >two.rnn
    run -0 rnn-cat check --expect 2 two.rnn
    rnn-run --count 3 two.rnn >ran.rnn
    run -0 rnn-cat check --expect 2 --expect-nets 4 ran.rnn
    rnn-run --count 3 nets.rnn >once.rnn
    cat once.rnn once.rnn | cmp - ran.rnn
}

@test "an interrupted tool leaves no file behind" {
    rnn-train --hidden 64 --updates 1000000 -o out.rnn task.rnn 2>/dev/null &
    pid=$!
    sleep 0.3
    kill -TERM "$pid"
    run wait "$pid"
    [ ! -e out.rnn ]
    [ "$(find . -name '*out.rnn*' | wc -l)" -eq 0 ]
}

@test "a doubled, dropped or swapped frame is found by a tool that only copies" {
    rnn-cat --to jsonl nets.rnn >lines
    "$PY" - <<'PY'
import msgpack
d = open("nets.rnn", "rb").read()
u = msgpack.Unpacker(max_buffer_size=0)
u.feed(d)
cuts = [0]
for _ in u:
    cuts.append(u.tell())
f = [d[a:b] for a, b in zip(cuts, cuts[1:])]
nets = [i for i, x in enumerate(f) if x[1:5] == b"\xa3net"]
i, j = nets[0], nets[1]
open("doubled", "wb").write(b"".join(f[:j] + [f[j], f[j]] + f[j + 1:]))
open("dropped", "wb").write(b"".join(f[:i] + f[i + 1:]))
swapped = list(f)
swapped[i], swapped[j] = f[j], f[i]
open("swapped", "wb").write(b"".join(swapped))
PY
    for how in doubled dropped swapped; do
        run -1 --separate-stderr rnn-cat -o copy "$how"
        [ ! -e copy ]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
}
