# The table of claims for reading: verdict, measured value with its interval, what was expected, n, statement and its basis.
function number(x) { return x == "NaN" || x == "" ? "" : sprintf("%.3g", x) }
function range(lo, hi) {
    if (number(lo) == "" && number(hi) == "") return ""
    if (number(hi) == "") return ">= " number(lo)
    if (number(lo) == "") return "<= " number(hi)
    return number(lo) " .. " number(hi)
}
BEGIN { FS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
    verdict = $at["verdict"]
    count[verdict]++
    interval = number($at["lo"]) == "" ? "" : sprintf("[%s, %s]", number($at["lo"]), number($at["hi"]))
    printf "  %-6s %-10s %7s %-18s %-13s n=%-5s %s (%s)\n", $at["id"], verdict, number($at["measured"]), interval,
        range($at["expected_lo"], $at["expected_hi"]), $at["n"], $at["statement"], $at["basis"]
}
END {
    printf "  claims:"
    for (v in count) printf " %d %s", count[v], v
    print ""
    print "  Caveats.  Bands come from reference runs of the same equations: they test this implementation, not the paper afresh."
    print "  eta2, nearest mean and ridge stand side by side (C5): taking component 1 out erases variance, not decodable information."
    print "  Test sequences are new pairs of known tokens; new tokens fail (C1f).  Memorisers of both lengths of training are shown (C8)."
}
