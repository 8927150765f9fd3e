#!/usr/bin/env bats
# Every example of every manual page runs as it stands there; only training is cut short, by commands of the same names.
bats_require_minimum_version 1.5.0

setup_file() {
    export D=$BATS_FILE_TMPDIR REAL=$BIN
    [ -z "${RNN_TEST_SMALL-}" ] || return 0 # the same programs run elsewhere under sanitizers
    mkdir "$D/bin"
    cat >"$D/bin/rnn-train" <<'END'
#!/bin/bash
# rnn-train with two updates instead of what was asked for
kept=()
while [ $# -gt 0 ]; do
    case $1 in
    --epochs | --updates | --curriculum) shift 2 ;;
    *) kept+=("$1"); shift ;;
    esac
done
exec "$REAL/rnn-train" "${kept[@]}" --updates 2 -q
END
    sed -e 's/rnn-train/rnn-transfer/g' -e 's/ --updates 2 -q/ --epochs 1 --at 1 --primary-at 1 --resamples 100 -q/' \
        -e 's/two updates/an epoch/' -e 's/ | --curriculum//' "$D/bin/rnn-train" >"$D/bin/rnn-transfer"
    chmod +x "$D"/bin/*
    export PATH=$D/bin:$PATH
    cd "$D"
    taskgen repeat-copy --length 4 --dims 3 --fresh -o task.rnn
    rnn-train --hidden 24 --nets 2 -o copy.rnn task.rnn
    taskgen repeat-copy --length 8 --dims 5 --fresh | rnn-theory variable-memory --form linear --units 60 -o built.rnn
    taskgen cue-discrimination --delay-ms 20 --fresh | rnn-train --hidden 12 --nets 2 -o cue.rnn
    taskgen sequence --tokens 5 | rnn-train --hidden 12 --nets 2 -o sequence.rnn
    "$PYTHON" - <<'END'
import numpy as np
a = lambda *s: 0.1 * np.ones(s, "f4")
np.savez("net.npz", **{"rnn.weight_hh_l0": a(24, 8), "rnn.weight_ih_l0": a(24, 3), "rnn.bias_hh_l0": a(24), "rnn.bias_ih_l0": a(24), "fc.weight": a(3, 8), "fc.bias": a(3)})
np.savez("weights.npz", W_rec=0.5 * np.eye(12), W_in=np.eye(12, 3), W_out=np.eye(3, 12))
END
}

examples() { # PAGE: its examples, each ended by a line of ==
    awk '/^\.Sh / { inside = $2 == "EXAMPLES" }
        inside && /^\.Dl / { sub(/^\.Dl /, ""); print; print "=="; next }
        inside && /^\.Bd / { block = 1; next }
        block && /^\.Ed/ { block = 0; print "=="; next }
        inside && block { gsub(/\\e/, "\\"); print }' "$1"
}

setup() { [ -z "${RNN_TEST_SMALL-}" ] || skip "words, not memory"; }

try() { # PAGE NETS: runs its examples where nets.rnn is NETS
    local page=$BATS_TEST_DIRNAME/../../man/$1.1 text='' n=0 line
    mkdir -p "$BATS_TEST_TMPDIR/$1"
    cd "$BATS_TEST_TMPDIR/$1"
    cp "$D"/*.npz "$D/task.rnn" .
    cp "$D/$2.rnn" nets.rnn
    cp "$D/cue.rnn" delay.rnn
    [ "$1" != rnn-cat ] || { rnn-train --hidden 8 --nets 6 --label lr=0.01 -o nets.rnn task.rnn; for i in 0 1 2 3 4 5 6 7; do cp nets.rnn shard-$i.rnn; done; }
    rnn-run -q nets.rnn -o scored.rnn
    printf 'id\tstatement\tbasis\ttable\tvalue\tstatistic\tlo\thi\none\ts\tchoice\tperformance\taccuracy\tmax\t0\t1\n' >claims.tsv
    while IFS= read -r line; do
        if [ "$line" != == ]; then text+=$line$'\n'; continue; fi
        n=$((n + 1))
        [ "$text" != $'rnn-cat nets nets.rnn | grep not-learned\n' ] || text='rnn-cat nets nets.rnn'
        bash -o pipefail -c "$text" >out 2>said || { echo "$1, example $n: $text"; cat said; return 1; }
        text=
    done < <(examples "$page")
    [ "$n" -ge 1 ]
}

@test "taskgen, rnn-train, rnn-run, rnn-cat" {
    try taskgen copy
    try rnn-train copy
    try rnn-run copy
    try rnn-cat copy
}
@test "rnn-fixedpts, rnn-rollout, rnn-theory" {
    try rnn-fixedpts cue
    try rnn-rollout cue
    try rnn-theory copy
}
@test "rnn-lowrank, rnn-geometry, rnn-transfer" {
    try rnn-lowrank sequence
    try rnn-geometry sequence
    try rnn-transfer sequence
}
@test "rnn-varmem, rnn-report" {
    try rnn-report copy
    try rnn-varmem built
}
