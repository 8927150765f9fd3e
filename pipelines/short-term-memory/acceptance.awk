# figure-shares.tsv of the six published cells against their ranges (published share +- 2.5 binomial standard errors at n = 40).
function judge(what, value, lo, hi) {
    inside = value >= lo - 1e-9 && value <= hi + 1e-9
    line = line sprintf("  %s %.3f (%.2f to %.2f%s)", what, value, lo, hi, inside ? "" : ", OUTSIDE")
    if (!inside) outside = 1
}
BEGIN { FS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
$at["set"] == "broad" {
    cell = $at["learning_rate"] " " $at["delay_ms"]
    none = $at["not_learned"] + $at["unstable"]
    line = ""
    outside = 0
    if (cell == "0.1 60") { judge("NL", none, 0, .06); judge("SP", $at["slow_point"], .38, .78) }
    else if (cell == "0.1 100") { judge("NL", none, .06, .38); judge("LC", $at["limit_cycle"], .35, .75) }
    else if (cell == "0.1 200") { judge("NL", none, .17, .55); judge("SP", $at["slow_point"], 0, .08) }
    else if (cell == "0.01 60") judge("NL", none, 0, 0)
    else if (cell == "0.01 100") { judge("NL", none, 0, .05); judge("SP", $at["slow_point"], .38, .78) }
    else if (cell == "0.01 200") judge("NL", none, .25, .65)
    else next
    cells++
    missed += outside
    printf "learning rate %-5s delay %3s ms  n %d  NL %.3f (unstable %.3f)  LC %.3f  SP %.3f:%s\n", $at["learning_rate"], $at["delay_ms"], $at["n"], none, $at["unstable"], $at["limit_cycle"], $at["slow_point"], line
}
END { printf "%d of %d cells outside their ranges\n", missed, cells }
