# The tests of the tests: what tests/layers and tests/run must notice.
bats_require_minimum_version 1.5.0

setup() {
    top=$BATS_TEST_DIRNAME/../..
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir -p lib/num lib/cli cmd
}

@test "an include that points the wrong way is found" {
    echo '#include "cli/cli.h"' >lib/num/x.c
    run -1 "$top/tests/layers" .
    [[ "$output" == *'lib/num/x.c:1:#include "cli/cli.h": num must not see cli'* ]]
    echo '#include "num/rng.h"' >lib/num/x.c
    echo '  # include "num/rng.h"' >lib/cli/y.h
    run -1 "$top/tests/layers" .
    [[ "$output" == *'cli must not see num'* ]]
    echo '#include "base/err.h"' >lib/cli/y.h
    run -0 "$top/tests/layers" .
}

@test "an include without its layer, and a folder that is no layer, are found" {
    echo '#include "rng.h"' >lib/num/x.c
    run -1 "$top/tests/layers" .
    [[ "$output" == *'"rng.h": does not name its layer'* ]]
    rm lib/num/x.c
    mkdir lib/misc
    run -1 "$top/tests/layers" .
    [[ "$output" == *'lib/misc: a folder that is no layer'* ]]
}

@test "code below cli that prints is found" {
    mkdir -p build/release/lib/num build/release/lib/cli
    echo '#include <stdio.h>
        void f(int i) { printf("%d\n", i); }' | gcc -x c -c -o build/release/lib/cli/x.o -
    VARIANT=release run -0 "$top/tests/layers" .
    cp build/release/lib/cli/x.o build/release/lib/num/
    VARIANT=release run -1 "$top/tests/layers" .
    [[ "$output" == *'lib/num/x.o: refers to printf'* ]]
}

@test "the runner counts passes, failures, skips, and files that die" {
    printf '#!/bin/sh\necho 1..3; echo ok 1 a; echo ok 2 "b # skip no"; echo not ok 3 c; exit 1\n' >three
    printf '#!/bin/sh\necho 1..2; echo ok 1 a; kill -9 $$\n' >died
    printf '#!/bin/sh\nexit 0\n' >quiet
    printf '#!/bin/sh\nexit 77\n' >skips
    printf '#!/bin/sh\nexit 5\n' >fails
    chmod +x three died quiet skips fails
    mkdir -p tests stubs
    cp "$top/tests/run" tests/run
    printf '#!/bin/sh\nexit 0\n' >stubs/make
    chmod +x stubs/make
    PATH=$PWD/stubs:$PATH run -1 tests/run release ./three ./died ./quiet ./skips ./fails
    [ "${lines[-1]}" = "3 passed, 3 failed, 2 skipped" ]
    PATH=$PWD/stubs:$PATH run -0 tests/run release ./quiet ./skips
    [ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
}

@test "every shape of make bench can be measured" {
    [ "${B##*/}" = release ] || skip "measured in the release build"
    "$top/tests/bench/run" "${B#"$(cd "$top" && pwd)"/}" compile
    "$B/bench/bench" list | cut -f 1 >shapes
    [ "$(wc -l <shapes)" -eq 7 ]
    while read -r shape; do
        for what in train run; do
            run -0 "$B/bench/bench" "$what" "$shape" 0.01
            [[ "$output" =~ ^[1-9] || "$output" =~ ^0\.[0-9] ]]
        done
    done <shapes
}
