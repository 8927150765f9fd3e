#!/usr/bin/env bats
# rnn-theory mean-field: published solutions (Mastrogiuseppe & Ostojic 2018), and networks of finite size beside their prediction.
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
