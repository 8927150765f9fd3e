#!/usr/bin/env bats
# Memory is what --print-config says, and does not grow with the number of networks.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export PATH=$BIN:$PATH
    cat >peak.py <<'END'
import os, subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(p.pid, 0)
print(used.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
END
}

peak() { "${PYTHON:-/usr/bin/python3}" peak.py "$@"; }

skip_under_sanitizers() { # shadow memory has its own rules
    case $BIN in */asan/*) skip "the sanitizers' own memory is in the way" ;; esac
}

@test "rnn-train's peak memory is within 10 % of the formula it prints" {
    skip_under_sanitizers
    taskgen cue-discrimination --delay-ms 400 --fresh >cue
    taskgen repeat-copy --length 8 --dims 8 --fresh >copy
    start=$(peak rnn-train --version)
    while read -r file options; do
        # shellcheck disable=SC2086 # options are words
        said=$(rnn-train $options --print-config "$file" | sed -n 's/^# memory = \([0-9]*\) bytes.*/\1/p')
        # shellcheck disable=SC2086
        used=$(($(peak rnn-train $options "$file") - start))
        echo "$options: said $said, used $used"
        [ "$said" -gt 20000000 ]
        [ $((used * 10)) -le $((said * 11)) ] && [ $((used * 10)) -ge $((said * 9)) ]
    done <<'END'
cue --hidden 400 --updates 2 --nets 2 -j2
cue --hidden 700 --updates 2 --nets 1 --precision double
copy --preset variable-memory --hidden 512 --curriculum 100 --batch 128 --updates 2
copy --preset none --decoder 64 --hidden 400 --batch 128 --updates 2
END
}

@test "ten thousand networks stream through in the memory of a hundred" {
    skip_under_sanitizers
    taskgen repeat-copy --length 2 --dims 1 --horizon 4 --fresh >task
    few=$(peak rnn-train --hidden 4 --batch 1 --curriculum 2 --updates 1 --nets 100 -j2 -q task)
    many=$(peak rnn-train --hidden 4 --batch 1 --curriculum 2 --updates 1 --nets 10000 -j2 -q task)
    echo "100: $few, 10000: $many"
    [ "$many" -le $((few * 11 / 10)) ]
    rnn-train --hidden 4 --batch 1 --curriculum 2 --updates 1 --nets 10000 -j2 -q task >nets
    rnn-cat select --index 0-99 nets >some
    few=$(peak rnn-run --count 4 some)
    many=$(peak rnn-run --count 4 nets)
    echo "rnn-run: 100: $few, 10000: $many"
    [ "$many" -le $((few * 13 / 10)) ]
}
