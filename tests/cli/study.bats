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

# briefly TOOL LAST-OPTIONS [TEST]: BIN's tool in folder tools, but that it makes little of whatever it is asked for: the last options count.
# TEST sees the words of the command and may add options.
briefly() {
    mkdir -p tools
    printf '#!/bin/bash\n%s\nexec "%s" "$@" %s\n' "${3-}" "$BIN/$1" "$2" >"tools/$1"
    chmod +x "tools/$1"
}

# remade STUDY MAKE-ARGUMENTS...: the study with the tools of folder tools (the others are BIN's), and again from its nets.rnn alone
remade() {
    local study=$1 file tool
    shift
    for tool in "$BIN"/*; do [ -e "tools/${tool##*/}" ] || ln -s "$tool" tools; done
    make -s -C "$PIPES/$study" OUT="$PWD/a" BIN="$PWD/tools" "$@" study page 2>said || { cat said; return 1; }
    mkdir b
    cp a/nets.rnn b
    for tool in rnn-train rnn-transfer; do
        rm "tools/$tool"
        printf '#!/bin/bash\necho "$0: this was to go without training" >&2\nexit 1\n' >"tools/$tool"
        chmod +x "tools/$tool"
    done
    make -s -C "$PIPES/$study" OUT="$PWD/b" BIN="$PWD/tools" "$@" -o "$PWD/b/nets.rnn" study page 2>said || { cat said; return 1; }
    grep -q '<a href="nets.rnn">' "a/$study.html"
    for file in $(cd a && find . -name '*.rnn' -o -name '*.tsv' -o -name '*.html' -o -name '*.gz' | grep -vE '^./(cells|rank2|trained)/|^./(done|cells).tsv'); do
        cmp "a/$file" "b/$file" || return 1
    done
    [ -s "b/$study.html" ] && [ -s b/claims.tsv ] && [ -s b/learning.tsv ]
}

@test "variable-memory: figures and page are made again from nets.rnn alone, without training, to the byte" {
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

@test "schemas: figures and page are made again from nets.rnn alone, without training, to the byte" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "too long under sanitizers"
    briefly taskgen '--tokens 6'
    briefly rnn-train '--epochs 1 --hidden 12' '[[ "$*" != *--snapshots* ]] || set -- "$@" --snapshots 0,20'
    briefly rnn-transfer '--epochs 2 --hidden 12 --at 1,2' '[[ "$*" != *--primary-at* ]] || set -- "$@" --primary-at 1'
    remade schemas NETS=2 FEW=1 PAIRS=2 OTHERS=1 SIZES=12 SUFFIXES=0
}

@test "short-term-memory: figures and page are made again from nets.rnn alone, without training, to the byte" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "too long under sanitizers"
    briefly rnn-train '--updates 30' '[[ "$*" == *--init-from* ]] || set -- "$@" --hidden 16 --nets 2'
    remade short-term-memory CELLS='broad_0.1_0 broad_0.1_60 broad_0.01_0 broad_0.01_60 post_0.1_60 rank2_0.005_30 behaviours_1_160 behaviours_0.01_160' DEMOS=fig3a
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
