#!/usr/bin/env bats
# The studies as a stranger meets them: what they say before they begin, what they leave behind, and what they do when the world is bad.
bats_require_minimum_version 1.5.0

setup_file() {
    export PIPES=$BATS_TEST_DIRNAME/../../pipelines
    export D=$BATS_FILE_TMPDIR
    unset MAKEFLAGS MAKELEVEL
}

setup() { cd "$BATS_TEST_TMPDIR"; }

# The variable-memory study with two small networks that hardly learn: all of its steps, none of its science.
mini() { # OUT MAKE-ARGUMENTS...
    local out=$1
    shift
    make -s -C "$PIPES/variable-memory" OUT="$out" BIN="$BIN" NETS=1 TRAINED='rc-4x3 rc-8x4' BUILT='built-figure built-cc' \
        train_rc-4x3='--preset variable-memory-fast --hidden 16 --updates 30 --label set=rc-main' \
        train_rc-8x4='--preset variable-memory-fast --hidden 40 --updates 30 --label set=rc-main --count-modes' "$@"
}

@test "make study says first how long it will take, and above two hours asks" {
    run -0 --separate-stderr make -s -C "$PIPES" estimate SCALE=reduced CORES=2
    [ "${stderr_lines[0]}" = "reduced scale, on the 2 processors here:" ]
    [ "$(grep -cE '^  (schemas|short-term-memory|variable-memory) +about [0-9]+ (seconds|minutes)$' <<<"$stderr")" = 3 ]
    grep -qE '^  together +about [0-5]?[0-9] minutes$' <<<"$stderr"
    run -2 --separate-stderr make -s -C "$PIPES" estimate SCALE=full CORES=2
    [[ "$stderr" == *"that is more than two hours: say CONFIRM=1 to begin"* ]]
    run -0 make -s -C "$PIPES" estimate SCALE=full CORES=2 CONFIRM=1
    run -2 --separate-stderr make -s -C "$PIPES" estimate SCALE=tiny
    [[ "$stderr" == *"SCALE must be demo, reduced or full, not tiny"* ]]
}

@test "every claim of a study stands on its page" {
    for study in schemas short-term-memory variable-memory; do
        run -0 "$PYTHON" - "$PIPES/$study" <<'END'
import sys, fnmatch
d = sys.argv[1]
rows = [l.split("\t")[0] for l in open(d + "/claims.tsv") if not l.startswith("#")]
wanted = [w for l in open(d + "/page.txt") if l.startswith("@claims") for w in l.split()[1:]]
assert rows[0] == "id" and len(rows) > 40
lost = [i for i in rows[1:] if not any(fnmatch.fnmatchcase(i, w) for w in wanted)]
empty = [w for w in wanted if not any(fnmatch.fnmatchcase(i, w) for i in rows[1:])]
assert not lost and not empty, (lost, empty)
END
    done
}

@test "figures and page are made again from nets.rnn alone, without training, to the byte" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "too long under sanitizers"
    mini "$D/a" study page 2>said || { cat said; false; }
    [ "$(wc -l <"$D/a/nets.tsv")" = 3 ]
    grep -q '<a href="nets.rnn">' "$D/a/variable-memory.html"
    mkdir "$D/b"
    cp "$D/a/nets.rnn" "$D/b"
    mini "$D/b" -o "$D/b/nets.rnn" study page 2>said || { cat said; false; }
    run ! grep -q training said
    cmp "$D/a/variable-memory.html" "$D/b/variable-memory.html"
    cmp "$D/a/claims.tsv" "$D/b/claims.tsv"
}

@test "a study that was killed goes on, and says what it does not need to do again" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "too long under sanitizers"
    mini "$D/c" "$D/c/nets/rc-4x3.rnn" 2>said
    grep -q 'training 1 networks: rc-4x3' said
    mini "$D/c" study 2>said || { cat said; false; }
    run ! grep -q 'networks: rc-4x3' said
    grep -q 'networks: rc-8x4' said
}

@test "no place to write, no gnuplot, a wrong scale: one clear line" {
    run -2 --separate-stderr mini "$D/a place" study
    [[ "$stderr" == *"make cannot work with spaces in names: "*"OUT='$D/a place'"* ]]
    touch "$D/file"
    run -2 --separate-stderr mini "$D/file/x" study
    [[ "$stderr" == *"$D/file"* ]]
    run -2 --separate-stderr make -s -C "$PIPES/variable-memory" SCALE=tiny
    [[ "$stderr" == *"SCALE must be one of demo reduced full, not 'tiny'"* ]]
    taskgen flip-flop --fresh | rnn-train --hidden 4 --updates 2 -q >net.rnn
    run -1 --separate-stderr env PATH=/nowhere "$BIN/rnn-report" figure learning-curves -o f.svg net.rnn
    [[ "$stderr" == "rnn-report: "*gnuplot* && ! -e f.svg ]] || { echo "$stderr"; false; }
    run -1 --separate-stderr rnn-report page "$PIPES/schemas/page.txt" -o /dev/full net.rnn
    [[ "${stderr_lines[-1]}" == "rnn-report: cannot write the page: No space left on device" ]] || { echo "$stderr"; false; }
}
