# How tools begin and end: files, pipes, terminals, signals.  tool_probe copies a stream and does nothing else.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    probe=$TESTBIN/tool_probe
    "$probe" --make >stream
}

wait_for_output() { # PID: until the tool has a file in this folder open, of whatever name or of none
    for _ in $(seq 250); do
        ! find "/proc/$1/fd" -lname "$PWD/*" 2>/dev/null | grep -q . || return 0
        sleep 0.02
    done
    return 1
}

@test "a stream is copied from file and pipe, to file and pipe, with the same bytes" {
    "$probe" stream >a
    "$probe" <stream >b
    "$probe" - <stream | cat >c
    "$probe" -o d stream
    cmp a b
    cmp a c
    cmp a d
    [ "$(find . -type f | sort | tr '\n' ' ')" = "./a ./b ./c ./d ./stream " ]
}

@test "with the serial build of OpenBLAS, which is not safe, one thread works" {
    local serial
    serial=$(find /usr/lib -type d -name openblas-serial -print -quit)
    [ -n "$serial" ] || skip "no serial OpenBLAS here"
    run -0 --separate-stderr env LD_LIBRARY_PATH="$serial" "$BIN/rnn-run" -j2 stream
    [[ "${stderr_lines[0]}" == "rnn-run: warning: --jobs: one thread works, not 2: OpenBLAS is here in its serial build"* ]]
    run -0 --separate-stderr "$BIN/rnn-run" -j2 stream
    [[ "$stderr" != *serial* ]]
}

@test "version tells stream, libraries and kernels" {
    run -0 --separate-stderr "$probe" --version
    [[ "${lines[1]}" =~ ^stream\ +rnn-stream\ [0-9]+\.[0-9]+$ ]]
    [[ "${lines[2]}" =~ ^BLAS\ +OpenBLAS\ [0-9.]+,\ core\ .+$ ]]
    [[ "${lines[3]}" =~ ^LAPACK\ +[0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ "${lines[4]}" =~ ^kernels\ +(ref|avx2|avx512)$ ]]
    RNN_KERNEL=ref run -0 "$probe" --version
    [[ "${lines[4]}" =~ ^kernels\ +ref$ ]]
}

@test "a tool keeps no threads that it has no work for" {
    mkfifo pipe
    for tool in rnn-run rnn-cat; do
        OPENBLAS_NUM_THREADS=8 "$BIN/$tool" pipe >/dev/null 2>&1 &
        exec 9>pipe # opens when the tool does: it waits for bytes now
        [ "$(sed -n 's/^Threads:\t//p' "/proc/$!/status")" = 1 ]
        exec 9>&-
        wait $! || true
    done
}

@test "an unusable kernel choice is misuse" {
    RNN_KERNEL=fast run -2 --separate-stderr "$probe" --version
    [ -z "$output" ]
    [[ "$stderr" == "tool_probe: RNN_KERNEL: "*"'fast'"* ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a terminal on standard output is refused, unless forced" {
    run -2 script -qec "'$probe' stream" /dev/null
    [[ "$output" == "tool_probe: standard output is a terminal"* ]]
    run -0 script -qec "'$probe' -f stream" /dev/null
    [[ "$output" == *"rnn-stream"* ]]
    run -0 script -qec "'$probe' -o out stream" /dev/null
    [ -z "$output" ]
    run -0 script -qec "'$probe' --text" /dev/null
    [[ "$output" == "one line"* ]]
}

@test "a terminal on standard input with no FILE gives the usage" {
    run -2 script -qec "'$probe' >data" /dev/null
    [[ "$output" == *"usage: tool_probe [options] [FILE]"* ]]
    [ ! -s data ]
}

@test "a full disk is reported" {
    for words in "stream" "--text"; do
        # shellcheck disable=SC2086
        run -1 --separate-stderr bash -c "'$probe' $words >/dev/full"
        [[ "$stderr" == "tool_probe: "*"No space left on device" ]]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
}

@test "files that cannot be read or written are named" {
    run -1 --separate-stderr "$probe" nowhere
    [[ "$stderr" == "tool_probe: "*"nowhere"*"No such file or directory" ]]
    run -1 --separate-stderr "$probe" -o no/where stream
    [[ "$stderr" == "tool_probe: "*"no/where"*"No such file or directory" ]]
    run -1 --separate-stderr "$probe" --text -o no/where
    [[ "$stderr" == "tool_probe: "*"no/where"*"No such file or directory" ]]
}

@test "a closed pipe ends a tool silently, even where SIGPIPE was ignored" {
    run -0 --separate-stderr bash -c "trap '' PIPE; (sleep 0.2; '$probe' --make; echo \$? >status) | true; cat status"
    [ -z "$stderr" ]
    [ "$output" = 141 ]
}

@test "nothing written, and a stream cut short, are told downstream and fail" {
    run -1 --separate-stderr bash -c "'$probe' </dev/null >got"
    [[ "$stderr" == *"the command before wrote nothing"* ]]
    head -c -3 stream >short
    run -1 --separate-stderr bash -c "'$probe' short | '$probe' >got"
    [ "${#stderr_lines[@]}" -eq 2 ]
    [[ "$stderr" == *"tool_probe"* ]]
    run -1 "$probe" -o out short
    [ ! -e out ]
}

@test "signals leave no file behind, and the tool dies of them" {
    for signal in INT TERM HUP; do
        for words in "" "--text" "--named" "--named --text"; do
            # python, because a shell starts its background jobs with SIGINT ignored
            run -0 "$PYTHON" - "$signal" "$probe" --make -o out --wait 20000 $words <<'PY'
import os, signal, subprocess, sys, time
sig = getattr(signal, "SIG" + sys.argv[1])
p = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: signal.signal(sig, signal.SIG_DFL))
def is_open():
    try: return any(os.readlink(f"/proc/{p.pid}/fd/{n}").startswith(os.getcwd() + "/") for n in os.listdir(f"/proc/{p.pid}/fd"))
    except FileNotFoundError: return False
for _ in range(500):
    if is_open(): break
    time.sleep(0.01)
assert is_open(), "no file was opened"
time.sleep(0.05)
p.send_signal(sig)
assert p.wait(5) == -sig, p.returncode
assert os.listdir(".") == ["stream"], os.listdir(".")
PY
        done
    done
}

@test "an earlier file stays as it was when its replacement is interrupted" {
    echo before >out
    "$probe" --make -o out --wait 20000 &
    wait_for_output $!
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ "$status" -eq 143 ]
    [ "$(cat out)" = before ]
    [ "$(find . -type f | wc -l)" -eq 2 ]
}

@test "not even SIGKILL leaves a file behind, and an earlier one stays" {
    "$PYTHON" -c 'import os; os.close(os.open(".", os.O_WRONLY | os.O_TMPFILE))' 2>/dev/null || skip "this file system has no unnamed files"
    for words in "" "--text"; do
        echo before >out
        # shellcheck disable=SC2086
        "$probe" --make -o out --wait 20000 $words &
        wait_for_output $!
        kill -KILL $!
        wait $! || true
        [ "$(cat out)" = before ]
        [ "$(find . -type f | sort | tr '\n' ' ')" = "./out ./stream " ]
    done
}

@test "closed standard streams fail where they are needed and never become files" {
    "$probe" -o want stream
    run -0 bash -c "'$probe' --verbose -o out <stream 2>&-"
    cmp want out
    run -1 --separate-stderr bash -c "'$probe' stream >&-"
    [[ "$stderr" == "tool_probe: "*"standard output"*"Bad file descriptor" ]]
    run -1 --separate-stderr bash -c "'$probe' -o out <&-"
    [[ "$stderr" == "tool_probe: standard input: "*"Bad file descriptor" ]]
    cmp want out
}

@test "a file is not read while it is written" {
    for words in "stream >>stream" "<stream >>stream" "- <stream >>stream"; do
        cp stream before
        run -2 --separate-stderr bash -c "ulimit -f 1000; '$probe' $words"
        [[ "$stderr" == "tool_probe: "*"is standard output, too"* ]]
        cmp stream before
    done
    "$probe" -o stream stream # this one goes well
    run -0 "$probe" stream
    run -0 bash -c "'$probe' stream >>other && '$probe' other >/dev/null"
}

@test "a FIFO that nobody reads can be given up" {
    mkfifo fifo
    for words in "-o fifo stream" "--text -o fifo"; do
        # shellcheck disable=SC2086
        OPENBLAS_NUM_THREADS=1 "$probe" $words 3>&- & # another thread would take the signal
        pid=$!
        sleep 0.3
        kill -TERM "$pid"
        (sleep 5 && kill -KILL "$pid") 3>&- &
        status=0
        wait "$pid" || status=$?
        kill "$!" || true
        [ "$status" -eq 143 ] || { echo "$words: $status"; false; }
    done
}

@test "a link leads to what is written, also where nothing was before" {
    mkdir sub
    ln -s sub/second first
    ln -s third sub/second
    "$probe" -o first stream
    "$probe" stream | cmp - sub/third
    [ "$(readlink first) $(readlink sub/second)" = "sub/second third" ]
    [ -f sub/third ]
    ln -s round around
    ln -s around round
    run -1 --separate-stderr "$probe" -o round stream
    [[ "$stderr" == "tool_probe: cannot write 'round': Too many levels of symbolic links" ]]
}

@test "a file that the user may not write to is not replaced" {
    as=()
    [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --clear-groups) # root may write to anything
    dir=$(mktemp -d)
    cp stream "$dir/in"
    echo before >"$dir/out"
    chmod 444 "$dir/out"
    chmod 777 "$dir"
    chmod 644 "$dir/in"
    run -1 --separate-stderr "${as[@]}" "$probe" -o "$dir/out" "$dir/in"
    got=$(cat "$dir/out")
    rm -r "$dir"
    [[ "$stderr" == "tool_probe: cannot write '$dir/out': Permission denied" ]]
    [ "$got" = before ]
}

@test "text goes through links and into pipes, and a file that it replaces keeps its permissions" {
    for words in "" "--named"; do
        rm -f out link
        echo before >out
        chmod 640 out
        ln -s out link
        # shellcheck disable=SC2086
        "$probe" --text -o link $words
        [ -L link ]
        [ "$(cat out)" = "one line" ]
        [ "$(stat -c %a out)" = 640 ]
        mkfifo pipe
        cat pipe >got &
        # shellcheck disable=SC2086
        "$probe" --text -o pipe $words
        wait $!
        [ -p pipe ]
        [ "$(cat got)" = "one line" ]
        rm pipe got
    done
    [ "$(find . -type f | sort | tr '\n' ' ')" = "./out ./stream " ]
}
