# rnn-cat: looking, checking, selecting, concatenating, converting.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    PY=${PYTHON:-/usr/bin/python3}
    "$PY" - <<'PY'
import numpy as np
r = np.random.default_rng(3)
for name, n in (("a", 4), ("b", 3)):
    np.savez(name + ".npz", W_rec=r.normal(size=(n, n)), W_in=r.normal(size=(n, 2)), W_out=r.normal(size=(1, n)))
PY
    taskgen flip-flop --bits 2 --fresh >task.rnn 2>/dev/null || true
    rnn-cat --from npz --label lr=0.1 --label who=ann a.npz >a.rnn
    rnn-cat --from npz --cell leaky --alpha 0.5 --label lr=1e-1 --label who=bob b.npz >b.rnn
    cat a.rnn b.rnn >ab.rnn
}

refused() { # STATUS MESSAGE ARGS...: nothing on stdout, one line on stderr
    local want_status=$1 want=$2
    shift 2
    run "-$want_status" --separate-stderr rnn-cat "$@"
    [ -z "$output" ]
    [ "$stderr" = "rnn-cat: $want" ]
}

kinds() { # FILE: its kinds in order
    rnn-cat info "$1" | awk '{ printf "%s%s", sep, $2; sep = " " }'
}

@test "labels are added to what is there, and tell two files apart" {
    taskgen flip-flop --bits 1 --steps 9 --fresh >task.rnn
    rnn-train -q --hidden 4 --updates 3 --nets 2 --label old=1 task.rnn | rnn-run --count 5 --activity >a.rnn
    rnn-train -q --hidden 4 --updates 3 --nets 2 --label old=1 --momentum 0.5 --optimizer sgd task.rnn | rnn-run --count 5 >b.rnn
    rnn-cat --add-label rule=adam --add-label old=2 a.rnn >marked.rnn
    rnn-cat check marked.rnn
    "$PY" - <<'PY'
import msgpack, msgpack_numpy, numpy as np
def frames(path):
    with open(path, 'rb') as f:
        return [(k, b) for k, b, c in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0)]
a, b = frames('a.rnn'), frames('marked.rnn')
assert [k for k, _ in a] == [k for k, _ in b] and {'task', 'net', 'table', 'trials', 'activity'} <= {k for k, _ in a}
for (kind, x), (_, y) in zip(a[1:-1], b[1:-1]):
    if kind in ('task', 'net', 'table'):
        x['labels'] = {**x.get('labels', {}), 'rule': 'adam', 'old': 2}
        assert kind == 'task' or list(x) == list(y)
    assert repr(x) == repr(y), kind
PY
    bash <(rnn-cat --prov marked.rnn) | cmp - marked.rnn
    rnn-cat --add-label rule=sgd b.rnn | rnn-cat marked.rnn - | rnn-report run >both
    grep -q 'rule adam; 2 rows' both && grep -q 'rule sgd; 2 rows' both
    run -2 --separate-stderr rnn-cat info --add-label a=b a.rnn
    [ "$stderr" = "rnn-cat: --add-label: has no effect outside concatenation" ]
    run -1 --separate-stderr bash -c 'set -o pipefail; head -c -9 a.rnn | rnn-cat --add-label a=b >cut.rnn'
    run -1 rnn-cat check cut.rnn
}

@test "info says what is in here, a line a frame, segments numbered over all files" {
    run -0 rnn-cat info a.rnn b.rnn
    [ "${#lines[@]}" -eq 6 ]
    [[ "${lines[1]}" == "0:1 "*"net "*" elman tanh, units 4, inputs 2, outputs 1, built lr=0.1 who=ann" ]]
    [[ "${lines[4]}" == "1:1 "*"leaky tanh, units 3, "* ]]
}

@test "names are kept apart whatever their length, and break neither a line nor a command" {
    PYTHONPATH=$BATS_TEST_DIRNAME "$PY" -B - >names.rnn <<'PY'
import numpy as np
from framed import put, head, end
one = np.zeros((1, 1))
head({"tool": "lab", "inputs": [{"option": "x; touch hacked", "digest": 0, "prov": []}]})
put("task", {"id": "t", "name": "mine", "n_in": 1, "n_out": 1, "steps": 2})
for first in (0, 2):
    k = np.arange(2.) + first
    put("trials", {"id": "a", "task": "t", "split": "train", "first": first, "inputs": np.zeros((2, 2, 1), "f4"),
                   "targets": np.zeros((2, 2, 1), "f4"), "params": {"inputs": k, "A" * 200 + "1": k, "A" * 200 + "2": k + 100}})
put("net", {"id": "n", "cell": "elman", "activation": "tanh", "N": 1, "n_in": 1, "n_out": 1, "labels": {"a": "x\ny\x1b"},
            "params": {"W_rec": one, "W_in": one, "W_out": one}})
end()
PY
    rnn-cat --to npz names.rnn -o names.npz
    "$PY" -c 'import numpy as np
z = np.load("names.npz")
assert z["trials/inputs"].shape == (4, 2, 1) and z["trials/inputs~2"].tolist() == [0, 1, 2, 3], sorted(z)
for i in (1, 2): assert z["trials/" + "A" * 200 + str(i)].tolist() == [100 * (i - 1) + k for k in range(4)], sorted(z)'
    run -0 rnn-cat info names.rnn
    [ "${#lines[@]}" -eq 6 ]
    [[ "${lines[4]}" == *" a=x?y?" ]]
    run -0 rnn-cat --prov names.rnn
    [ "$output" = "lab --'x; touch hacked' FILE" ]
}

@test "nets is an index: a row per network, its labels, where it stands" {
    rnn-cat nets a.rnn b.rnn >index.tsv
    column() { awk -F'\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) k = i; next } { printf "%s ", $k }' index.tsv; }
    [ "$(column who)" = "ann bob " ]
    [ "$(column segment)$(column frame)$(column N)$(column n_in)$(column status)" = "0 1 1 1 4 3 2 2 built built " ]
    [ "$(column net)" = "$(rnn-cat info ab.rnn | awk '$2 == "net" { sub(",", "", $4); printf "%s ", $4 }')" ]
    refused 1 "no networks in the input" nets task.rnn
    head -c 200 a.rnn >cut.rnn
    run -1 rnn-cat nets cut.rnn
}

@test "concatenation is what cat does, checked" {
    rnn-cat a.rnn b.rnn >two
    cmp two ab.rnn
    rnn-cat <ab.rnn >two
    cmp two ab.rnn
    rnn-cat a.rnn - <b.rnn >two
    cmp two ab.rnn
    rnn-cat -o two a.rnn b.rnn
    cmp two ab.rnn
}

@test "--expect counts segments, --expect-nets nets; a wrong count fails here and downstream" {
    rnn-cat --expect 2 --expect-nets 2 a.rnn b.rnn >two
    cmp two ab.rnn
    run -1 --separate-stderr rnn-cat --expect 3 -o three a.rnn b.rnn
    [ "$stderr" = "rnn-cat: --expect: 3 segments expected, 2 came" ]
    [ ! -e three ]
    run -1 --separate-stderr bash -c 'rnn-cat --expect-nets 5 ab.rnn 2>/dev/null | rnn-cat info'
    [[ "$stderr" == *"--expect-nets: 5 nets expected, 2 came"* ]]
    run -0 rnn-cat check --expect 2 ab.rnn
    run -1 rnn-cat check --expect 1 ab.rnn
}

@test "check: a line a segment, the verdict in the exit status" {
    run -0 --separate-stderr rnn-cat check ab.rnn
    [ "${#lines[@]}" -eq 2 ]
    [[ "${lines[1]}" == "segment 1: good: 2 frames (0 task, 0 trials, 1 net, 0 table, 0 other), 0 failed, digest "* ]]
    head -c -1 ab.rnn >cut
    run -1 --separate-stderr rnn-cat check cut
    [[ "${lines[0]}" == "segment 0: good: "* ]]
    [ "${lines[1]}" = "segment 1: broken: truncated" ]
    [[ "$stderr" == "rnn-cat: cut: "* ]]
    "$PY" -c 'd = bytearray(open("ab.rnn", "rb").read()); d[700] ^= 1; open("flip", "wb").write(d)'
    run -1 --separate-stderr rnn-cat check flip
    [ "${lines[0]}" = "segment 0: broken: checksum" ]
    cat a.rnn <(echo hello) >junk
    run -1 --separate-stderr rnn-cat check junk
    [[ "${lines[1]}" == "segment 1: broken: "* ]]
}

@test "head counts frames or nets over the whole input and keeps whole streams" {
    rnn-cat head -n 1 ab.rnn >h
    cmp h a.rnn
    rnn-cat head ab.rnn >h
    cmp h ab.rnn
    rnn-cat head --nets 1 ab.rnn >h
    cmp h a.rnn
    rnn-cat head --nets 2 ab.rnn >h
    cmp h ab.rnn
    run -2 rnn-cat head -n 0 ab.rnn
}

@test "head reads and checks its input to the end" {
    head -c -1 ab.rnn >cut
    run -1 --separate-stderr rnn-cat head -n 1 cut
    [[ "$stderr" == *"cut: "* ]]
    bash -o pipefail -c 'rnn-cat ab.rnn | rnn-cat head -n 1 >h'
}

@test "select by label, index and kind, with what the chosen refer to" {
    rnn-cat select --label who=bob ab.rnn >s
    cmp s b.rnn
    rnn-cat select --label lr=0.1 ab.rnn >s # 1e-1 is the same number
    cmp s ab.rnn
    rnn-cat select --label lr=0.1 --label who=ann ab.rnn >s
    cmp s a.rnn
    rnn-cat select --index 0-3 ab.rnn >s
    cmp s ab.rnn
    refused_select --index 1
    refused_select --kind table
    refused_select --label who=carl
    refused 2 "select: say what, with --kind, --name, --label or --index" select ab.rnn
    refused 2 "--index: '3-1' is neither a number nor a range such as 3-5" select --index 3-1 ab.rnn
}

refused_select() {
    run -1 --separate-stderr rnn-cat select "$@" -o s2 ab.rnn
    [ "$stderr" = "rnn-cat: nothing was selected: no frame fits what was asked for" ]
    [ ! -e s2 ]
}

@test "what cannot be chosen any more is not kept in memory" {
    taskgen repeat-copy --length 8 --dims 8 --trials 12000 >trials.rnn
    for words in "head -n 3" "select --name repeat-copy" "select --kind table,task"; do
        # shellcheck disable=SC2086
        run -0 "$PY" - $words trials.rnn <<'PY'
import os, resource, subprocess, sys
with open("out.rnn", "wb") as out:
    subprocess.run(["rnn-cat"] + sys.argv[1:], stdout=out, check=True)
peak, size = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, os.path.getsize("trials.rnn")
assert size > 80e6 and peak < size / 2, (peak, size)
PY
        rnn-cat check out.rnn
    done
}

@test "a selected net brings its task and its own frames; the rest stays" {
    [ -s task.rnn ] || skip "no taskgen"
    "$PY" - <<'PY'
import numpy as np
r = np.random.default_rng(3)
np.savez("c.npz", W_rec=np.eye(3), W_in=r.normal(size=(3, 2)), W_out=r.normal(size=(2, 3)))
PY
    rnn-cat --from npz --task task.rnn --label n=1 c.npz >n.rnn
    [ "$(kinds n.rnn)" = "head task net end" ]
    rnn-run --activity --count 3 n.rnn >run.rnn
    [ "$(kinds run.rnn)" = "head task trials net activity table end" ]
    rnn-cat select --kind net run.rnn >s
    [ "$(kinds s)" = "head task net end" ]
    rnn-cat select --kind table run.rnn >s
    [ "$(kinds s)" = "head table end" ]
    rnn-cat select --kind activity run.rnn >s
    [ "$(kinds s)" = "head task trials net activity end" ]
    rnn-cat select --index 0 run.rnn >s
    [ "$(kinds s)" = "head task net trials activity table end" ] # brought along where they are needed
    rnn-cat select --name performance run.rnn >s
    [ "$(kinds s)" = "head table end" ]
    rnn-cat check s
    rnn-cat head -n 2 run.rnn >s
    [ "$(kinds s)" = "head task trials end" ]
    # a net for another task is refused
    run -1 --separate-stderr rnn-cat --from npz --task task.rnn a.npz
    [[ "$stderr" == "rnn-cat: --from: a.npz: the arrays make a net with 2 inputs and 1 outputs; task 'flip-flop' has 2 and 2" ]]
}

@test "looking and copying leave provenance alone; --prov prints a pipeline that runs" {
    rnn-cat --prov ab.rnn >prov
    rnn-cat ab.rnn | rnn-cat select --kind net | rnn-cat head | rnn-cat --prov >prov2
    cmp prov prov2
    [ "$(wc -l <prov)" -eq 2 ]
    sed -n '2s/ FILE$/ b.npz/p' prov >again.sh
    bash again.sh >b2.rnn
    cmp b.rnn b2.rnn
}

@test "--prov of a longer pipeline makes the same bytes again" {
    [ -s task.rnn ] || skip "no taskgen"
    command -v rnn-train >/dev/null && command -v rnn-run >/dev/null || skip "no rnn-train"
    taskgen flip-flop --bits 2 --fresh | rnn-train --hidden 4 --updates 3 --label 'a=x, y' --label b=2 | rnn-run --count 5 >one
    rnn-cat --prov one >again.sh
    [ "$(wc -l <again.sh)" -eq 3 ]
    bash again.sh >two
    cmp one two
}

@test "tsv: the only table, or the one named" {
    [ -s task.rnn ] || skip "no taskgen"
    command -v rnn-train >/dev/null || skip "no rnn-train"
    taskgen flip-flop --bits 2 --fresh | rnn-train --hidden 4 --updates 3 --nets 2 | rnn-run --count 5 >r.rnn
    rnn-cat --to tsv --table performance r.rnn >t
    [ "$(wc -l <t)" -eq 3 ]
    [ "$(awk -F '\t' '{ print NF }' t | sort -u | wc -l)" -eq 1 ]
    run -2 --separate-stderr rnn-cat --to tsv r.rnn
    [[ "$stderr" == "rnn-cat: the stream holds 2 tables: choose one with --table: "*performance* ]]
    refused 1 "--table: the stream holds no table 'nosuch'; it holds: performance, learning" --to tsv --table nosuch r.rnn
    refused 1 "the stream holds no table" --to tsv a.rnn
}

@test "a misspelt command is told from a file that is not there" {
    cp a.rnn r.rnn
    refused 1 "cannot open 'ntes': No such file or directory, nor is it one of info, nets, check, head, select" ntes r.rnn
    refused 1 "cannot open 'ntes.rnn': No such file or directory" ntes.rnn
    cp r.rnn word
    rnn-cat word | cmp - r.rnn
    run -1 --separate-stderr rnn-report fixpts r.rnn
    [[ "$stderr" == "rnn-report: cannot open 'fixpts': No such file or directory, nor is it one of text, "* ]]
}

@test "a file of another kind is told by its first bytes" {
    cp a.rnn r.rnn
    gzip -c r.rnn >r.gz
    refused 1 "r.gz: not an rnn-stream: a frame begins with 0x93, not 0x1f: gzip data" info r.gz
    rnn-cat --to npz -o r.npz r.rnn
    refused 1 "r.npz: not an rnn-stream: a frame begins with 0x93, not 0x50: a zip archive, such as .npz" info r.npz
    rnn-cat --to mat -o r.mat r.rnn
    refused 1 "r.mat: not an rnn-stream: a frame begins with 0x93, not 0x4d: a MATLAB file" info r.mat
}

@test "what --from cannot use is named" {
    refused 1 "--from: cannot open 'nosuch.npz': No such file or directory" --from npz nosuch.npz
    refused 1 "--from: standard input: no bytes" --from npz </dev/null
    refused 2 "--from pickle: expected npz, safetensors or mat" --from pickle a.npz
    refused 2 "--from: b.npz: a leaky cell needs --alpha, or --dt and --tau, or an array alpha" --from npz --cell leaky b.npz
    refused 1 "--from: a.npz: 'W_rec' is [4][4]: the recurrent weights of a cell gru are [3N][N]" --from npz --cell gru a.npz
    "$PY" - <<'PY'
import numpy as np, zipfile
np.savez("lstm.npz", weight_hh_l0=np.ones((12, 3)))
np.savez("half.npz", W_rec=np.ones((3, 3), "f2"))
np.savez("other.npz", h2h=np.eye(3), fc=np.ones(3))
with zipfile.ZipFile("sd.pt", "w") as z: z.writestr("sd/data.pkl", b"x")
PY
    refused 1 "--from: lstm.npz: 'weight_hh_l0' is [12][3]: the recurrent weights of a cell elman are [N][N]: there is no cell with four gates, such as an LSTM" --from npz lstm.npz
    refused 1 "--from: half.npz: 'W_rec': dtype '<f2' is none that streams have: save it as float32" --from npz half.npz
    refused 1 "--from: other.npz: there is neither an array W_rec (or weight_hh_l0) nor factors m and n: name it with --map W_rec=NAME; there is h2h, fc" --from npz other.npz
    refused 1 "--from: sd.pt: a file of torch.save: save its arrays, numpy.savez(FILE, **{k: v.numpy() for k, v in model.state_dict().items()})" --from npz sd.pt
    refused 2 "--from: a.npz: --map W_out=nosuch: the file has no such array" --from npz --map W_out=nosuch a.npz
    refused 2 "--from: a.npz: --map W_outt: a net has no such parameter" --from npz --map W_outt=W_out a.npz
    run -1 --separate-stderr rnn-cat --from npz a.rnn
    [[ "$stderr" == "rnn-cat: --from: a.rnn: not an .npz archive: "* ]]
    head -c 300 a.npz >cut.npz
    run -1 --separate-stderr rnn-cat --from npz cut.npz
    [ "${#stderr_lines[@]}" -eq 1 ]
    "$PY" -c 'import numpy as np; np.savez("w.npz", W_rec=np.eye(3), W_in=np.ones((4, 1)))'
    refused 1 "--from: w.npz: 'W_in' is [4][1] where W_in must be [3][1]" --from npz w.npz
    "$PY" -c 'import numpy as np; np.savez("w.npz", W_rec=np.array([["a"]]))'
    run -1 --separate-stderr rnn-cat --from npz w.npz
    [[ "$stderr" == "rnn-cat: --from: w.npz: 'W_rec': dtype "* ]]
    "$PY" -c 'import numpy as np; np.savez("w.npz", W_rec=np.eye(2), W_out=np.ones((1, 2)), odd=np.ones(3))'
    run -0 --separate-stderr rnn-cat --from npz -o w.rnn w.npz
    [[ "$stderr" == *"w.npz: arrays without a place in the net: odd "* ]]
}

@test "options without effect and modes that do not go together are refused" {
    refused 2 "--index: has no effect without select" --index 3 a.rnn
    refused 2 "--table: has no effect without --to tsv" info --table x a.rnn
    refused 2 "--table: has no effect without --to tsv" --to npz --table x a.rnn
    refused 2 "--array: has no effect with --to tsv" --to tsv --array x a.rnn
    refused 2 "--cell: has no effect without --from" --cell gru a.rnn
    refused 2 "--alpha: has no effect on cells without a leak (--cell leaky, leaky-current)" --from npz --alpha 0.5 a.npz
    refused 2 "--count and --nets contradict each other" head --count 1 --nets 1 a.rnn
    refused 2 "info and --to do not go together: connect two rnn-cat by a pipe" info --to tsv a.rnn
    refused 2 "--to xls: expected jsonl, tsv, npz, npy, mat or safetensors" --to xls a.rnn
    refused 1 "cannot open 'no.such': No such file or directory" no.such
}

@test "a file that no room is left for is not kept, in any format" {
    taskgen flip-flop --bits 2 --trials 200 >trials.rnn
    for to in npz mat safetensors jsonl; do
        echo before >out
        run -1 --separate-stderr bash -c "ulimit -f 64; rnn-cat --to $to trials.rnn -o out"
        [[ "$stderr" == "rnn-cat: out: "* ]] || { echo "$to: $stderr"; false; }
        [ "$(cat out)" = before ]
        run -1 --separate-stderr bash -c "ulimit -f 64; rnn-cat --to $to trials.rnn >cut"
        [[ "$stderr" == "rnn-cat: standard output: "* ]] || { echo "$to: $stderr"; false; }
    done
}

@test "--from takes the time step of the task" {
    taskgen cue-discrimination --delay-ms 20 --dt-ms 5 --fresh >cue.rnn
    "$PY" -c 'import numpy as np; np.savez("n.npz", W_rec=np.eye(3), W_in=np.ones((3, 2)), W_out=np.ones((2, 3)))'
    numbers() { rnn-cat --from npz --cell leaky --tau 20 "$@" n.npz | rnn-cat --to jsonl | sed -n 's/.*"kind":"net".*"dt_ms":\([^,]*\).*"alpha":\([^,]*\),.*/\1 \2/p'; }
    [ "$(numbers --task cue.rnn)" = "5 0.25" ]
    [ "$(numbers --task cue.rnn --dt 10)" = "10 0.5" ]
    [ "$(numbers)" = "1 0.05" ]
}

@test "npy and --array choose by name" {
    rnn-cat --to npy --array W_in a.rnn >w.npy
    "$PY" -c 'import numpy as np; assert np.array_equal(np.load("w.npy"), np.load("a.npz")["W_in"])'
    refused 2 "the stream holds 3 arrays: choose one with --array: W_rec, W_in, W_out" --to npy a.rnn
    refused 1 "--array: the stream holds no array 'x'; it holds: W_rec, W_in, W_out" --to npz --array x a.rnn
}

@test "standard input is not read twice" {
    run -2 --separate-stderr bash -c "cat a.npz | rnn-cat --from npz --task -"
    [ "$stderr" = "rnn-cat: --task -: standard input is the main stream already: name a FILE for one of them" ]
    run -2 --separate-stderr rnn-cat - - </dev/null
    [ "$stderr" = "rnn-cat: '-' is given twice: standard input can be read only once" ]
}
