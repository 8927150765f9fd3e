# phase.tsv: learned networks by what the three criteria say of them, and what is known where they differ: whether the roll-out ended at a
# certified fixed point, how fast it moved at its end, and whether its turns are too slow for the index (fewer than three in nine trials).
function median(key, n,    i, j, v) {
    for (i = 2; i <= n; i++) {
        v = speed[key, i]
        for (j = i - 1; j > 0 && speed[key, j] > v; j--) speed[key, j + 1] = speed[key, j]
        speed[key, j + 1] = v
    }
    return n % 2 ? speed[key, (n + 1) / 2] : (speed[key, n / 2] + speed[key, n / 2 + 1]) / 2
}
BEGIN { FS = OFS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
$at["status"] == "trained" && $at["set"] ~ /^(broad|narrow|post|tau)$/ {
    key = $at["set"] OFS $at["class_index"] OFS $at["class_index_flipped"] OFS $at["class_rollout"] OFS $at["class_points"]
    all[$at["set"]]++
    speed[key, ++n[key]] = $at["rollout_speed"] + 0
    fixed[key] += $at["settles_status"] == "fixed"
    trial = $at["cue-ms"] + $at["delay-ms"] + $at["response-ms"]
    slow[key] += $at["period"] != "NaN" && $at["period"] + 0 > 3 * trial
}
END {
    print "set", "class_index", "class_index_flipped", "class_rollout", "class_points", "n", "share", "at_fixed_point", "slower_than_three_trials", "median_speed"
    for (key in n) {
        split(key, part, OFS)
        print key, n[key], n[key] / all[part[1]], fixed[key] / n[key], slow[key] / n[key], median(key, n[key]) | "sort -t'\t' -k1,1 -k6,6gr"
    }
}
