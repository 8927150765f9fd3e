#!/usr/bin/env bats
# rnn-theory mean-field: published solutions (Mastrogiuseppe & Ostojic 2018), and networks of finite size beside their prediction; what scaling and the
# toy models say and refuse.
bats_require_minimum_version 1.5.0
setup() { cd "$BATS_TEST_TMPDIR"; }
table() { rnn-cat --to tsv --table "$@"; }
column() { awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'; }
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(d <= t && -d <= t) }'; }

@test "rank one: kappa and slope for overlaps 1.05 to 5" {
    while read -r overlap kappa slope; do
        rnn-theory mean-field --overlap "$overlap" -o out
        [ "$(table mean_field out | wc -l)" = 4 ]
        near "$(table mean_field out | column kappa | sort -g | tail -1)" "$kappa" 2e-9
        near "$(table mean_field out | column slope_max | sort -g | head -1)" "$slope" 2e-7
    done <<'END'
1.05 0.2289694314 0.90886872
1.2 0.4862823197 0.70858684
2 1.3371088959 0.28294453
5 3.8865416565 0.05021633
END
}

@test "means and a random part" {
    rnn-theory mean-field --overlap 0 --m-mean 1 --n-mean 2 --gain 0.8 -o out
    near "$(table mean_field out | column kappa | sort -g | tail -1)" 1.02495648 1e-8
    near "$(table mean_field out | column variance | sort -g | tail -1)" 1.41998195 1e-8
}

@test "networks of many units lie near their prediction" {
    "$PYTHON" - <<'PY'
import numpy as np
r = np.random.default_rng(3)
m = r.normal(size=(3000, 1))
np.savez("n.npz", m=m, n=(2 * m + 0.5 * r.normal(size=m.shape)).T)
PY
    rnn-cat -q --from npz --cell leaky --activation tanh --alpha 0.2 --rank-scale per-unit n.npz |
        rnn-theory mean-field | rnn-fixedpts --starts uniform --reach 3 --count 50 --reduced --arrays states -o out
    [ "$(table mean_field out | column solution | wc -l)" = 3 ]
    [ "$(table coverage out | column n_fixed)" = 3 ]
    rnn-cat --to npy --array fixedpoint_kappas out >k.npy
    near "$("$PYTHON" -c 'import numpy as np; print(np.abs(np.load("k.npy")).max())')" "$(table mean_field out | column kappa | sort -g | tail -1)" 0.055
}

@test "statistics that do not fit each other are refused" {
    run -2 --separate-stderr rnn-theory mean-field --overlap 1,2
    [[ "$stderr" == *"--overlap: 2 numbers are no square matrix"* ]]
    run -2 --separate-stderr rnn-theory mean-field --overlap 1 --m-mean 1,2
    [[ "$stderr" == *"--m-mean: 2 numbers, not 1"* ]]
    run -2 --separate-stderr rnn-theory mean-field --m-mean 1
    [[ "$stderr" == *"without --overlap"* ]]
}

@test "biases are one more direction of the theory" {
    "$PYTHON" - <<'PY'
import numpy as np
r = np.random.default_rng(4)
m = r.normal(size=(4000, 1))
b = 0.5 + 0.8 * m[:, 0] + 0.6 * r.normal(size=4000)
np.savez("n.npz", m=m, n=(2 * m + 0.5 * r.normal(size=m.shape)).T + 0.3 * b, b_rec=b)
PY
    rnn-cat -q --from npz --cell leaky --activation tanh --alpha 0.2 --rank-scale per-unit n.npz |
        rnn-theory mean-field | rnn-fixedpts --starts uniform --reach 5 --count 50 --reduced --arrays states -o out
    rnn-cat --to npy --array fixedpoint_kappas out | "$PYTHON" -c 'import sys, io, numpy as np; print(*sorted(np.load(io.BytesIO(sys.stdin.buffer.read())).ravel()))' >found
    table mean_field out | column kappa | sort -g | paste -sd' ' >predicted
    [ "$(wc -w <found)" = "$(wc -w <predicted)" ]
    "$PYTHON" -c 'import sys; a, b = (list(map(float, open(f).read().split())) for f in ("found", "predicted")); sys.exit(max(abs(x - y) for x, y in zip(a, b)) > 0.06)'
}

@test "no solution at 0 is passed by, and networks that nothing is predicted of are named" {
    rnn-theory mean-field --overlap 2 --per-axis 2 -o out
    [ "$(table mean_field out | column kappa | head -1)" = 0 ]
    [ "$(table mean_field out | wc -l)" = 4 ]
    "$PYTHON" -c 'import numpy as np; np.savez("full.npz", W_rec=np.eye(3))'
    rnn-cat -q --from npz --cell elman --activation tanh full.npz -o full
    run -0 --separate-stderr rnn-theory mean-field -o out full
    [[ "$stderr" == "rnn-theory: warning: no network has factorised recurrent weights"* ]]
}

@test "scaling: options without effect are refused, and an exponent that seeds do not determine says so" {
    PYTHONPATH=$BATS_TEST_DIRNAME "$PYTHON" -B - <<'PY' >open.rnn
import math
from framed import head, table, end
rows = [(rate, 10. * d, "slow-point" if 10 * d < 80 + 60 * math.sin(9 * r + 2 * s) else "limit-cycle", s)
        for r, rate in enumerate((0.1, 0.03, 0.01)) for d in range(21) for s in range(3)]
rate, delay, mechanism, index = zip(*rows)
head()
table("phase", {}, learning_rate=rate, delay_ms=delay, mechanism=list(mechanism), index=index)
end()
PY
    rnn-theory scaling --boundary turns=limit-cycle:crossing -o out open.rnn
    [ "$(table exponent out | column determined)" = no ]
    for words in "--start 1,1" "--step 2"; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr rnn-theory scaling --boundary turns=limit-cycle:crossing $words -o out open.rnn
        [[ "$stderr" == "rnn-theory: ${words%% *}: has no effect without a boundary by onset"* ]]
    done
    run -2 --separate-stderr rnn-theory scaling --boundary turns=limit-cycle:onset --level 0.5 -o out open.rnn
    [[ "$stderr" == "rnn-theory: --level: has no effect without a boundary by crossing" ]]
}

@test "a cycle that turns for ever within a trial is refused" {
    for r in inf 1e9; do
        run -2 --separate-stderr timeout 10 rnn-theory limit-cycle --delays 10 --r-max "$r"
        [[ "$stderr" == "rnn-theory: --r-max ("* ]]
    done
}
