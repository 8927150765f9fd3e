# awk -v scale=SCALE -f cells.awk design.tsv: one line per cell, cheapest first:
#   name set learning_rate delay_ms n batch updates steps cost
# name is SET_RATE_DELAY; cost estimates seconds on one core and is what progress is reckoned in, calibrated by the cells that are done.
function fail(what) { print "design.tsv: line " NR ": " what > "/dev/stderr"; failed = 1; exit 1 }
function on_grid(grid, k) {
    if (grid == "broad") return 10 ^ (-1 - k / 7)
    if (grid == "narrow") return 10 ^ (-0.5 - 1.5 * k / 19)
    if (grid == "tau") return 10 ^ (-1 - 2 * k / 9)
    if (grid == "control") return 10 ^ (-3 * k / 19)
    fail("no grid '" grid "'")
}
function rates(text, out,    word, part, range, n, m, i, k) {
    m = 0
    n = split(text, word, ",")
    for (i = 1; i <= n; i++) {
        if (split(word[i], part, ":") < 2) { out[++m] = word[i]; continue }
        if (split(part[2], range, "-") < 2) range[2] = range[1]
        for (k = range[1]; k <= range[2]; k++) out[++m] = sprintf("%.6g", on_grid(part[1], k))
    }
    return m
}
function delays(text, out,    word, range, n, m, i, d) {
    m = 0
    n = split(text, word, ",")
    for (i = 1; i <= n; i++) {
        if (split(word[i], range, /[-\/]/) < 3) { out[++m] = word[i]; continue }
        for (d = range[1]; d <= range[2]; d += range[3]) out[++m] = d
    }
    return m
}
# As the preset short-term-memory has it; the study of rank 2 trains longer for longer delays.
function updates_of(set, rate, delay,    u) {
    if (set ~ /^rank2/) return delay <= 40 ? 500000 : 1500000
    if (set == "no-memory") return 3000
    u = int((set == "post" ? 100 : 30) / rate + 1e-9)
    return u > 1000 ? u : 1000
}
function steps_of(set, delay) {
    if (set ~ /^rank2/) return delay / 5 + 2 + (set == "rank2-post" ? 6 : 0)
    if (set == "no-memory") return 6 + delay / 5
    return 16 + delay / 5 + (set == "post" ? 6 : 0)
}
BEGIN { FS = "\t"; sort = "sort -t'\t' -k9,9g -k1,1" }
/^#/ || $1 != scale { next }
{
    n_rates = rates($5, rate)
    n_delays = delays($6, delay)
    for (i = 1; i <= n_rates; i++) {
        for (j = 1; j <= n_delays; j++) {
            u = updates_of($2, rate[i], delay[j])
            t = steps_of($2, delay[j])
            cost = $3 * ($2 ~ /^rank2/ ? u * t * 2.5e-7 : u * t * $4 * 4.2e-7 + 0.5)
            printf "%s_%s_%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%.3f\n", $2, rate[i], delay[j], $2, rate[i], delay[j], $3, $4, u, t, cost | sort
            any = 1
        }
    }
}
END {
    if (failed) exit 1
    if (!any) { print "design.tsv: nothing is trained at scale '" scale "'" > "/dev/stderr"; exit 1 }
    close(sort)
}
