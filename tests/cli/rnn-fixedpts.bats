#!/usr/bin/env bats
# rnn-fixedpts: known networks from arrays, trained ones from a pipeline, what it writes, and what it refuses.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen flip-flop --bits 2 --fresh | rnn-train --preset flip-flop --hidden 10 --updates 1500 --nets 2 --seed 1 --snapshots 400 -q -o ff.rnn
    taskgen cue-discrimination --delay-ms 60 --fresh | rnn-train --updates 60 --hidden 20 --nets 1 -q -o cue.rnn
    "$PYTHON" - <<'PY'
import numpy as np
a, b = 0.532839975353552, np.array
np.savez("ghost.npz", W_rec=b([[2.]]), b_rec=b([a + 1e-4]))
np.savez("bits.npz", W_rec=2 * np.eye(3))
np.savez("turn.npz", W_rec=b([[0., -2.], [2., 0.]]))
np.savez("infinite.npz", W_rec=b([[np.inf]]))
# Wilson and Cowan's oscillator: a leaky sigmoid network with a time constant per unit, each rate shifted by c
g, th, tau, dt = b([1.2, 1.]), b([2.8, 4.]), b([1., 2.]), 0.05
W, I = b([[6.4, -4.8], [6., -1.2]]), b([0.8, 0.])
c = 1 / (1 + np.exp(g * th))
W = g[:, None] * W
np.savez("wc2.npz", W_rec=W, b_rec=g * (I - th) - W @ c, alpha=dt / tau, W_in=np.zeros((2, 2)), W_out=np.eye(2))
np.savez("wc.npz", W_rec=W, b_rec=g * (I - th) - W @ c, alpha=dt / tau)
# one of SCYFI's systems: z' = A z + W relu(z) + h
A, h = b([0.7, 0.3]), b([0.37298253, -0.97931491])
np.savez("relu.npz", W_rec=b([[0., -0.14375], [0.52505308, 0.]]) / (1 - A)[:, None], b_rec=h / (1 - A), alpha=1 - A)
rng = np.random.default_rng(1)
m, n = rng.normal(size=(40, 1)), None
n = (2 * m + 0.3 * rng.normal(size=(40, 1))).T
np.savez("rank1.npz", m=m, n=n)
PY
    local from="rnn-cat -q --from npz"
    $from --cell elman --activation tanh ghost.npz -o ghost.rnn
    $from --cell elman --activation tanh bits.npz -o bits.rnn
    $from --cell elman --activation tanh turn.npz -o turn.rnn
    $from --cell elman --activation tanh infinite.npz -o infinite.rnn
    $from --cell leaky --activation sigmoid --dt 0.05 wc.npz -o wc.rnn
    $from --cell leaky-current --activation relu relu.npz -o relu.rnn
    $from --cell leaky --activation tanh --alpha 0.2 --rank-scale per-unit rank1.npz -o rank1.rnn
    export DATA=$PWD
}
setup() { cd "$BATS_TEST_TMPDIR"; }

table() { rnn-cat --to tsv --table "$@"; }
column() { # NAME <TSV
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'
}
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(d <= t && -d <= t) }'; }

@test "three decoupled bits have 27 points, 8/12/6/1 by index" {
    rnn-fixedpts --starts grid --levels 5 -o out "$DATA/bits.rnn"
    [ "$(table fixedpoints out | column n_unstable | sort -n | uniq -c | awk '{ printf "%s:%s ", $2, $1 }')" = "0:8 1:12 2:6 3:1 " ]
    [ "$(table coverage out | column n_fixed)" = 27 ]
    [ "$(table coverage out | column n_stable)" = 8 ]
    [ "$(table coverage out | column starts)" = 125 ]
    [ -z "$(table fixedpoints out | column q | awk '$1 > 1e-24')" ]
    [ -z "$(table fixedpoints out | column radius | awk '!($1 < 1e-12)')" ]
}

@test "a ghost is slow, and is not told where only faster minima are refused" {
    rnn-fixedpts --starts grid --levels 21 -o out "$DATA/ghost.rnn"
    [ "$(table fixedpoints out | column status | tr '\n' ' ')" = "fixed slow " ]
    near "$(table fixedpoints out | column q | tail -1)" 1.25e-9 1e-12
    rnn-fixedpts --starts grid --levels 21 --slow-speed 1e-5 -o out "$DATA/ghost.rnn"
    [ "$(table fixedpoints out | column status)" = fixed ]
    rnn-fixedpts --starts grid --levels 21 --fixed-speed 1e-8 -o out "$DATA/ghost.rnn"
    [ "$(table fixedpoints out | column status | tr '\n' ' ')" = "fixed slow " ]
}

@test "cycles of a map: a quarter turn has a stable 4-cycle and a saddle" {
    rnn-fixedpts --starts grid --levels 21 --cycles 4 -o out "$DATA/turn.rnn"
    [ "$(table cycles out | column steps | tr '\n' ' ')" = "4 4 " ]
    [ "$(table cycles out | column stable | tr '\n' ' ')" = "1 0 " ]
    near "$(table cycles out | column multiplier_max | head -1)" 7.6614e-4 1e-7
    near "$(table cycles out | column multiplier_max | tail -1)" 16 1e-9
}

@test "Wilson and Cowan's oscillator: the flow's period and its focus" {
    rnn-fixedpts --starts grid --levels 9 --flow-cycle --arrays orbits -o out "$DATA/wc.rnn"
    near "$(table cycles out | column period)" 21.520569 2e-6
    [ "$(table cycles out | column status)" = cycle ]
    near "$(table cycles out | column multiplier_max)" 0 0.1
    [ "$(table fixedpoints out | column n_unstable_flow | head -1)" = 2 ]
    rnn-cat --to npy --array flow_orbit out >orbit.npy
    "$PYTHON" -c 'import numpy as np; o = np.load("orbit.npy"); assert o.shape[1] == 2 and abs(np.ptp(o[:, 0]) - (0.76754 - 0.08718)) < 1e-4'
}

@test "piecewise-linear networks: enumeration agrees with the search" {
    rnn-fixedpts --starts uniform --reach 3 -o a "$DATA/relu.rnn"
    rnn-fixedpts --starts uniform --exhaustive --cycles 3 -o b "$DATA/relu.rnn"
    [ "$(table coverage b | column complete)" = 1 ]
    [ "$(table fixedpoints a | column modulus_max)" = "$(table fixedpoints b | column modulus_max)" ]
    run -2 --separate-stderr rnn-fixedpts --starts uniform --exhaustive -o c "$DATA/bits.rnn"
    [[ "$stderr" == *"not piecewise linear"* ]]
}

@test "the reduced dynamics has the points of the network" {
    rnn-fixedpts --starts uniform --reach 3 --count 64 --reduced --field 5 -o small "$DATA/rank1.rnn"
    rnn-fixedpts --starts uniform --reach 1 --count 400 -o large "$DATA/rank1.rnn"
    [ "$(table coverage small | column n_fixed)" = 3 ]
    [ "$(table coverage large | column n_fixed)" = 3 ]
    [ "$(table flow_field small | column kappa_1 | tr '\n' ' ')" = "-3 -1.5 0 1.5 3 " ]
    for i in 1 2 3; do
        near "$(table fixedpoints small | column modulus_max | sort -g | sed -n ${i}p)" "$(table fixedpoints large | column modulus_max | sort -g | sed -n ${i}p)" 1e-9
    done
}

@test "trained flip-flops: four stable points of nine, found from trials and from activity" {
    rnn-cat select --index 0 "$DATA/ff.rnn" | rnn-fixedpts --count 256 -o out
    [ "$(table coverage out | column n_stable | tail -1)" = 4 ]
    [ "$(table coverage out | column n_fixed | tail -1)" = 9 ]
    rnn-run --activity "$DATA/ff.rnn" | rnn-fixedpts --count 256 --arrays pca -o act
    [ "$(table coverage act | column n_stable | tail -1)" = 4 ]
    [ "$(rnn-cat info act | grep -c ' array .*pca_points')" = 4 ]
    rnn-cat check act
}

@test "a three-bit flip-flop keeps eight states; every point is exact and told once" {
    taskgen flip-flop --fresh | rnn-train --preset flip-flop --hidden 16 --updates 1500 --nets 1 --seed 2 -q | rnn-fixedpts -o out
    [ "$(table coverage out | column n_stable)" = 8 ]
    [ -z "$(table fixedpoints out | column q | awk '$1 > 1e-24')" ]
    [ "$(table coverage out | column unseen | awk '{ print ($1 < 0.005) }')" = 1 ]
    [ "$(($(table coverage out | column n_fixed) % 2))" = 1 ] # their indices sum to one
    rnn-cat --to npy --array fixedpoint_states out >x.npy
    "$PYTHON" -c '
import numpy as np
x = np.load("x.npy")
d = np.abs(x[:, None] - x[None]).max(-1) + np.eye(len(x))
assert d.min() > 1e-3, d.min()'
}

@test "the output is the same for every -j, and a network's frames do not depend on its company" {
    rnn-fixedpts -j1 --count 300 --phase --lyapunov 2 --match 1 "$DATA/ff.rnn" >one
    rnn-fixedpts -j2 --count 300 --phase --lyapunov 2 --match 1 "$DATA/ff.rnn" >two
    cmp one two
    rnn-cat select --index 1 "$DATA/ff.rnn" >alone.rnn
    rnn-fixedpts -j2 --count 300 alone.rnn >alone
    rnn-fixedpts -j2 --count 300 "$DATA/ff.rnn" >all
    [ -n "$(table fixedpoints alone | column q)" ]
    [ "$(table fixedpoints alone | column q)" = "$(table fixedpoints all | column q | tail -n "$(table fixedpoints alone | column q | wc -l)")" ]
}

@test "snapshots: points are followed, born and lost" {
    rnn-fixedpts --count 256 --match 1 -o out "$DATA/ff.rnn"
    table matches out | column event | sort -u >events
    [ "$(grep -c . events)" -ge 1 ]
    [ -z "$(table matches out | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) h[$i] = i; next } $h["event"] == "same" && !($h["distance"] <= 1)')" ]
    [ "$(table matches out | column from | sort -u | wc -l)" = 2 ]
}

@test "coverage: rounds go on until the estimate is small, and stop at the limit" {
    rnn-fixedpts --count 16 --until-coverage 0.01 -o out "$DATA/ff.rnn"
    [ -z "$(table coverage out | column unseen | awk '$1 > 0.01')" ]
    rnn-fixedpts --count 16 --until-coverage 0 --max-starts 40 -o out "$DATA/ff.rnn"
    [ -z "$(table coverage out | column starts | awk '$1 > 40')" ]
}

@test "phase: three criteria side by side, and training has the first word" {
    rnn-fixedpts --phase --count 64 --rollout 500 --rollout-tail 100 -o out "$DATA/cue.rnn"
    [ "$(table phase out | column mechanism)" = not-learned ]
    [[ "$(table phase out | column class_points)" =~ ^(slow-point|limit-cycle|irregular)$ ]]
    [[ "$(table phase out | column class_index)" =~ ^(slow-point|limit-cycle)$ ]]
}

@test "phase: an oscillator turns, with its period" {
    taskgen cue-discrimination --delay-ms 60 --fresh -o task
    rnn-cat -q --from npz --cell leaky --activation sigmoid --dt 0.05 --task task "$DATA/wc2.npz" -o net
    rnn-fixedpts --task task --phase --count 16 -o out net
    [ "$(table phase out | column mechanism)" = limit-cycle ]
    [ "$(table phase out | column class_rollout)" = limit-cycle ]
    near "$(table phase out | column period)" 21.520569 0.02 # of the flow; steps of 0.05 prolong it by 0.017
    near "$(table phase out | column exponent)" 0 0.01
}

@test "phase: a network that one cue leaves turning and the other at rest is mixed" {
    taskgen cue-discrimination --delay-ms 60 --fresh -o task
    # units 0 and 1 turn in four steps unless unit 2, which remembers the cue, is down and drives them to their bounds
    "${PYTHON:-/usr/bin/python3}" - <<'PY'
import numpy as np
np.savez("both.npz", W_rec=np.array([[0, -2, 5], [2, 0, 5], [0, 0, 3.]]), b_rec=np.array([-5, -5, 0.]), h0=np.array([.5, .4, 0]),
         W_in=np.array([[0, 0], [0, 0], [-5, 5.]]), W_out=np.zeros((2, 3)))
PY
    rnn-cat -q --from npz --cell elman --activation tanh --task task both.npz -o net
    rnn-fixedpts --phase --count 1 --trials 2 -q -o out net
    [ "$(table phase out | column mechanism)" = limit-cycle ]
    [ "$(table phase out | column mechanism_all)" = mixed ]
    near "$(table phase out | column period)" 20 1e-8 # four steps of the task's 5 ms
    rnn-fixedpts --phase --phase-trials 1 --count 1 --trials 2 -q -o out net
    [ "$(table phase out | column mechanism_all)" = limit-cycle ]
}

@test "phase: a network that runs away is a row of its own, and the next one is looked at" {
    taskgen cue-discrimination --delay-ms 60 --fresh -o task
    "$PYTHON" -c 'import numpy as np
for g in (1.05, 3.): np.savez("run%g.npz" % g, W_rec=g * np.eye(2), b_rec=np.ones(2), W_in=np.zeros((2, 2)), W_out=np.eye(2))'
    for g in 1.05 3; do
        rnn-cat -q --from npz --cell elman --activation relu --task task "run$g.npz" -o "net$g"
        rnn-fixedpts --phase --count 4 --rollout 20000 -q -o out "net$g"
        [ "$(table phase out | column mechanism)" = diverged ]
        [ "$(table phase out | column class_rollout)" = diverged ]
    done
    [ "$(table phase out | column class_index)" = diverged ]
    run -3 --separate-stderr rnn-fixedpts --count 4 --flow-cycle --lyapunov 1 -o out net3
    [ "$(table cycles out | column status)" = no-return ]
    [ "$(table lyapunov out | column exponent)" = NaN ]
    [[ "$stderr" == "rnn-fixedpts: warning: net-"*": its orbit leaves the finite numbers: no Lyapunov exponents" ]]
}

@test "phase: points are counted without input, whichever input comes first" {
    taskgen cue-discrimination --delay-ms 60 --fresh -o task
    "$PYTHON" -c 'import numpy as np; np.savez("two.npz", W_rec=2 * np.eye(2), W_in=9 * np.eye(2), W_out=np.eye(2))'
    rnn-cat -q --from npz --cell elman --activation tanh --task task two.npz -o net
    rnn-fixedpts --phase --starts uniform --count 200 --input 1,1 --input zero -q -o out net
    [ "$(table coverage out | column n_fixed | paste -sd' ')" = "1 9" ]
    [ "$(table phase out | column n_fixed)" = 9 ]
    rnn-fixedpts --phase --starts uniform --count 200 --input 1,1 -q -o out net
    [ "$(table phase out | column n_fixed)" = NaN ]
}

@test "inputs: each has its own points" {
    rnn-cat select --index 0 "$DATA/ff.rnn" | rnn-fixedpts --count 128 --input zero --input 1,1 --input 1,-1 -o out
    [ "$(table coverage out | column input | sort -u | tr '\n' ' ')" = "1,-1 1,1 zero " ]
    rnn-fixedpts --count 32 --input @cue --period delay -o out "$DATA/cue.rnn"
    [ "$(table coverage out | column input)" = @cue ]
}

@test "starts of a file, one a line" {
    printf '# two starts\n0.5 0.5, 0.5\n-1\t-1 -1\n' >starts
    rnn-fixedpts --starts file --starts-file starts -o out "$DATA/bits.rnn"
    [ "$(table coverage out | column starts)" = 2 ]
    [ "$(table fixedpoints out | column kind | tr '\n' ' ')" = "stable stable " ]
    printf '1 2\n3\n' >bad
    run -1 --separate-stderr rnn-fixedpts --starts file --starts-file bad "$DATA/bits.rnn"
    [[ "$stderr" == *"line 2 has 1 numbers, the first had 2"* ]]
}

@test "what cannot be: one clear line and the right status" {
    run -2 --separate-stderr rnn-fixedpts -o out "$DATA/bits.rnn"
    [[ "$stderr" == *"no state to start from: the stream has neither its activity nor its task"* ]]
    [ ! -e out ]
    run -2 --separate-stderr rnn-fixedpts --starts uniform --input 1,2,3,4 -o out "$DATA/bits.rnn"
    [[ "$stderr" == *"has 4 numbers, the network"* ]]
    run -2 --separate-stderr rnn-fixedpts --period nowhere -o out "$DATA/ff.rnn"
    [[ "$stderr" == *"has no period 'nowhere'"* ]]
    run -2 --separate-stderr rnn-fixedpts --starts uniform --reduced -o out "$DATA/bits.rnn"
    [[ "$stderr" == *"only a network with factorised recurrent weights"* ]]
    run -2 --separate-stderr rnn-fixedpts --levels 3 "$DATA/ff.rnn"
    [[ "$stderr" == *"--levels"*"without --starts grid"* ]]
    run -2 --separate-stderr rnn-fixedpts --field 3 "$DATA/ff.rnn"
    [[ "$stderr" == *"--field has no effect without --reduced"* ]]
}

@test "non-finite weights are said, counted, and stand as a row" {
    run -3 --separate-stderr rnn-fixedpts --starts uniform -o out "$DATA/infinite.rnn"
    [[ "$stderr" == *"weights are not finite"* ]]
    [ "$(table fixedpoints out | column status)" = not-finite ]
}
