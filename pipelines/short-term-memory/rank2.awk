# phase.tsv: share of rank-2 networks that turn, with and without a silent period after the response, and Fisher's exact test between the two
# (two-sided, times the number of delays).  visible: one turn within three trial lengths plus 24 steps, what the study's figures show.
function log_choose(n, k,    i, s) { s = 0; for (i = 1; i <= k; i++) s += log((n - k + i) / i); return s }
function fisher(a, b, c, d,    n, row, col, lo, hi, x, p, observed, total) {
    n = a + b + c + d; row = a + b; col = a + c
    if (!n || !row || !col || row == n || col == n) return 1
    observed = log_choose(row, a) + log_choose(n - row, c) - log_choose(n, col)
    lo = col - (n - row); if (lo < 0) lo = 0
    hi = row < col ? row : col
    for (x = lo; x <= hi; x++) {
        p = log_choose(row, x) + log_choose(n - row, col - x) - log_choose(n, col)
        if (p <= observed + 1e-7) total += exp(p)
    }
    return total < 1 ? total : 1
}
BEGIN { FS = OFS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
$at["set"] ~ /^rank2/ {
    delay = $at["delay_ms"] + 0
    post = $at["set"] == "rank2-post"
    if (!(delay in known)) { known[delay] = 1; n_delays++ }
    all[delay, post]++
    if ($at["status"] != "trained") next
    learned[delay, post]++
    if ($at["class_rollout"] != "limit-cycle") next
    turns[delay, post]++
    if ($at["period"] + 0 > 0 && $at["period"] <= 3 * (delay + 40)) visible[delay, post]++
}
END {
    print "delay_ms", "n", "learned", "turning", "visible", "n_post", "learned_post", "turning_post", "visible_post", "p_fisher", "p_times_delays"
    for (delay in known) {
        a = visible[delay, 0] + 0; b = learned[delay, 0] - a; c = visible[delay, 1] + 0; d = learned[delay, 1] - c
        p = fisher(a, b, c, d)
        print delay, all[delay, 0] + 0, learned[delay, 0] + 0, turns[delay, 0] + 0, a, all[delay, 1] + 0, learned[delay, 1] + 0, turns[delay, 1] + 0, c,
              p, (p * n_delays < 1 ? p * n_delays : 1) | "sort -g"
    }
}
