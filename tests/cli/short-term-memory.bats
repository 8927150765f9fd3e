# The short-term memory study in miniature: mechanisms with the effect present and absent, the published rank-2 runs, roll-outs of networks
# whose orbit is known, and cells that stop and go on.
bats_require_minimum_version 1.5.0

setup() {
    STUDY=$BATS_TEST_DIRNAME/../../pipelines/short-term-memory
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
}

cell() { # STREAM TABLE COLUMN: its values
    rnn-cat --to tsv --table "$2" "$1" | awk -F'\t' -v column="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) k = i; if (!k) exit 1; next } { print $k }'
}
near() { # VALUE WANTED TOLERANCE
    awk -v v="$1" -v want="$2" -v tol="$3" 'BEGIN { d = v - want; exit !(v != "" && d <= tol && -d <= tol) }' || { echo "$1 is not $2 +- $3"; return 1; }
}
all() { # WORD <words: every line is this word, and there is one
    awk -v word="$1" '{ n++; if ($0 != word) bad = 1 } END { exit bad || !n }'
}
phases() { rnn-fixedpts --phase --count 1 --trials 2 --arrays none -q "$@"; }
long() { [ -z "${RNN_TEST_SMALL-}" ] || skip "too long under sanitizers"; }

start() {
    rnn-cat --from npz --cell leaky --activation tanh --dt 5 --tau 10 --readout sigmoid --read after --read-latent -o start.rnn "$STUDY/seed30.npz"
}
rank_2() { # DELAY RESPONSE POST RATE UPDATES OUT
    taskgen delayed-activation --delay-ms "$1" --response-ms "$2" --post-ms "$3" --fresh |
        rnn-train --init-from start.rnn --lr "$4" --updates "$5" --stop-ratio 0 -q | phases -o "$6"
}
last_loss() { cell "$1" learning loss | tail -n 1; }

@test "rank 2 from the published start: without silence after the response it settles, with it it turns" {
    long
    start
    rank_2 30 10 0 0.001 500000 settles.rnn
    near "$(last_loss settles.rnn)" 2.70e-5 5.4e-7 # 2 %
    [ "$(cell settles.rnn phase class)" = slow-point ]
    [ "$(cell settles.rnn phase class_rollout)" = slow-point ]
    rank_2 30 10 30 0.001 1000001 turns.rnn
    near "$(awk -v l="$(last_loss turns.rnn)" 'BEGIN { print l / 0.0996304 }')" 1.77e-3 5.3e-5 # 3 %
    [ "$(cell turns.rnn phase class)" = limit-cycle ]
    [ "$(cell turns.rnn phase class_rollout)" = limit-cycle ]
    near "$(cell turns.rnn phase period)" 46 1 # 9.2 steps +- 0.2
}

@test "rank 2 at rate 1 saturates: not learned, whatever it does then" {
    long
    start
    rank_2 75 10 0 1 50000 lost.rnn
    near "$(awk -v l="$(last_loss lost.rnn)" 'BEGIN { print l / 0.0526946709 }')" 1.97 5e-4
    [ "$(cell lost.rnn phase class)" = not-learned ]
}

@test "a short delay is learned at every seed and rests, a long one at a large rate is not" {
    taskgen cue-discrimination --delay-ms 0 --fresh |
        rnn-train --preset short-term-memory --batch 16 --lr 0.1 --updates 600 --nets 3 -q | phases -o short.rnn
    cell short.rnn phase status | all trained
    cell short.rnn phase class | all slow-point
    cell short.rnn phase class_rollout | all slow-point
    taskgen cue-discrimination --delay-ms 400 --fresh |
        rnn-train --preset short-term-memory --batch 16 --lr 1 --updates 200 --nets 2 -q | phases -o long.rnn
    cell long.rnn phase class | all not-learned
}

@test "rnn-rollout: a network that runs away is left out, and the others are looked at" {
    "${PYTHON:-/usr/bin/python3}" -c 'import numpy as np
for name, g in ("away", 9.), ("stays", .5): np.savez(name + ".npz", W_rec=g * np.eye(2), b_rec=np.ones(2), W_out=np.ones((1, 2)))'
    taskgen delayed-activation --delay-ms 150 --response-ms 50 -o task.rnn
    for name in away stays; do rnn-cat -q --from npz --cell elman --activation relu --task task.rnn "$name.npz"; done >both.rnn
    run -0 --separate-stderr rnn-rollout -o out.rnn both.rnn
    [ "$stderr" = "rnn-rollout: warning: 1 of 2 networks left out: they diverged, are not finite or run away" ]
    cell out.rnn rollout_mean n | all 1
}

@test "rnn-rollout: a rotation has the speed and the distances of a circle" {
    "${PYTHON:-/usr/bin/python3}" - <<'P'
import numpy as np
a = 0.3
np.savez("turn.npz", W_rec=np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]), W_out=np.array([[1., 0.]]), h0=np.array([1., 0.]))
P
    taskgen delayed-activation --delay-ms 30 --response-ms 10 -o task.rnn
    rnn-cat --from npz --cell elman --activation linear --task task.rnn --label seed=0 turn.npz >net.rnn
    rnn-rollout --lengths 3 --trials 1 --by x --table none -o out.rnn net.rnn
    [ "$(cell out.rnn rollout step | wc -l)" -eq 24 ] # 8 steps, three times
    cell out.rnn rollout speed | head -n 23 | while read -r v; do near "$v" "$(awk 'BEGIN { print sqrt(2) * sin(.15) }')" 1e-6; done
    cell out.rnn rollout distance | awk '{ want = sqrt(2) * sin(.15 * (NR - 8)); if (want < 0) want = -want; d = $1 - want; if (d > 1e-6 || -d > 1e-6) { print NR, $1, want; exit 1 } }'
}

@test "rnn-rollout: one network twice is alike in everything, its mirror image moves alike and is apart" {
    "${PYTHON:-/usr/bin/python3}" - <<'P'
import numpy as np
g = np.random.default_rng(3)
W, o, h = g.normal(size=(12, 12)) / 3, g.normal(size=(1, 12)), g.normal(size=12)
np.savez("a.npz", W_rec=W, W_out=o, h0=h)
np.savez("b.npz", W_rec=W, W_out=o, h0=-h)
P
    taskgen delayed-activation --delay-ms 30 --response-ms 10 -o task.rnn
    for n in a b; do rnn-cat --from npz --cell elman --activation tanh --task task.rnn --label seed=0 $n.npz >$n.rnn; done
    cat a.rnn b.rnn | rnn-rollout -o out.rnn
    near "$(cell out.rnn alike rho_peaks)" 1 1e-12 # |r| peaks at the same steps
    near "$(cell out.rnn alike r_outputs)" -1 1e-6
    awk -v d="$(cell out.rnn alike distance_trial)" 'BEGIN { exit !(d > 0.1) }'
    [ "$(cell out.rnn alike start)" = same ]
    cat a.rnn a.rnn | rnn-rollout -o out.rnn
    near "$(cell out.rnn alike distance_after)" 0 0
    near "$(cell out.rnn alike r_outputs)" 1 1e-12
}

@test "rnn-rollout: every segment is in its provenance, which makes the same again" {
    local d made
    for d in 30 40; do
        taskgen delayed-activation --delay-ms $d --response-ms 10 --fresh | rnn-train --updates 5 --nets 1 -q --label "delay=$d" -o $d.rnn
    done
    cat 30.rnn 40.rnn | rnn-rollout --lengths 2 -q -o out.rnn
    made=$(rnn-cat --prov out.rnn)
    [[ "$made" == "rnn-cat <(taskgen"*"delay-ms = 30"*"<(taskgen"*"delay-ms = 40"*"rnn-rollout"* ]]
    bash -c "$made" >again.rnn
    cmp out.rnn again.rnn
    rnn-rollout --lengths 2 -q -o one.rnn 30.rnn
    [[ "$(rnn-cat --prov one.rnn)" == taskgen* ]]
}

@test "rnn-rollout refuses what it cannot run or group" {
    taskgen delayed-activation --fresh -o task.rnn
    run -1 --separate-stderr rnn-rollout -o out.rnn task.rnn
    [ "$stderr" = "rnn-rollout: no networks that can be run in the input" ]
    rnn-train --updates 10 -q task.rnn >net.rnn
    run -2 --separate-stderr rnn-rollout --table learning --by loss -o out.rnn net.rnn
    [[ "$stderr" = *"--by: table learning of net-0000 has no column of words 'loss'"* ]]
    [ ! -e out.rnn ]
}

@test "the cells of every scale: as many networks as the paper has, cheapest first" {
    local scale cells
    for scale in demo reduced large full acceptance; do
        cells=$(awk -v scale=$scale -f "$STUDY/cells.awk" "$STUDY/design.tsv")
        [ "$(cut -f 9 <<<"$cells")" = "$(cut -f 9 <<<"$cells" | sort -g)" ]
        [ "$(cut -f 1 <<<"$cells" | sort | uniq -d)" = "" ]
    done
    awk -v scale=full -f "$STUDY/cells.awk" "$STUDY/design.tsv" | awk -F'\t' '$2 != "behaviours" { n += $5 } END { exit n != 83100 }'
    run -1 awk -v scale=none -f "$STUDY/cells.awk" "$STUDY/design.tsv"
}

@test "a cell that was killed goes on where it was, with the same bytes; a finished one is left alone" {
    export OUT=$PWD/out JOBS=1 WINDOW=
    mkdir -p out/cells
    printf 'broad_0.1_20\tbroad\t0.1\t20\t6\t8\t1000\t20\t1\n' >out/cells.tsv
    bash "$STUDY/cell" broad_0.1_20 2>said
    grep -q 'cell 1 of 1, broad_0.1_20: 6 networks; 100 % of the work' said
    mv out/cells/broad_0.1_20.rnn whole.rnn
    rm out/done.tsv
    setsid bash "$STUDY/cell" broad_0.1_20 2>said &
    local pid=$! i
    for i in $(seq 600); do [ -s out/cells/broad_0.1_20.ckpt ] && break; sleep 0.02; done
    kill -9 -- "-$pid"
    wait "$pid" || true
    [ ! -e out/cells/broad_0.1_20.rnn ]
    [ -e out/cells/broad_0.1_20.ckpt ]
    bash "$STUDY/cell" broad_0.1_20 2>said
    cmp whole.rnn out/cells/broad_0.1_20.rnn
    bash "$STUDY/cell" broad_0.1_20 2>said
    [ ! -s said ]
    SEED=1 bash "$STUDY/cell" broad_0.1_20 2>said # another design
    run ! cmp -s whole.rnn out/cells/broad_0.1_20.rnn
    run -1 --separate-stderr bash "$STUDY/cell" broad_7_7
    [ "$stderr" = "cell: no cell 'broad_7_7' in $OUT/cells.tsv" ]
}

@test "shares and agreement count networks as they are: both signs, slow turns, cues that differ" {
    {
        printf '%s\n' "cue-ms delay-ms response-ms set learning_rate delay_ms status class_index class_index_flipped class_rollout class_points mechanism_all rollout_speed settles_status period"
        printf '%s\n' "30 60 50 broad 0.1 60 trained slow-point slow-point slow-point slow-point slow-point 0 fixed NaN" \
            "30 60 50 broad 0.1 60 trained limit-cycle slow-point slow-point slow-point mixed 1e-9 fixed NaN" \
            "30 60 50 broad 0.1 60 trained slow-point slow-point limit-cycle limit-cycle limit-cycle 0.2 - 430" \
            "30 60 50 broad 0.1 60 trained slow-point slow-point limit-cycle limit-cycle limit-cycle 0.4 - 410" \
            "30 60 50 broad 0.1 60 unstable limit-cycle limit-cycle limit-cycle limit-cycle unstable 0.4 - 100"
    } | tr ' ' '\t' >phase.tsv
    [ "$(awk -f "$STUDY/agreement.awk" phase.tsv | awk -F'\t' '$4 == "limit-cycle"' | cut -f 6-)" = $'2\t0.5\t0\t0.5\t0.3' ]
    [ "$(awk -f "$STUDY/agreement.awk" phase.tsv | awk -F'\t' '$2 == "limit-cycle"' | cut -f 6-)" = $'1\t0.25\t1\t0\t1e-09' ]
    [ "$(awk -f "$STUDY/shares.awk" phase.tsv | tail -n 1)" = $'broad\t0.1\t60\t5\t0\t0.2\t0.1\t0.7\t0.4\t0\t0.2\t0.75\t0.25' ]
}
