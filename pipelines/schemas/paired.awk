# The paired comparisons of transfer: test accuracy after 20 epochs.
BEGIN { FS = "\t" }
NR == 1 {
    for (i = 1; i <= NF; i++) at[$i] = i
    print "  transfer, test completion after 20 epochs: difference [95 %], two-sided paired permutation p, and p corrected after Holm"
    next
}
$at["endpoint"] == "accuracy" && $at["epoch"] == 20 {
    interval = $at["lo"] == "NaN" ? "" : sprintf("[%+.3f, %+.3f]", $at["lo"], $at["hi"])
    printf "  %-34s - %-28s %+.3f %-16s  n=%-3s p=%-8.3g %s\n", $at["condition"], $at["reference"], $at["difference"], interval,
        $at["n"], $at["p"], $at["primary"] ? "the primary endpoint" : "Holm: " sprintf("%.3g", $at["p_holm"])
}
