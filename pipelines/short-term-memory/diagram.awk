# figure-shares.tsv as a diagram in text: for every learning rate and delay the most frequent outcome, and its share.
BEGIN { FS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
$at["set"] == "broad" {
    none = $at["not_learned"] + $at["unstable"]
    turn = $at["limit_cycle"]
    rest = $at["slow_point"]
    best = none >= turn && none >= rest ? "NL" : turn > rest ? "LC" : "SP"
    share = best == "NL" ? none : best == "LC" ? turn : rest
    rate = $at["learning_rate"]
    if (!(rate in known)) { known[rate] = 1; rates[++n_rates] = rate }
    if (!($at["delay_ms"] in column)) { column[$at["delay_ms"]] = 1; delays[++n_delays] = $at["delay_ms"] }
    text[rate, $at["delay_ms"]] = sprintf("%s %3.0f%%", best, 100 * share)
    n = $at["n"]
}
END {
    if (!n_rates) exit
    printf "short-term memory: what most of %d networks became (SP: settles on a point, LC: goes on turning, NL: not learned)\n  %-12s", n, "rate \\ delay"
    for (j = 1; j <= n_delays; j++) printf " %7s", delays[j] " ms"
    for (i = 1; i <= n_rates; i++) {
        printf "\n  %-12s", rates[i]
        for (j = 1; j <= n_delays; j++) printf " %7s", text[rates[i], delays[j]]
    }
    print ""
}
