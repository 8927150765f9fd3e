# The study of schemas in miniature: the leading component carries earlier transitions, other components do not; its claims are
# well formed and measured by the tables that the study makes.
bats_require_minimum_version 1.5.0

setup_file() {
    PATH=$BIN:$PATH
    cd "$BATS_FILE_TMPDIR" || return 1
    [ -n "${RNN_TEST_SMALL-}" ] ||
        taskgen sequence --suffix 0 | rnn-train --preset schemas --epochs 25 --nets 3 --seed 5 --label experiment=class7 -q >nets
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    ROOT=$BATS_TEST_DIRNAME/../..
}

measure() { # FILTER-OF-LOWRANK...: eta2 and nearest-mean accuracies of the last state, means over networks
    if [ $# -gt 0 ]; then rnn-lowrank -q "$@" "$BATS_FILE_TMPDIR/nets"; else cat "$BATS_FILE_TMPDIR/nets"; fi |
        rnn-run -q --activity --split train,test | rnn-geometry -q -m separability --steps 3 | rnn-cat --to tsv --table geometry |
        awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            { k = $at["measure"] ":" $at["by"]; s[k] += $at["value"]; n[k]++ }
            END { print s["eta2:transition2"] / n["eta2:transition2"], s["eta2:transition3"] / n["eta2:transition3"], s["ncm:transition4"] / n["ncm:transition4"] }'
}

holds() { awk "BEGIN { exit !($1) }" || { echo "not so: $1"; return 1; }; }

@test "without component 1 earlier transitions are gone and the newest is not; component 3 and chance keep them" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "small science grows no schema"
    read -r whole2 whole3 _ < <(measure)
    read -r one2 one3 newest < <(measure --ablate 1)
    read -r three2 three3 _ < <(measure --ablate 3)
    read -r chance2 chance3 _ < <(measure --random-rank-one)
    holds "$whole2 > 0.35 && $whole3 < $whole2"
    holds "$one2 < 0.15 * $whole2 && $one3 < 0.15 * $whole3 && $newest >= 0.9"
    holds "$three2 > 0.75 * $whole2 && $three3 > 0.75 * $whole3"
    holds "$chance2 > 0.75 * $whole2 && $chance3 > 0.75 * $whole3"
}

@test "claims of the study are measured from the tables of its tools, and shown" {
    [ -z "${RNN_TEST_SMALL-}" ] || skip "small science grows no schema"
    rnn-lowrank -q --part value,initial --ablation --components 1-3 "$BATS_FILE_TMPDIR/nets" >l
    grep -E '^(#|id|C3[abe]|C5[fh])' "$ROOT/pipelines/schemas/claims.tsv" >some.tsv # those that rest on these two tables
    rnn-report claims some.tsv l | rnn-cat --to tsv --table claims >t
    run awk -f "$ROOT/pipelines/schemas/verdicts.awk" t
    [ "$status" -eq 0 ]
    [ "$(grep -cE '^  C(3[abe]|5[fh]) +pass ' <<<"$output")" -eq 5 ]
    [ -z "$(cut -f 1 "$ROOT/pipelines/schemas/claims.tsv" | sort | uniq -d)" ]
    [ -z "$(grep -v '^#' "$ROOT/pipelines/schemas/claims.tsv" | awk -F '\t' 'NF != 12')" ]
}

@test "the makefile of the study states every product at every scale" {
    for scale in demo reduced full; do
        make -n -C "$ROOT/pipelines/schemas" study SCALE=$scale OUT="$PWD/out" BIN="$BIN" >plan
        for name in nets class5 lowrank geometry rank predict transfer filtered splits phase heads latent claims; do grep -q "$name.rnn" plan; done
    done
}

@test "recipients of further segments are numbered on and start elsewhere" {
    taskgen sequence --pattern-length 3 --tokens 5 >class
    cat class class | rnn-transfer -q --donors <(rnn-train -q --preset schemas --hidden 8 --epochs 1 class) --preset schemas --hidden 8 --epochs 1 \
        --at 1 --number-on >t
    rnn-cat --to tsv --table transfer t | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["net"], $at["loss"] }' >seen
    grep -q '^net-0001 ' seen
    [ "$(awk '{ print $2 }' seen | sort -u | wc -l)" -eq "$(wc -l <seen)" ]
}
