# rnn-geometry: what it refuses, what it keeps, and that the known tree is seen while its absence is not.
bats_require_minimum_version 1.5.0

setup_file() {
    PATH=$BIN:$PATH
    cd "$BATS_FILE_TMPDIR" || return 1
    local epochs=25
    [ -z "${RNN_TEST_SMALL-}" ] || epochs=4
    taskgen sequence --tokens 6 | rnn-train --preset schemas --hidden 40 --epochs $epochs --nets 2 --seed 1 -q >nets
    rnn-run -q --activity --split train,test nets >both
    rnn-run -q --activity nets >test
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    ln -s "$BATS_FILE_TMPDIR"/{nets,both,test} .
}

refused() { # STATUS MESSAGE FILE ARGS...: one line on stderr
    local want_status=$1 want=$2 file=$3
    shift 3
    # shellcheck disable=SC2016 # expanded inside
    run "-$want_status" --separate-stderr bash -c 'rnn-geometry -q "${@:2}" "$1" >refused.out' - "$file" "$@"
    [ "$stderr" = "rnn-geometry: $want" ] || { echo "$stderr"; return 1; }
}

rows() { rnn-cat --to tsv --table geometry "$1"; } # FILE

value() { # FILE MEASURE BY STEP: mean over networks
    rows "$1" | awk -F '\t' -v m="$2" -v by="$3" -v step="$4" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["measure"] == m && $at["by"] == by && $at["step"] == step { s += $at["value"]; n++ }
        END { print s / n }'
}

less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || { echo "$1 is not below $2"; return 1; }; }

@test "options that contradict or mean nothing are refused with status 2" {
    refused 2 "--measures: 'dim': must be dimension, pca, separability, similarity, tree, ultrametric, modes, dendrogram, sequence or all" both -m dim
    refused 2 "--linkage: has no effect on the measures asked for" both --linkage single
    refused 2 "--lambda: has no effect on the measures asked for" both -m tree --lambda 1
    refused 2 "--learn-from and --split are both test: a decoder must not be tested on what it learned (--learn-from halves)" both --learn-from test
    refused 2 "--steps: '1-' is neither the number of a step nor a range such as 8-15" both --steps 1-
    refused 2 "--dims: '0': the whole space is always looked at" both --dims 2,0
}

@test "what the activity cannot tell is refused, and named" {
    refused 2 "net-0000: the trials have no parameter 'cue' to group by" both --by cue
    refused 2 "net-0000: parameter 'tokens' is text of 210 levels, more than --max-levels (32)" both --by tokens
    refused 2 "net-0000: --steps: the activity has no step 4 (it has 4 steps from 0, 1 apart)" both --steps 2-4
    refused 2 "net-0000: --prefix class: the trials have no parameter of that name that is text" both --prefix class
    refused 2 "net-0000: no activity on validation trials" both --split validation
    refused 2 "net-0000: no activity on train trials to learn from: rnn-run --split train,test --activity writes both" test --learn-from train
    refused 1 "no activity in the stream: rnn-run --activity writes it" nets
    rnn-run -q --activity --split train nets | rnn-run -q --activity --count 5 >few # five test trials are all of the first class
    refused 2 "net-0000: --by class: '1' has no test trials" few --by class --learn-from train
    rnn-run -q --activity --units 0-9 nets >some
    refused 2 "net-0000: modes: recurrent weights act on the rates of all units: rnn-run without --units and --what states" some -m modes
    rnn-geometry -q some | rows - >/dev/null # by default what is left is measured
}

@test "activity is dropped, or kept; everything else passes; -j and -m change nothing else" {
    rnn-geometry -q both >a
    [ "$(rnn-cat info a | grep -c activity)" -eq 0 ]
    rnn-geometry -q --keep-activity both >k
    [ "$(rnn-cat info k | grep -c activity)" -eq "$(rnn-cat info both | grep -c activity)" ]
    rnn-geometry -q -j2 both >b
    cmp a b
    rnn-cat --to tsv --table performance both >p
    rnn-cat --to tsv --table performance a | cmp - p
    rnn-geometry -q -m tree both | rows - >t
    rows a | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "measure") m = i; print; next } $m == "tree_distance"' | cmp - t
}

@test "without train trials each half is read by a decoder of the other" {
    rnn-geometry -q -m separability test | rows - >t
    grep -q "ridge.transition2.halves" t
    run ! grep -q "	train	" t
}

@test "halves hold both of two cues that take turns" {
    taskgen cue-discrimination --delay-ms 60 | rnn-train --hidden 8 --updates 2 -q | rnn-run -q --activity | rnn-geometry -q -m separability | rows - >t
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["measure"] ~ /^(ncm|ridge)/ && $at["step"] > 0 && $at["step"] <= 6 { rows++; if ($at["n"] != 128 || $at["value"] < 0.99) bad++ }
        END { exit !(rows == 18 && !bad) }' t
}

@test "a trained network's states branch early; untrained ones do not" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "four epochs grow no tree"
    rnn-geometry -q -m separability,tree both >a
    taskgen sequence --tokens 6 | rnn-train --preset schemas --hidden 40 --epochs 0 --nets 2 --seed 1 -q | rnn-run -q --activity --split train,test |
        rnn-geometry -q -m separability,tree >u
    less "$(value a eta2 transition4 3)" "$(value a eta2 transition3 3)"
    less "$(value a eta2 transition3 3)" "$(value a eta2 transition2 3)"
    less 0.3 "$(value a eta2 transition2 3)"
    less "$(value u eta2 transition2 3)" 0.1
    less 0.95 "$(value a ncm transition2 3)"
}

@test "a number of many values is regressed" {
    rnn-geometry -q -m separability --by class --max-levels 3 both | rows - >t
    grep -q "ridge_r2.class.train" t
    run ! grep -q "eta2" t
}

@test "a task of another study: groups by its own parameters, sequences over time" {
    taskgen cue-discrimination --delay-ms 20 >task
    rnn-train -q --preset short-term-memory --hidden 12 --updates 20 --nets 1 task >n
    rnn-run -q --activity --activity-count 16 n | rnn-geometry -q -m dimension,separability,sequence --shuffles 3 >g
    rows g >t
    grep -q "eta2	cue" t
    grep -q "peak_correlation" t
    [ "$(rows g | awk -F '\t' '$0 ~ /eta2/' | wc -l)" -gt 3 ]
}

@test "a network that diverged gets a row that says so" {
    "${PYTHON:-/usr/bin/python3}" - nets >broken <<'END'
import sys, struct, zlib, msgpack, msgpack_numpy
crcs = b""
for kind, body, crc in msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode, max_buffer_size=0):
    if kind == "net" and body["index"] == 0: body["status"] = "diverged"
    if kind == "end": body["digest"] = zlib.crc32(crcs)
    raw = b"\x93" + msgpack.packb(kind) + msgpack.packb(body, default=msgpack_numpy.encode)
    c = struct.pack(">I", zlib.crc32(raw)); crcs += c
    sys.stdout.buffer.write(raw + b"\xce" + c)
END
    rnn-run -q --activity broken | rnn-geometry -q -m tree | rows - >t
    grep -q "skipped		diverged" t
    grep -q "tree_distance" t
}

@test "a network whose activity overflows is a row and a count, and the next one is measured" {
    "$PYTHON" -c 'import numpy as np
for name, g in ("away", 1e9), ("stays", .5): np.savez(name + ".npz", W_rec=g * np.eye(2), b_rec=np.ones(2), W_in=np.eye(2), W_out=np.eye(2))'
    taskgen cue-discrimination --delay-ms 60 -o task
    for name in away stays; do rnn-cat -q --from npz --cell elman --activation relu --task task "$name.npz" | rnn-run --activity -q; done >both-acts
    run -3 --separate-stderr rnn-geometry -m dimension -o out both-acts
    [[ "$stderr" == "rnn-geometry: warning: net-"*": its activity leaves the finite numbers: nothing is measured" ]]
    rows out >t
    grep -q "skipped.*not-finite" t
    grep -q "dims_centred" t
}

@test "an ensemble of which all networks diverged is no stream without activity" {
    taskgen sequence --types abba,abab --tokens 4 | rnn-train --hidden 8 --epochs 1 --nets 2 --diverged-at 1e-3 -q >lost
    rnn-run -q --activity lost | rnn-geometry -q | rows - >t
    [ "$(grep -c "skipped		diverged" t)" -eq 2 ]
    { cat lost; rnn-cat select --index 0 nets; } >mixed # one that could have run: it was not asked to
    refused 1 "no activity in the stream: rnn-run --activity writes it" mixed
}
