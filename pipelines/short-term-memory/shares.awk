# phase.tsv, performance.tsv: networks of every cell by what became of them, as TSV.
#   published: the classes of the study's code, averaged over the two signs that its principal axis may have;
#   rollout: learned networks that go on turning, by a long roll-out; irregular: those of them with a positive Lyapunov exponent;
#   cues_differ: learned networks that end differently after the other cue
function bump(key, what, by) { seen[key] = 1; sum[key, what] += by }
BEGIN { FS = OFS = "\t" }
FNR == 1 { split("", at); for (i = 1; i <= NF; i++) at[$i] = i; phase = "class_index" in at; next }
{
    set = $(at["set"])
    if (!phase && set != "no-memory") next
    key = set OFS $(at["learning_rate"]) OFS $(at["delay_ms"])
    status = $(at["status"])
    bump(key, "n", 1)
    if (status != "trained") { bump(key, status, 1); next }
    bump(key, "learned", 1)
    if (!phase) next
    bump(key, "index", (($(at["class_index"]) == "limit-cycle") + ($(at["class_index_flipped"]) == "limit-cycle")) / 2)
    bump(key, "agree", ($(at["class_index"]) == "limit-cycle") == ($(at["class_rollout"]) == "limit-cycle"))
    bump(key, "signs", $(at["class_index"]) == $(at["class_index_flipped"]))
    bump(key, "rollout", $(at["class_rollout"]) == "limit-cycle")
    bump(key, "irregular", $(at["class_points"]) == "irregular")
    bump(key, "mixed", $(at["mechanism_all"]) == "mixed")
}
END {
    print "set", "learning_rate", "delay_ms", "n", "not_learned", "unstable", "limit_cycle", "slow_point", "limit_cycle_rollout", "irregular", "cues_differ", "signs_agree", "criteria_agree"
    for (key in seen) {
        n = sum[key, "n"]
        learned = sum[key, "learned"]
        control = key ~ /^no-memory/
        lost = (n - learned - sum[key, "unstable"]) / n
        print key, n, lost, sum[key, "unstable"] / n, control ? "NaN" : sum[key, "index"] / n, control ? "NaN" : (learned - sum[key, "index"]) / n,
              control ? "NaN" : sum[key, "rollout"] / n, control ? "NaN" : sum[key, "irregular"] / n, control ? "NaN" : sum[key, "mixed"] / n,
              learned && !control ? sum[key, "signs"] / learned : "NaN", learned && !control ? sum[key, "agree"] / learned : "NaN" | "sort -t'\t' -k1,1 -k2,2gr -k3,3g"
    }
}
