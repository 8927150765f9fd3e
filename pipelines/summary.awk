# One line about a group of networks in a performance table (TSV with a header):
#   TITLE: median accuracy (least, largest), n networks of which so many learned; what is expected, and whether it is so;
#   and, where a least median is expected, every network that lies more than 0.03 below it
# -v which=COLUMN=VALUE[;COLUMN=VALUE] picks rows; at_least / at_most bound the median accuracy.
BEGIN { FS = "\t" }
NR == 1 {
    for (i = 1; i <= NF; i++) col[$i] = i
    if (!("accuracy" in col)) { print study ": no column accuracy in " FILENAME > "/dev/stderr"; failed = 1; exit 1 }
    n_pick = split(which, pick, ";")
    next
}
{
    for (i = 1; i <= n_pick; i++) {
        eq = index(pick[i], "=")
        c = substr(pick[i], 1, eq - 1)
        if (!(c in col)) { print study ": no column " c " in " FILENAME > "/dev/stderr"; failed = 1; exit 1 }
        if ($(col[c]) != substr(pick[i], eq + 1)) next
    }
    a[++n] = $(col["accuracy"]) == "nan" ? 0 : $(col["accuracy"]) + 0
    trials = $(col["n"])
    if (at_least != "" && a[n] < at_least - 0.03) missed = missed " " $(col["net"]) " (" a[n] ")"
    if ($(col["status"]) == "trained") learned++
}
END {
    if (failed) exit 1
    if (!n) { print study ": no networks for " title > "/dev/stderr"; exit 1 }
    for (i = 2; i <= n; i++) {
        v = a[i]
        for (j = i - 1; j > 0 && a[j] > v; j--) a[j + 1] = a[j]
        a[j + 1] = v
    }
    median = n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    as_expected = (at_least == "" || median >= at_least) && (at_most == "" || median <= at_most)
    printf "%-46s accuracy %.4f (%.4f to %.4f), %d of %d networks learned, %d trials each\n", title, median, a[1], a[n], learned, n, trials
    printf "%-46s expected: %s: %s\n", "", expected, as_expected ? "yes" : "NO"
    if (missed) printf "%-46s below it:%s\n", "", missed
}
