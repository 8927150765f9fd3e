#!/usr/bin/env bats
# rnn-report: text, TSV, verdicts, figures and pages, and what it refuses.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-train --preset variable-memory-fast --hidden 12 --updates 40 --nets 2 --seed 4 -q |
        rnn-run --horizon 20 -q -o nets.rnn
    rnn-varmem -q --count 8 --horizon 10 --arrays all -o varmem.rnn nets.rnn
    printf 'id\tstatement\tbasis\ttable\tvalue\tstatistic\tlo\thi\n' >head.tsv
    { cat head.tsv; printf 'one\tworse <than> perfect & finite\tchoice\tperformance\taccuracy\tmax\t0\t1\n'; } >pass.tsv
    { cat pass.tsv; printf 'two\tno network is that good\tchoice\tperformance\taccuracy\tmin\t1.5\t\n'; } >fail.tsv
    { cat pass.tsv; printf 'three\tof another table\tchoice\tnone\tx\tmin\t1.5\t\n'; } >open.tsv
    printf '%s\n' '@title A <story>' '@question What & why?' '' 'Words of a "paragraph".' '@figure trials' '@figure spectrum Modes.' '@figure transfer' \
        '@plot table=performance x=index y=accuracy style=points : Points.' '@behaviours' '@claims one' '@claims zero' >story.txt
    export D=$BATS_FILE_TMPDIR PYTHONPATH=$BATS_TEST_DIRNAME PYTHONDONTWRITEBYTECODE=1
}
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "text shows every table with its rows, networks and units" {
    run -0 rnn-report "$D/nets.rnn"
    [[ "$output" == *"performance: 2 rows of 2 networks"* && "$output" == *"learning: "*"(updates)"* ]]
    run -0 rnn-report text --table performance --filter index=1 "$D/nets.rnn"
    [[ "$output" == *"performance: 1 row of 1 network"* && "$output" != *"learning: "* ]]
    run -0 rnn-report --rows 1 --table performance "$D/nets.rnn"
    [ "${lines[-1]}" = "  ... 1 rows more" ]
}

@test "two tools' words on the same networks: what passed through both counts once; other networks of these names are others" {
    rnn-run --horizon 30 -q -o longer.rnn "$D/nets.rnn"
    taskgen repeat-copy --length 3 --dims 2 --fresh | rnn-train --preset variable-memory-fast --hidden 12 --updates 40 --nets 2 --seed 5 -q -o others.rnn
    rows() { rnn-report "$@" | sed -n 's/^\(learning\|performance\): //p' | tr '\n' ','; }
    local one
    one=$(rows train "$D/nets.rnn")
    [[ "$one" == *" rows of 2 networks," ]]
    [ "$(rows train "$D/nets.rnn" "$D/varmem.rnn" longer.rnn)" = "$one" ]
    [ "$(cat "$D/nets.rnn" longer.rnn | rnn-report train | sed -n 's/^learning: //p')," = "$one" ]
    [ "$(rows run "$D/nets.rnn" longer.rnn)" = "4 rows of 2 networks," ]
    [ "$(rows run "$D/nets.rnn" "$D/nets.rnn")" = "2 rows of 2 networks," ]
    [[ "$(rows train "$D/nets.rnn" others.rnn)" == *"rows of 4 networks," ]]
    { cat "$D/head.tsv"; printf 'n\trows\tchoice\tperformance\taccuracy\tcount\t2\t2\n'; } >count.tsv
    rnn-report claims --text --require all count.tsv "$D/nets.rnn" "$D/varmem.rnn" >/dev/null
    rnn-report figure learning-curves -o a.svg "$D/nets.rnn" "$D/varmem.rnn"
    grep -q 'n = 2 networks' a.svg
    # tables alone, as select leaves them, do not say whose they are
    rnn-cat select --name performance -o bare.rnn "$D/nets.rnn"
    [ "$(rows run bare.rnn bare.rnn)" = "4 rows of 4 networks," ]
}

@test "a tool's name sums its tables up" {
    run -0 rnn-report varmem "$D/varmem.rnn"
    [[ "$output" == *"stage trained, state ok; 2 rows: median, least .. largest"* || "$output" == *"stage trained"* ]]
    [[ "$output" == *"argument"* || "$output" == *"angular error"* || "$output" == *"n_ge_theta"* ]]
    run -1 --separate-stderr rnn-report lowrank "$D/nets.rnn"
    [[ "$stderr" == *"rnn-lowrank writes them"* ]]
}

@test "tsv is what rnn-cat writes, but for the order of columns" {
    sorted() { awk -F'\t' '{ n = split($0, a, FS); if (NR == 1) for (i = 1; i <= n; i++) name[i] = a[i]; else for (i = 1; i <= n; i++) print NR, name[i], a[i] }' | sort; }
    rnn-report tsv learning "$D/nets.rnn" | sorted >ours
    rnn-cat --to tsv --table learning "$D/nets.rnn" | sorted >theirs
    [ -s ours ]
    cmp ours theirs
}

@test "claims become a table, words, and an exit status" {
    rnn-report claims "$D/fail.tsv" "$D/nets.rnn" >claims.rnn
    [ "$(rnn-cat --to tsv --table claims claims.rnn | awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "verdict") k = i; next } { print $k }' | tr '\n' ' ')" = "pass fail " ]
    rnn-cat check claims.rnn
    [[ "$(rnn-cat --prov claims.rnn)" == *rnn-report* ]]
    run -0 rnn-report claims --text "$D/pass.tsv" "$D/nets.rnn"
    [[ "${lines[-1]}" == "1 claim: 1 pass, 0 fail, 0 not tested" ]]
    run -0 rnn-report claims --text "$D/fail.tsv" "$D/nets.rnn"
    run -3 rnn-report claims --text --require pass "$D/fail.tsv" "$D/nets.rnn"
    run -0 rnn-report claims --text --require pass "$D/open.tsv" "$D/nets.rnn"
    run -3 rnn-report claims --text --require all "$D/open.tsv" "$D/nets.rnn"
}

@test "a claim of which nothing is expected is measured, and neither passes nor fails" {
    { cat "$D/fail.tsv"; printf 'free\tas it comes\tmeasured only\tperformance\taccuracy\tmean\t\t\n'; } >free.tsv
    run -0 rnn-report claims --text free.tsv "$D/nets.rnn"
    [[ "${lines[-1]}" == "3 claims: 1 pass, 1 fail, 0 not tested, 1 measured only" ]]
    sed -i /^two/d free.tsv
    run -0 rnn-report claims --text --require all free.tsv "$D/nets.rnn"
}

@test "every figure is drawn or says who makes its data" {
    run -0 rnn-report figures
    names=$(cut -d' ' -f1 <<<"$output")
    [ "$(wc -w <<<"$names")" -ge 30 ]
    for name in $names; do
        if rnn-report figure "$name" -o "$name.svg" "$D/varmem.rnn" 2>said; then
            head -c 300 "$name.svg" | grep -q '<svg'
            run ! grep -q 'no data' "$name.svg"
        else
            grep -Eq 'makes it|vary|rnn-' said
        fi
    done
    [ -s spectrum.svg ] && [ -s interaction.svg ] && [ -s trials.svg ] && [ -s weights.svg ] && [ -s learning-curves.svg ]
    rnn-report figure spectrum -o again.svg "$D/varmem.rnn"
    cmp spectrum.svg again.svg
    rnn-report figure spectrum -o f.pdf "$D/varmem.rnn"
    [ "$(head -c 4 f.pdf)" = "%PDF" ]
    rnn-report figure spectrum --format png "$D/varmem.rnn" | head -c 4 | grep -q PNG
}

# words FILE: all that a figure says, lines joined
words() { grep -o '<text>[^<]*' "$1" | cut -c 7- | tr '\n' ' '; }

# make_streams: networks of other kinds, small; each of the names is a file NAME.rnn
make_streams() {
    taskgen sequence --suffix 0 --train-fraction 0.5 | rnn-train --preset schemas --hidden 12 --nets 2 --epochs 1 -q -o seq.rnn
    rnn-lowrank -q --truncation --ablation --align hidden -o lowrank.rnn seq.rnn
    rnn-run -q --split train,test --activity seq.rnn | rnn-geometry -q --arrays --measures all --leaves groups --triplets 500 -o geometry.rnn
    taskgen sequence --n-types 4 | rnn-train --hidden 12 --epochs 1 --nets 2 -q -o donors.rnn
    taskgen sequence --n-types 4 --objective next-token |
        rnn-transfer -q --hidden 12 --epochs 2 --nets 2 --donors class=donors.rnn --conditions i2h,h2h:frozen -o transfer.rnn
    for d in 20 40; do
        for lr in 0.1 0.01; do
            taskgen delayed-activation --delay-ms $d --response-ms 20 --fresh |
                rnn-train --preset short-term-memory --hidden 10 --lr $lr --updates 30 --nets 2 -q --label learning_rate=$lr
        done
    done | rnn-fixedpts -q --phase --reduced --field 5 --count 8 --rollout 300 --rollout-tail 100 --arrays all -o phase.rnn
    cat >scaling.py <<'END'
import sys, numpy as np
from framed import head, table, end
labels = {"criterion": sys.argv[1]}
head("rnn-theory")
table("boundary", labels, boundary=["a"] * 3 + ["b", "c"], learning_rate=(0.1, 0.01, 0.001, 0.1, 0.1), delay_ms=(20, 60, 200, 30, 40), lo=(10, 50, 190, np.nan, 9), hi=(30, 70, 220, np.nan, 99))
table("exponent", labels, boundary=["a", "b", "c"], beta=(2., np.nan, -7.6), lo=(1.9, np.nan, -9), hi=(float(sys.argv[2]), np.nan, 22), determined=["yes", "no", "no"])
end()
END
    for i in 1 2; do "$PYTHON" scaling.py way-$i 2.$i; done >scaling.rnn
    { rnn-theory slow-point -q; rnn-theory limit-cycle -q; } >toy.rnn
    rnn-report -q -o claims.rnn claims "$D/open.tsv" "$D/nets.rnn"
    cat >wide.py <<'END'
from framed import head, table, end
head("rnn-varmem") # 16 variables need two columns of key, beside panels in two rows; 90 claims, two columns of rows
for v in range(16):
    for variant in "abcd": table("decode", {"length": 16}, net=["net-0000"] * 2, variant=[variant] * 2, offset=(0, 9), variable=[v + 1.0] * 2, decode_accuracy=(1, 1 - v / 20))
table("claims", {}, id=["C%d.part" % (i // 7) for i in range(90)], verdict=["pass"] * 89 + ["fail"], measured=[-0.12345678] * 90, lo=[-0.23456789] * 90,
      hi=[-0.034567891] * 90, expected_lo=[0.12345678] * 89 + [2.0], expected_hi=[1234567.0] * 89 + [2.0], n=[100.0] * 90)
end()
END
    "$PYTHON" wide.py >wide.rnn
}

@test "figures of any stream keep their words inside, name their axes, and say n and the command" {
    make_streams
    cp "$D/varmem.rnn" .
    for stream in varmem lowrank geometry transfer phase scaling toy claims wide; do
        for name in $(rnn-report figures $stream.rnn | awk '$2 == "yes" { print $1 }'); do
            rnn-report figure "$name" -o "$stream-$name.svg" $stream.rnn 2>said ||
                grep -Eq 'fewer than two labels vary|no other label' said || { cat said; false; }
            echo "$name"
        done
    done | sort -u >drawn
    rnn-report figures | cut -d' ' -f1 | sort | comm -13 drawn - >never
    # pictures, and networks that learned, are needed for these
    [ "$(tr '\n' ' ' <never)" = "impulse memories " ]
    "$PYTHON" - *.svg <<'END'
import re, sys, html
for name in sys.argv[1:]:
    svg = open(name).read()
    w, h = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    turned = n = 0
    for x, y, angle, size, anchor, text in re.findall(r'translate\(([\d.-]+),([\d.-]+)\)(?: rotate\((-?[\d.]+)\))?"[^>]*font-size="([\d.]+)"\s+text-anchor="(\w+)">\s*<text>(.*?)</text>', svg, re.S):
        x, y, size, text = float(x), float(y), float(size), html.unescape(re.sub('<.*?>', '', text))
        if not text.strip(): continue
        n += 1
        length = 0.5 * size * len(text)
        before, after = {'start': (0, length), 'middle': (length / 2, length / 2), 'end': (length, 0)}[anchor]
        if angle in ('270', '270.00', '-90', '-90.00'):
            turned += 1
            box = (x - size, y - after, x, y + before)
        elif angle and float(angle): continue # names of categories
        else: box = (x - before, y - size, x + after, y)
        assert box[0] > -1 and box[1] > -1 and box[2] < w + 1 and box[3] < h + 1, (name, text, box, w, h)
    assert n > 3, (name, 'words were not found')
    assert turned or 'claims' in name, (name, 'no name beside the ordinate')
    assert re.search(r'n = \d+', svg) and re.search(r'rnn-|taskgen', svg), (name, 'caption')
    assert 'nan' not in re.sub(r'<(path|image).*?>', '', svg, flags=re.S), (name, 'nan')
END
    grep -q 'from scratch' transfer-transfer.svg
    [[ "$(words scaling-scaling-law.svg)" == *"a: beta 2.00 [1.90, 2.10] b: no exponent c: beta not determined [-9.00, 22.00] way-1 "*"a: beta 2.00 [1.90, 2.20] b: no exponent c: beta not determined [-9.00, 22.00] way-2 "* ]]
    grep -q 'rnn-theory slow-point; rnn-theory limit-cycle' toy-toy-loss.svg
    grep -q 'from latent variable' phase-weights.svg
    grep -q 'n = 2 networks' lowrank-aligned-weights.svg
    grep -q 'delay (ms)' phase-fractions.svg
    grep -q 'learning_rate 0.1' phase-learning-curves.svg
    grep -q 'variable 16' wide-decoding.svg
    grep -q 'pass (89)' wide-claims.svg
    grep -q 'expected 2<' wide-claims.svg
    awk -F'[" ]' '/viewBox/ { for (i = 1; i <= NF; i++) if ($i ~ /viewBox/) exit !($(i + 3) <= 1200 && $(i + 4) <= 1200) }' wide-claims.svg
    run ! grep -q 'input of trial' phase-trials.svg
}

@test "a plot without values, or of too many panels, says so" {
    run -2 --separate-stderr rnn-report plot --table learning --x update --y loss --filter index=9 "$D/nets.rnn"
    [[ "$stderr" == "rnn-report: table learning has no rows with a value of loss and index=9" ]]
    run -2 --separate-stderr rnn-report plot --table learning --x update --y loss --facet update "$D/nets.rnn"
    [[ "$stderr" == *"too many for a panel each"* ]]
    run -2 --separate-stderr rnn-report plot --table learning --x update --y loss --style points --filter update=0 --log-x "$D/nets.rnn"
    [[ "$stderr" == *"no values above 0, which a logarithmic axis shows"* ]]
}

@test "conditions are told apart, or named as pooled; a network that stopped keeps its last value; snapshots are no networks" {
    cat >stop.py <<'END'
from framed import head, table, end
head("rnn-train")
for cond, stop, rate in ("long", 400, 1), ("short", 100, 2):
    for net, last, loss in ("net-0000", stop, 1), ("net-0001", 50, 0.25):
        x = list(range(0, last + 1, 10))
        table("learning", {"cond": cond, "rate": rate, "seed": net[-1]}, net=[cond + net] * len(x), update=[float(u) for u in x], loss=[loss / rate] * len(x))
end()
END
    "$PYTHON" stop.py >stop.rnn
    rnn-report figure learning-curves -o f.svg stop.rnn
    [[ "$(words f.svg)" == *"lines: means of 2 values, bands: 5 to 95 %; networks that stopped keep their last value; n = 4 networks"*" long short "* ]]
    "$PYTHON" - <<'END' # every line is level: no mean jumps where a network stops
import re
lines = [[p.split(",") for p in re.findall(r"[-\d.]+,[-\d.]+", d)] for d in re.findall(r"<path stroke='rgb\([^)]*\)'[^>]* d='([^']*)'", open("f.svg").read())]
curves = [c for c in lines if len(c) >= 11]
assert len(curves) == 2, [len(c) for c in lines]
for c in curves: assert len({y for _, y in c}) == 1, c
END
    rnn-report plot --table learning --x update --y loss -o p.svg stop.rnn
    [[ "$(words p.svg)" == *"lines: means of 1 to 4 values, bands: 5 to 95 %; pooled over cond; n = 4 networks"* ]]
    rnn-report plot --table learning --x update --y loss --group cond -o p.svg stop.rnn
    [[ "$(words p.svg)" != *pooled* ]]
    cat >decode.py <<'END'
from framed import head, table, end
head("rnn-varmem")
for cond, offsets in ("rc-16", (0, 8, 16)), ("rc-8", (0, 4, 8)):
    for v in 1, 2: table("decode", {"cond": cond}, net=[cond] * 3, variant=["dual"] * 3, offset=offsets, variable=[float(v)] * 3, decode_accuracy=(1, 1, v / 2))
end()
END
    "$PYTHON" decode.py >decode.rnn
    rnn-report figure decoding -o d.svg decode.rnn
    [[ "$(words d.svg)" == *" rc-8 "*" rc-16 "* ]]
    [[ "$(words d.svg)" == *"lines: means of 2 values, "*"n = 2 networks, 12 rows"* ]]
    rnn-report figure decoding --filter cond=rc-8 -o d.svg decode.rnn
    grep -q '<text>variable 2<' d.svg
    cat >own.py <<'END' # rows that bring their interval; behaviours by their colours; intervals side by side on a logarithmic axis
from framed import head, table, end
head("rnn-rollout")
table("rollout_mean", {}, group=["limit-cycle"] * 2, trials=(1, 2), n=(3, 5), speed=(1, 2), speed_lo=(0.5, 1.5), speed_hi=(1.5, 4))
table("phase", {"learning_rate": 0.1}, net=["a"], **{"class": ["unstable"]})
table("phase", {"learning_rate": 1.0}, net=["b"], **{"class": ["limit-cycle"]})
end()
END
    "$PYTHON" own.py >own.rnn
    rnn-report plot --table rollout_mean --x trials --y speed --group group -o o.svg own.rnn
    [[ "$(words o.svg)" == *"bands: speed_lo to speed_hi; n = 2 rows of rollout_mean, each with n = 3 to 5; rnn-rollout"* ]]
    grep -q "fill-opacity" o.svg
    grep -q "rgb(213,  94,   0)" o.svg # of limit cycles, though it is the only group
    rnn-report plot --table phase --x learning_rate --y class --style shares --log-x -o l.svg own.rnn
    [[ "$(words l.svg)" == *"shares of 1, Wilson 95 % intervals; n = 2 networks"* ]]
    "$PYTHON" - <<'END' # four marks at four places, though two and two are at one rate
import re
svg = open("l.svg").read()
at = {x for x in re.findall(r"<use xlink:href='#[^']*gpPt\d+' transform='translate\(([\d.]+),[\d.]+\) scale\([\d.]+\)' color='rgb\((?:213|204)", svg)}
assert len(at) >= 5, at # and one in the key
END
    taskgen flip-flop --fresh | rnn-train --hidden 4 --updates 9 --snapshots 0,3 --nets 2 -q | rnn-lowrank -q -o snap.rnn
    rnn-report figure singular-spectrum -o s.svg snap.rnn
    [[ "$(words s.svg)" == *"n = 2 networks (6 with snapshots), "* ]]
    rnn-report snap.rnn | grep -q '^singular: .* of 2 networks$'
    { cat snap.rnn; rnn-lowrank -q --ablate 1 snap.rnn | rnn-cat select --kind net | rnn-lowrank -q; } | rnn-report figure singular-spectrum -o c.svg
    [[ "$(words c.svg)" == *"n = 2 networks (12 with snapshots and changed copies), "* ]]
}

@test "any table can be drawn" {
    for style in lines points histogram; do
        rnn-report plot --table learning --x update --y loss --group index --style $style --log-y -o $style.svg "$D/nets.rnn"
        grep -q '<svg' $style.svg
    done
    rnn-report plot --table learning --x status --y loss --style bars "$D/nets.rnn" >bars.svg 2>said || grep -q "no column 'status'" said
    run -2 --separate-stderr rnn-report plot --table learning --x nowhere --y loss "$D/nets.rnn"
    [[ "$stderr" == *"table learning has no column 'nowhere'"* ]]
}

@test "a page stands alone, escapes what it is told, and says what is missing" {
    run -0 --separate-stderr rnn-report page "$D/story.txt" --claims "$D/pass.tsv" -o page.html "$D/varmem.rnn"
    [[ "$stderr" == *"2 of its figures and claims are not on the page"* ]]
    grep -q '<h1>A &lt;story&gt;</h1>' page.html
    grep -q 'worse &lt;than&gt; perfect &amp; finite' page.html
    grep -q 'Figure transfer is not here' page.html
    grep -q 'No claim is called zero' page.html
    grep -q 'offset-path' page.html
    # what is wider than a phone scrolls there at a size that can be read, unless the reader wants it whole; every such figure has both links
    wide=$(grep -oE -- '--w:[0-9]+px' page.html | awk -F'[:p]' '$2 > 480' | wc -l)
    [ "$wide" -ge 2 ] && [ "$(grep -c 'href="#figure-[0-9]*">see it whole' page.html)" = "$wide" ] && [ "$(grep -c 'href="#caption-[0-9]*">See it larger' page.html)" = "$wide" ]
    run ! grep -Eq '(src|href)="(https?:)?//' page.html
    [ "$(grep -c '<figure' page.html)" -eq 4 ]
    "$PYTHON" - page.html <<'END'
import sys, html.parser, collections, re, base64
text = open(sys.argv[1]).read()
void = {"meta", "link", "br", "img", "hr"}
class P(html.parser.HTMLParser):
    stack, ids = [], collections.Counter()
    def handle_starttag(self, tag, attrs):
        if tag not in void: self.stack.append(tag)
        for k, v in attrs:
            if k == "id": self.ids[v] += 1
    def handle_startendtag(self, tag, attrs):
        for k, v in attrs:
            if k == "id": self.ids[v] += 1
    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop() == tag, tag
p = P(); p.feed(text)
assert not p.stack, p.stack
assert max(p.ids.values()) == 1, p.ids.most_common(3)
for ref in re.findall(r'(?:href|xlink:href)=[\'"]#([^\'"]+)|url\(#([^)]+)\)', text):
    assert (ref[0] or ref[1]) in p.ids, ref
tsv = re.search(r'download="performance.tsv" href="data:[^,]*,([^"]*)"', text).group(1)
assert base64.b64decode(tsv).decode().count("\n") == 3
END
    rnn-report index page.html -o index.html
    grep -q '<a href="page.html">A &lt;story&gt;</a>' index.html
    run -1 rnn-report index "$D/story.txt"
}

@test "data too large for the page are compressed, then go beside it; files there are linked with their size" {
    taskgen flip-flop --fresh | rnn-train --hidden 4 --updates 4000 --log-every 1 --nets 12 -q >many.rnn
    printf '%s\n' '@title t' '@question q' '@figure learning-curves filter=index=1 One.' '@file page.txt The story.' '@file none.txt' >page.txt
    mkdir out
    cp page.txt out
    run -0 --separate-stderr rnn-report page page.txt --data out/data -o out/page.html many.rnn
    [[ "$stderr" == *"1 of its figures and claims are not on the page"* ]]
    grep -q '<a href="page.txt">page.txt</a> (0.0 MB, a file beside this page): The story.' out/page.html
    grep -q 'There is no file none.txt' out/page.html
    grep -q 'n = 1 net' out/page.html
    grep -q '<a href="data/learning.tsv.gz">learning.tsv.gz</a> ([0-9.]* MB, a file beside this page)' out/page.html
    gunzip <out/data/learning.tsv.gz >got.tsv
    rnn-report tsv learning many.rnn | cmp - got.tsv
    rnn-report page page.txt many.rnn 2>said | grep -q '<code>rnn-report tsv learning FILE.rnn</code> writes it'
    rnn-cat select --index 0 many.rnn | rnn-report page page.txt 2>said >small.html
    "$PYTHON" -c '
import base64, gzip, re
data = re.search(r"download=.learning.tsv.gz. href=.data:application/gzip;base64,([^\"]*)", open("small.html").read()).group(1)
assert gzip.decompress(base64.b64decode(data)).count(b"\n") > 4000'
    run -1 --separate-stderr rnn-report page page.txt --data page.txt/x -o out/page.html many.rnn
    [[ "$stderr" == "rnn-report: --data: cannot make 'page.txt/x': "* ]]
    run -2 --separate-stderr rnn-report figure learning-curves --filter nothing=1 "$D/nets.rnn"
    [[ "$stderr" == *"no table has these columns"* ]]
}

@test "what makes no sense is refused in one line" {
    run -2 rnn-report figure
    run -2 rnn-report figure nonsense "$D/nets.rnn"
    run -2 rnn-report plot "$D/nets.rnn"
    run -2 rnn-report --style lines "$D/nets.rnn"
    run -2 rnn-report text --filter index=1 "$D/nets.rnn"
    run -2 --separate-stderr rnn-report text --table learning --filter nosuch=1 "$D/nets.rnn"
    [[ "$stderr" == "rnn-report: --filter: table learning has no column 'nosuch'; it has: "*", update, "*", loss, "* ]]
    run -2 --separate-stderr rnn-report plot --table learning --x update --y nosuch "$D/nets.rnn"
    [[ "$stderr" == "rnn-report: table learning has no column 'nosuch'; it has: "*", loss, "* ]]
    run -1 --separate-stderr rnn-report tsv nosuch "$D/nets.rnn"
    [ "$stderr" = "rnn-report: no table 'nosuch' in the input: 'rnn-cat info' lists what is there" ]
    run -2 rnn-report figure trials -o f.jpg "$D/nets.rnn"
    run -1 --separate-stderr rnn-report tsv phi "$D/nets.rnn"
    [[ "$stderr" == "rnn-report: no table 'phi' in the input: rnn-varmem writes it" ]]
    printf '@title x\n@question y\n@picture z\n' >bad.txt
    run -1 --separate-stderr rnn-report page bad.txt "$D/nets.rnn"
    [[ "$stderr" == *"what is '@picture z'?"* ]]
    head -c 5000 "$D/nets.rnn" >cut.rnn
    run -1 rnn-report cut.rnn
    run -1 rnn-report </dev/null
}

@test "completion for bash knows tools, first words, options and their choices" {
    "$BATS_TEST_DIRNAME/../../cmd/completion" bash taskgen rnn-train rnn-report >completion.bash
    complete_() { # TOOL WORD...: what is offered for the last word
        bash -c 'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${1//-/_}; echo "${COMPREPLY[*]}"' - "$@"
    }
    [ "$(complete_ taskgen repeat-c)" = "repeat-copy" ]
    [ "$(complete_ taskgen repeat-copy --len)" = "--length" ]
    [ "$(complete_ rnn-train --optimizer sg)" = "sgd" ]
    [ "$(complete_ rnn-report --style hea)" = "heat" ]
    [ "$(complete_ rnn-report cla)" = "claims" ]
    [ "$(complete_ rnn-report claims --req)" = "--require" ]
    [[ " $(complete_ rnn-train --log-) " != *"--log-x"* ]]
}

@test "completion for zsh is read by zsh, and belongs to the tools" {
    command -v zsh >/dev/null || skip "no zsh"
    "$BATS_TEST_DIRNAME/../../cmd/completion" zsh taskgen rnn-train rnn-report >_rnn-suite
    zsh -n _rnn-suite
    run -0 zsh -f -c 'fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; print $_comps[rnn-train] $_comps[taskgen]'
    [ "$output" = "_rnn-suite _rnn-suite" ]
    grep -q "'--optimizer=\[.*(sgd adam adamw)'" _rnn-suite
}

@test "a network with a decoder moves on a page too" {
    taskgen sequence --types abba,abab --tokens 5 --objective autoencode | rnn-train --decoder 3 --hidden 5 --epochs 1 -q -o ae.rnn
    rnn-report page "$D/story.txt" -o page.html ae.rnn 2>/dev/null
    grep -q 'offset-path' page.html
}

@test "leaves of a dendrogram bear the names of the network that is shown, not of its namesake elsewhere" {
    for c in 7 3; do
        taskgen sequence --n-types $c | rnn-train -q --nets 1 --epochs 1 | rnn-run -q --activity --split test |
            rnn-geometry -q --measures dendrogram --leaves groups >leaves-$c
    done
    rnn-report figure dendrogram leaves-7 >alone.svg
    cat leaves-7 leaves-3 | rnn-report figure dendrogram >both.svg
    grep -o '<text>[ab][ab]*<' alone.svg >alone
    grep -o '<text>[ab][ab]*<' both.svg >both
    [ "$(sort -u alone | wc -l)" = 7 ]
    cmp alone both
}
