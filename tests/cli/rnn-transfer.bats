#!/usr/bin/env bats
# rnn-transfer: the paired design, what is loaded and frozen, and what it refuses.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    TASK="sequence -s 5 --n-types 4 --type-set 3 --suffix 2"
    # shellcheck disable=SC2086
    taskgen $TASK | rnn-train --hidden 16 --epochs 2 --nets 2 --seed 9 -q -o class.rnn
    # shellcheck disable=SC2086
    taskgen $TASK --shuffle-labels | rnn-train --hidden 16 --epochs 2 --nets 2 --seed 9 -q -o heart.rnn
    # shellcheck disable=SC2086
    taskgen $TASK --objective next-token >task.rnn
    export CLASS=$PWD/class.rnn HEART=$PWD/heart.rnn TASK=$PWD/task.rnn
}
setup() { cd "$BATS_TEST_TMPDIR"; }

transfer() { rnn-transfer --hidden 16 --epochs 2 --nets 2 --seed 9 -q "$@"; }
column() { # NAME <TSV
    awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }'
}
refused() { # MESSAGE ARGS...
    local message=$1
    shift
    run -2 --separate-stderr transfer "$@"
    [[ "$stderr" == "rnn-transfer: $message"* ]]
}
raw_python() { # nets of a stream by id, decoded, and the very bytes of their frames
    cat <<'PY'
import msgpack, msgpack_numpy, numpy as np
def read(path):
    data, nets, raw, at = open(path, 'rb').read(), {}, {}, 0
    u = msgpack.Unpacker(object_hook=msgpack_numpy.decode, max_buffer_size=0)
    u.feed(data)
    for kind, body, crc in u:
        if kind == 'net': nets[body['id']], raw[body['id']] = body, data[at:u.tell()]
        at = u.tell()
    return nets, raw
PY
}

@test "recipients from scratch are those of rnn-train, byte for byte" {
    rnn-train --hidden 16 --epochs 2 --nets 2 --seed 9 -q "$TASK" -o trained.rnn
    transfer --donors "$CLASS" "$TASK" -o out.rnn
    { raw_python; echo 'a, ra = read("trained.rnn"); b, rb = read("out.rnn")
assert sorted(a) == ["net-0000", "net-0001"]
for i in a: assert ra[i] == rb[i]
assert rb["net-0000"] != rb["net-0000:donor/i2h+h2h"]'; } >check.py
    "$PYTHON" check.py
}

@test "blocks start as the donor's and frozen ones stay so, bit by bit" {
    transfer --donors "class=$CLASS" --conditions h2h,i2h:frozen+h2h,h2h:frozen,h2h:random,W_in "$TASK" -o out.rnn
    { raw_python; cat <<PY
donor, _ = read("$CLASS")
PY
      cat <<'PY'
nets, _ = read("out.rnn")
same = lambda a, b: a.tobytes() == b.tobytes()
loaded = {'class/h2h': 'W_rec b_rec', 'class/i2h:frozen+h2h': 'W_in W_rec b_rec', 'class/h2h:frozen': 'W_rec b_rec', 'h2h:random': '', 'class/W_in': 'W_in'}
frozen = {'class/h2h': '', 'class/i2h:frozen+h2h': 'W_in', 'class/h2h:frozen': 'W_rec b_rec', 'h2h:random': 'W_rec b_rec', 'class/W_in': ''}
assert len(nets) == 2 * (1 + len(loaded))
for i in ('net-0000', 'net-0001'):
    for c in loaded:
        n = nets[i + ':' + c]
        assert n['labels']['transfer'] == c
        for p in ('W_rec', 'W_in', 'b_rec', 'W_out', 'b_out'):
            start, end = n['params0'][p], n['params'][p]
            assert same(start, donor[i]['params'][p] if p in loaded[c].split() else nets[i]['params0'][p]), (c, p)
            assert same(start, end) == (p in frozen[c].split()), (c, p)
PY
    } >check.py
    "$PYTHON" check.py
}

@test "a factorial holds every combination once" {
    transfer --epochs 1 --nets 1 --no-keep-nets --donors "$CLASS" --factorial i2h,h2h "$TASK" -o out.rnn
    rnn-cat --to tsv --table transfer_summary out.rnn >t
    [ "$(column condition <t | sort | tr '\n' ' ')" = "donor/h2h donor/h2h:frozen donor/i2h donor/i2h+h2h donor/i2h+h2h:frozen donor/i2h:frozen donor/i2h:frozen+h2h donor/i2h:frozen+h2h:frozen scratch " ]
    run rnn-cat info out.rnn
    [[ "$output" != *" net "* ]]
}

@test "curves are what rnn-run measures, and start where the start is" {
    transfer --donors "$CLASS" "$TASK" -o out.rnn
    rnn-cat --to tsv --table transfer out.rnn >t
    [ "$(column epoch <t | sort -nu | tr '\n' ' ')" = "0 1 2 " ]
    rnn-run -q "$TASK" >/dev/null
    rnn-run -q out.rnn | rnn-cat --to tsv --table performance >ran
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next } $k["epoch"] == 2 { print $k["accuracy"], $k["loss"] }' t >mine
    paste -d ' ' <(column accuracy <ran) <(column loss <ran) | cmp - mine
    rnn-run -q --split train out.rnn | rnn-cat --to tsv --table performance | column loss >ran
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next } $k["epoch"] == 2 { print $k["train_loss"] }' t | cmp - ran
}

@test "controls, comparisons and one primary endpoint" {
    transfer --donors "class=$CLASS" --donors "heart=$HEART" --controls spectrum,rotated --at 1,2 --primary class/i2h+h2h --primary-at 2 "$TASK" -o out.rnn
    rnn-cat --to tsv --table transfer_test out.rnn >t
    [ "$(paste -d ' ' <(column condition <t) <(column reference <t) | sort -u | wc -l)" -eq 7 ]
    [ "$(awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next } $k["primary"] == 1 || $k["primary"] == "true" { print $k["condition"], $k["reference"], $k["endpoint"], $k["epoch"], $k["p_holm"] }' t)" = "class/i2h+h2h scratch accuracy 2 NaN" ]
    # differences are those of the curves
    rnn-cat --to tsv --table transfer out.rnn >c
    "$PYTHON" - <<'PY'
import csv
c = list(csv.DictReader(open('c'), delimiter='\t'))
t = list(csv.DictReader(open('t'), delimiter='\t'))
def curve(condition, index, epoch, what): return [float(r[what]) for r in c if (r['condition'], r['index'], float(r['epoch'])) == (condition, index, epoch)][0]
n = 0
for r in t:
    if r['endpoint'] in ('accuracy', 'loss', 'train_accuracy'):
        d = [curve(r['condition'], i, float(r['epoch']), r['endpoint']) - curve(r['reference'], i, float(r['epoch']), r['endpoint']) for i in '01']
        assert abs(float(r['difference']) - sum(d) / 2) < 1e-12 and r['n'] == '2', r
        n += 1
assert n == 7 * 3 * 2
# Holm: over accuracy (but for the primary test) and epochs to criterion; the others have none
family = sorted((float(r['p']), i) for i, r in enumerate(t) if r['endpoint'] in ('accuracy', 'epochs_to_criterion') and r['primary'] not in ('1', 'true'))
at_least = 0
for k, (p, i) in enumerate(family):
    at_least = max(at_least, min(1, p * (len(family) - k)))
    assert abs(float(t[i]['p_holm']) - at_least) < 1e-12
assert sum(r['p_holm'] != 'NaN' for r in t) == len(family) == 7 * 3 - 1
PY
}

@test "what is lost of the donor's task is measured on that task" {
    # one epoch at a learning rate of zero: nothing is forgotten
    transfer --lr 0 --epochs 1 --donors "$CLASS" "$TASK" | rnn-cat --to tsv --table transfer_summary >t
    rnn-run -q "$CLASS" | rnn-cat --to tsv --table performance | column accuracy >own
    [ "$(paste -d ' ' <(column condition <t) <(column forgetting <t) | sort -u | tr '\n' ' ')" = "donor/i2h+h2h 0 scratch NaN " ]
    paste -d ' ' <(column condition <t) <(column donor_accuracy <t) | awk '/donor/ { print $2 }' | cmp - own
}

@test "the output is the same for every -j" {
    transfer -j 1 --donors "$CLASS" --controls rotated "$TASK" >one
    transfer -j 2 --donors "$CLASS" --controls rotated "$TASK" >two
    cmp one two
}

@test "segments are pooled, donors come segment by segment" {
    for s in 1 2; do
        taskgen sequence -s $s --n-types 4 --suffix 2 | rnn-train --hidden 16 --epochs 1 --nets 2 -q -o d$s.rnn
        taskgen sequence -s $s --n-types 4 --suffix 2 --objective next-token >t$s.rnn
    done
    cat d1.rnn d2.rnn >d.rnn
    cat t1.rnn t2.rnn | transfer --epochs 1 --at 1 --donors d.rnn -o out.rnn
    rnn-cat check out.rnn
    [ "$(rnn-cat --to tsv --table transfer_test out.rnn | column n | sort -u)" = 4 ]
    transfer --epochs 1 --at 1 --donors d2.rnn t2.rnn -o alone.rnn
    rnn-cat --to tsv --table transfer_summary alone.rnn | tail -n +2 >a
    rnn-cat --to tsv --table transfer_summary out.rnn | tail -n 4 | cmp - a
}

@test "donors of the wrong size are refused, unless a map says what goes where" {
    taskgen sequence -s 5 --n-types 4 --type-set 3 --suffix 2 | rnn-train --hidden 20 --epochs 1 -q -o large.rnn
    run -2 --separate-stderr transfer --donors large.rnn "$TASK"
    [[ "$stderr" == *"donor net-0000: W_in is 20 x 10, not 16 x 10: --map units=LIST says which goes where"* ]]
    run -2 --separate-stderr transfer --donors "$CLASS" --conditions h2o "$TASK"
    [[ "$stderr" == *"W_out is 4 x 16, not 10 x 16: --map out=LIST"* ]]
    transfer --donors large.rnn --map units=0-7,x,9-15 "$TASK" -o out.rnn
    { raw_python; echo 'd, _ = read("large.rnn"); n, _ = read("out.rnn")
a, s, W = n["net-0001:donor/i2h+h2h"]["params0"], n["net-0001"]["params0"], d["net-0000"]["params"]["W_rec"]
keep = [i for i in range(16) if i != 8]
assert (a["W_rec"][np.ix_(keep, keep)] == W[np.ix_(keep, keep)]).all()
assert (a["W_rec"][8] == s["W_rec"][8]).all() and (a["W_rec"][:, 8] == s["W_rec"][:, 8]).all()'; } >check.py
    "$PYTHON" check.py
    transfer --donors large.rnn --map units=leading --epochs 1 "$TASK" >/dev/null
    refused "--map: units: '0-3' has fewer than the 16 entries of the recipient" --donors large.rnn --map units=0-3 "$TASK"
}

@test "what does not exist is named" {
    refused "block 'h3h' does not exist" --donors "$CLASS" --conditions h2h,h3h:frozen "$TASK"
    refused "block 'h0' does not exist" --donors "$CLASS" --conditions h0:frozen "$TASK"
    refused "--conditions: 'mine/h2h': there are no donors of that name" --donors "$CLASS" --conditions mine/h2h "$TASK"
    refused "--conditions: 'h2h:cold': a block is loaded" --donors "$CLASS" --conditions h2h:cold "$TASK"
    refused "--donors FILE is missing" "$TASK"
    refused "--primary: there is no condition 'h2h'" --donors "$CLASS" --primary h2h "$TASK"
    refused "--primary-at (3) must be one of --at" --donors "$CLASS" --primary donor/i2h+h2h --primary-at 3 "$TASK"
    refused "--conditions and --factorial contradict each other" --donors "$CLASS" --conditions h2h --factorial h2h "$TASK"
    refused "--endpoints: 'speed' is not an endpoint" --donors "$CLASS" --endpoints speed "$TASK"
    refused "--controls: 'noise': not one of spectrum, rotated" --donors "$CLASS" --controls noise "$TASK"
    run -1 --separate-stderr transfer --donors missing.rnn "$TASK"
    [[ "$stderr" == *"missing.rnn"* ]]
}

@test "a condition treats each parameter once; comparisons rest on what is measured" {
    refused "a condition names W_rec twice, the second time as 'W_rec'" --donors "$CLASS" --conditions h2h+W_rec:frozen "$TASK"
    refused "a condition names W_in twice, the second time as 'i2h'" --donors "$CLASS" --conditions i2h:random+i2h "$TASK"
    refused "--at: 3: recipients are measured every 1 epochs up to 2" --donors "$CLASS" --at 1,3 "$TASK"
    refused "--at: 1.5: recipients are measured every 1 epochs" --donors "$CLASS" --at 1.5 "$TASK"
    refused "--at: 20: recipients are measured every 1 epochs" --donors "$CLASS" --primary donor/i2h+h2h "$TASK"
    transfer --donors "$CLASS" --eval-every 1 --at 1.5,2 "$TASK" >/dev/null
    run -1 --separate-stderr transfer --donors "$CLASS" "$CLASS"
    [[ "$stderr" == "rnn-transfer: the input holds net 'net-0000' already: --donors starts from it"* ]]
    cat "$TASK" "$TASK" "$TASK" >three.rnn
    cat "$CLASS" "$CLASS" >two.rnn
    refused "donors 'donor' have several segments, but none for segment 2 of the input" --donors two.rnn three.rnn
    taskgen sequence -s 5 --n-types 4 --type-set 3 --suffix 2 --tokens 6 --objective next-token >six.rnn
    cat "$TASK" six.rnn >sizes.rnn
    refused "the tasks of the input differ in their numbers of inputs or outputs" --donors "$CLASS" sizes.rnn
}

@test "without test trials only training is compared, and what would need them is refused" {
    taskgen sequence --types abba,abab --tokens 4 --train-fraction 1 >all.rnn
    rnn-train --hidden 16 --epochs 1 -q -o donor.rnn all.rnn
    refused "--primary: test accuracy is the endpoint, and task 'sequence' has no test trials" --donors donor.rnn --primary donor/i2h+h2h --primary-at 2 all.rnn
    refused "--endpoints: area: task 'sequence' has no test trials" --donors donor.rnn --endpoints train_accuracy,area all.rnn
    rnn-transfer --hidden 16 --epochs 2 --nets 2 --donors donor.rnn all.rnn -o out.rnn 2>said
    grep -q "warning: task 'sequence' has no test trials" said
    rnn-cat --to tsv --table transfer_test out.rnn | awk -F '\t' '
        NR == 1 { for (i = 1; i <= NF; i++) k[$i] = i; next }
        $k["endpoint"] == "accuracy" && $k["n"] != 0 { bad++ }
        $k["endpoint"] == "train_accuracy" && $k["epoch"] == 2 && $k["n"] == 2 { good++ }
        END { exit !(good == 1 && !bad) }'
}

@test "a single pair has a difference and no interval; controls have nothing to forget" {
    rnn-cat select --index 0 "$CLASS" >one.rnn
    transfer --nets 1 --donors one.rnn --controls rotated "$TASK" -o out.rnn
    rnn-cat --to tsv --table transfer_test out.rnn >t
    [ "$(paste -d ' ' <(column n <t) <(column lo <t) <(column hi <t) | sort -u | tr '\n' ' ')" = "0 NaN NaN 1 NaN NaN " ]
    rnn-cat --to tsv --table transfer_summary out.rnn >s
    [ "$(paste -d ' ' <(column control <s) <(column forgetting <s) | grep rotated)" = "rotated NaN" ]
}

@test "after kill -9 the same command ends with the bytes of an undisturbed run" {
    cat "$TASK" <(taskgen sequence -s 6 --n-types 4 --suffix 2 --objective next-token) >two.rnn
    long() { transfer --epochs 12 --at 2 --nets 2 --donors "$CLASS" --controls rotated "$@"; }
    long two.rnn >whole.rnn
    local grown=0 size last=0
    for s in 0.1 0.2 0.4 0.8 1.6; do
        rnn-transfer --hidden 16 --epochs 12 --nets 2 --seed 9 -q --at 2 --donors "$CLASS" --controls rotated --checkpoint ck two.rnn >cut.rnn 3>&- &
        sleep "$s"
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || true
        size=$(stat -c %s ck 2>/dev/null || echo 0)
        [ "$size" -le "$last" ] || grown=$((grown + 1))
        last=$size
    done
    [ "$grown" -gt 0 ]
    long --checkpoint ck two.rnn | cmp - whole.rnn
    size=$(stat -c %s ck)
    head -c $((size - 5)) ck >torn # the mark of the last recipient
    long -j 1 --checkpoint torn two.rnn | cmp - whole.rnn
    long -j 2 --checkpoint ck two.rnn | cmp - whole.rnn
    [ "$(stat -c %s ck)" -eq "$size" ] # nothing was trained again
    run -2 --separate-stderr long --lr 0.1 --checkpoint ck two.rnn
    [[ "$stderr" == *"'ck' belongs to a run with other options, input or build"* ]]
    cat "$TASK" "$TASK" >other.rnn
    run -2 --separate-stderr long --checkpoint ck other.rnn
    [[ "$stderr" == *"it belongs to a run with another input"* ]]
}

@test "donors that diverged are not used, and a row says so" {
    taskgen sequence -s 5 --n-types 4 --type-set 3 --suffix 2 | rnn-train --hidden 16 --epochs 1 --nets 2 --lr 1e6 --diverged-at 1e3 -q -o bad.rnn
    transfer --donors bad.rnn "$TASK" | rnn-cat --to tsv --table transfer_summary >t
    [ "$(paste -d ' ' <(column condition <t) <(column status <t) | sort -u | cut -d ' ' -f 1,2,3 | grep donor)" = "donor/i2h+h2h donor diverged" ]
}

@test "a recipient that diverged was not the first to meet the criterion" {
    PYTHONPATH=$BATS_TEST_DIRNAME "$PYTHON" -B - "$CLASS" <<'PY' >huge.rnn
import sys
from framed import put, end, frames
for kind, body in frames(sys.argv[1]):
    if kind == "net": body["params"]["W_rec"] = (1e20 * abs(body["params"]["W_rec"])).astype("f4")
    if kind != "end": put(kind, body)
end()
PY
    transfer --donors huge.rnn --conditions h2h --at 1 --criterion 0.999 -o out "$TASK"
    rnn-cat --to tsv --table transfer_summary out | column status | sort -u | grep -qx diverged
    rnn-cat --to tsv --table transfer_test out >tests.tsv
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } $at["endpoint"] == "epochs_to_criterion" { print $at["mean"], $at["reference_mean"] }' tests.tsv >both
    [ "$(cat both)" = "2 2" ]
}
