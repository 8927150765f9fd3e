# The paired comparisons of transfer: test accuracy after 20 epochs.
BEGIN { FS = "\t" }
NR == 1 {
    for (i = 1; i <= NF; i++) at[$i] = i
    print "  transfer, test completion after 20 epochs: difference [95 %], two-sided paired permutation p, and p corrected after Holm"
    next
}
$at["endpoint"] == "accuracy" && $at["epoch"] == 20 {
    printf "  %-34s - %-28s %+.3f [%+.3f, %+.3f]  n=%-3s p=%-8.3g %s\n", $at["condition"], $at["reference"], $at["difference"], $at["lo"],
        $at["hi"], $at["n"], $at["p"], $at["primary"] ? "the primary endpoint" : "Holm: " sprintf("%.3g", $at["p_holm"])
}
