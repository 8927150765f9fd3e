# phase.tsv: histogram (50 bins on [0,1], as density) of the mechanism index of learned networks, by class; one column per sign of the second axis.
BEGIN { FS = OFS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
$at["status"] == "trained" && $at["set"] == "broad" {
    for (k = 0; k < 2; k++) {
        x = $at[k ? "mechanism_index_flipped" : "mechanism_index"]
        if (x == "NaN" || x == "nan") continue
        class = $at[k ? "class_index_flipped" : "class_index"]
        b = int(x * 50)
        if (b > 49) b = 49
        count[k, class, b]++
        n[k, class]++
    }
}
END {
    print "class", "index_from", "index_to", "density", "density_flipped", "n", "n_flipped"
    split("limit-cycle slow-point", classes, " ")
    for (c = 1; c <= 2; c++)
        for (b = 0; b < 50; b++) {
            q = classes[c]
            print q, b / 50, (b + 1) / 50, n[0, q] ? count[0, q, b] * 50 / n[0, q] : 0, n[1, q] ? count[1, q, b] * 50 / n[1, q] : 0, n[0, q] + 0, n[1, q] + 0
        }
}
