# -v title=TITLE: the claim table in a few lines: how many hold, and every one that does not or was not tested.
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{ n[$at["verdict"]]++ }
$at["verdict"] == "fail" {
    failed = failed sprintf("\n    %-20s measured %.4g, expected %s to %s (n = %s): %s", $at["id"], $at["measured"], bound($at["expected_lo"]), bound($at["expected_hi"]), $at["n"], $at["statement"])
}
$at["verdict"] == "not-tested" { left = left " " $at["id"] }
function bound(x) { return x == "NaN" || x == "nan" ? "..." : x }
END {
    printf "%-46s %d claims hold, %d fail, %d were not tested%s\n", title, n["pass"], n["fail"], n["not-tested"],
           n["measured"] ? sprintf(", %d are measured only", n["measured"]) : ""
    if (failed) print "  fail:" failed
    if (left) print "  not tested at this scale, or by make check:" left
}
