# phase.tsv performance.tsv learning.tsv: training loss and accuracy of each class at learning rate 0.1 (without memory 0.113, figure S6), all
# delays pooled, as mean and standard error over networks.  Without memory the class is the verdict of training.
BEGIN { FS = OFS = "\t" }
FNR == 1 { split("", at); for (i = 1; i <= NF; i++) at[$i] = i; file++; next }
{ set = $at["set"]; rate = $at["learning_rate"]; none = set == "no-memory" }
set !~ /^(broad|post|tau|no-memory)$/ || (none ? rate < 0.112 || rate > 0.114 : rate < 0.0999 || rate > 0.1001) { next }
{ net = set OFS rate OFS $at["delay_ms"] OFS $at["net"] }
file < 3 { if (none == (file == 2)) class[net] = $at[none ? "status" : "class"]; next }
net in class {
    key = set OFS class[net] OFS $at["update"]
    loss = $at["loss"]
    n[key]++
    sum[key] += loss
    square[key] += loss * loss
    right[key] += $at["accuracy"]
}
END {
    print "set", "class", "update", "loss", "loss_se", "accuracy", "n"
    for (key in n) {
        mean = sum[key] / n[key]
        var = n[key] > 1 ? (square[key] - n[key] * mean * mean) / (n[key] - 1) : 0
        print key, mean, (n[key] > 1 ? sqrt((var > 0 ? var : 0) / n[key]) : "NaN"), right[key] / n[key], n[key] | "sort -t'\t' -k1,1 -k2,2 -k3,3g"
    }
}
