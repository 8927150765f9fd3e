"""Stock msgpack with msgpack-numpy reads every array of every frame kind, and what Python writes we read.  TAP."""
import binascii, io, json, os, struct, subprocess, sys, tempfile, zlib
import msgpack, msgpack_numpy
import numpy as np

BIN = os.environ.get("BIN", "build/release/bin")
n = bad = 0

def ok(good, what):
    global n, bad
    n += 1
    bad += not good
    print(("ok" if good else "not ok"), n, "-", what)

def run(*words, stdin=None, want=0):
    p = subprocess.run([os.path.join(BIN, words[0]), *words[1:]], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != want:
        print("#", words, p.returncode, p.stderr.decode())
    return p.stdout if p.returncode == want else b""

def frames(data):
    """The reader that the design promises to Python users."""
    return [f for f in msgpack.Unpacker(io.BytesIO(data), object_hook=msgpack_numpy.decode, max_buffer_size=0)]

def segment(*bodies):
    """A stream written by a stranger's Python: kinds and bodies between a head and an end."""
    out, crcs = [], []
    def frame(kind, body):
        raw = b"\x93" + msgpack.packb(kind) + msgpack.packb(body, default=msgpack_numpy.encode)
        crc = binascii.crc32(raw)
        out.append(raw + b"\xce" + struct.pack(">I", crc))
        crcs.append(crc)
    frame("head", {"format": "rnn-stream", "version": [1, 0], "prov": []})
    for kind, body in bodies:
        frame(kind, body)
    digest = binascii.crc32(b"".join(struct.pack(">I", c) for c in crcs))
    frame("end", {"frames": len(crcs), "failed": 0, "digest": digest})
    return b"".join(out)

DTYPES = ["<f4", "<f8", "<i4", "<i8", "|u1", "<u8", "|b1", "<c16"]
r = np.random.default_rng(1)

def example(dtype, shape):
    a = r.normal(size=shape) * 50
    return (np.abs(a) if dtype in ("|u1", "<u8") else a).astype(dtype)

# --- every dtype and rank: Python to us, through us, and back out as npz, npy and JSON ---
arrays = {f"a{i}_{d}": example(t, (2, 3, 4)[:d]) for i, t in enumerate(DTYPES) for d in (1, 2, 3)}
arrays["empty"] = np.zeros((0, 5), "<f4")
arrays["special"] = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
arrays["big"] = np.array([2**64 - 1, 2**53 + 1], "<u8")
mine = segment(*[("array", {"name": k, "dims": ["d"] * v.ndim, "value": v}) for k, v in arrays.items()])
copy = run("rnn-cat", stdin=mine)
ok([f[0] for f in frames(copy)][-1:] == ["end"], "a stream written in Python passes through")
back = {b["name"]: b["value"] for k, b, _ in frames(copy) if k == "array"}
same = lambda x, y: x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
ok(set(back) == set(arrays) and all(same(back[k], arrays[k]) for k in arrays), "every dtype and shape comes back bit for bit")

npz = np.load(io.BytesIO(run("rnn-cat", "--to", "npz", stdin=mine)))
ok(set(npz.files) == set(arrays) and all(same(npz[k], arrays[k]) for k in arrays), "numpy.load reads our npz, every dtype and shape")
ok(same(np.load(io.BytesIO(run("rnn-cat", "--to", "npy", "--array", "a7_2", stdin=mine))), arrays["a7_2"]), "numpy.load reads our npy")
ok(run("rnn-cat", "--to", "npz", stdin=mine) == run("rnn-cat", "--to", "npz", stdin=mine), "equal arrays make equal npz files")

lines = [json.loads(l) for l in run("rnn-cat", "--to", "jsonl", stdin=mine).splitlines()]
values = {l["body"]["name"]: l["body"]["value"] for l in lines if l["kind"] == "array"}
ok(values["big"]["data"] == [2**64 - 1, 2**53 + 1], "JSON lines keep 64-bit integers")
ok(values["special"]["data"] == [None, None, None, -0.0, 5e-324], "JSON lines: NaN and infinities are null, the rest is exact")
ok(values["a0_2"]["shape"] == [2, 3] and same(np.array(values["a0_2"]["data"], "f4").reshape(2, 3), arrays["a0_2"]), "JSON lines keep float32 exactly")
ok(lines[-1]["body"]["digest"] == frames(mine)[-1][1]["digest"], "JSON lines hold head and end")

# --- safetensors ---
real = segment(*[("array", {"name": k, "value": v}) for k, v in arrays.items() if v.dtype.kind != "c"])
def safetensors(data):
    size, = struct.unpack("<Q", data[:8])
    head, rest = json.loads(data[8:8 + size]), data[8 + size:]
    types = dict(F32="<f4", F64="<f8", I32="<i4", I64="<i8", U8="|u1", U64="<u8", BOOL="|b1")
    return {k: np.frombuffer(rest[e["data_offsets"][0]:e["data_offsets"][1]], types[e["dtype"]]).reshape(e["shape"]) for k, e in head.items()}
st = safetensors(run("rnn-cat", "--to", "safetensors", stdin=real))
ok(all(same(st[k], v) for k, v in arrays.items() if v.dtype.kind != "c"), "safetensors hold every real array")
p = subprocess.run([os.path.join(BIN, "rnn-cat"), "--to", "safetensors"], input=mine, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
ok(p.returncode == 1 and b"complex" in p.stderr and p.stdout == b"", "safetensors refuse complex numbers")

# --- mat ---
try:
    import scipy.io
    m = scipy.io.loadmat(io.BytesIO(run("rnn-cat", "--to", "mat", stdin=mine)))
    ok(all(np.array_equal(np.squeeze(m[k]), np.squeeze(v), equal_nan=v.dtype.kind in "fc") for k, v in arrays.items() if v.size), "scipy reads our mat files")
except ImportError:
    n += 1
    print("ok", n, "- scipy reads our mat files # skip no scipy here")
mat = run("rnn-cat", "--to", "mat", "--array", "a1_2", stdin=mine)
ok(mat[:10] == b"MATLAB 5.0" and np.asfortranarray(arrays["a1_2"]).tobytes(order="F") in mat, "mat files hold arrays in column order")

# --- tables ---
t1 = ("table", {"name": "t", "columns": {"k": np.array([1, 2], "<i8"), "s": ["a\tb", "ü"]}, "labels": {"lr": 0.1, "g": "x"}, "net": "n1"})
t2 = ("table", {"name": "t", "columns": {"s": ["c"], "k": np.array([0.5]), "extra": np.array([7.0])}, "labels": {"lr": 1}})
tsv = run("rnn-cat", "--to", "tsv", stdin=segment(t1) + segment(t2)).decode()
ok(tsv == "lr\tg\tnet\tk\ts\textra\n0.1\tx\tn1\t1\ta\\tb\tNaN\n0.1\tx\tn1\t2\tü\tNaN\n1\t\t\t0.5\tc\t7\n", "tables of two segments make one TSV")
z = np.load(io.BytesIO(run("rnn-cat", "--to", "npz", stdin=segment(t1) + segment(t2))))
ok(z["t/s"].tolist() == ["a\tb", "ü", "c"] and z["t/k"].tolist() == [1, 2, 0.5] and np.isnan(z["t/extra"][0]), "tables as arrays, text included")
p = subprocess.run([os.path.join(BIN, "rnn-cat"), "--to", "tsv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   input=segment(t1, ("table", {"name": "t", "columns": {"k": ["text"]}})))
ok(p.returncode == 1 and b"table 't': column 'k' holds numbers in one piece and text in another" in p.stderr, "a column is numbers or text")

# --- a net: numpy to us and back ---
def net_arrays(cell, dtype):
    g = 3 if cell == "gru" else 1
    return {"W_rec": r.normal(size=(4 * g, 4)).astype(dtype), "W_in": r.normal(size=(4 * g, 2)).astype(dtype), "b_rec": r.normal(size=4 * g).astype(dtype),
            "b_in": r.normal(size=4 * g).astype(dtype), "h0": r.normal(size=4).astype(dtype), "W_out": r.normal(size=(3, 4)).astype(dtype),
            "b_out": r.normal(size=3).astype(dtype)}
def save(a, **how):
    f = io.BytesIO()
    (np.savez_compressed if how.get("compressed") else np.savez)(f, **a)
    return f.getvalue()
for cell in ("elman", "leaky", "leaky-current", "gru"):
    for dtype in ("f4", "f8"):
        a = net_arrays(cell, dtype)
        more = ["--alpha", "0.2"] if cell.startswith("leaky") else []
        net = run("rnn-cat", "--from", "npz", "--cell", cell, *more, "--label", "who=me", stdin=save(a))
        body = [b for k, b, _ in frames(net) if k == "net"][0]
        good = all(same(body["params"][k], v) for k, v in a.items()) and body["cell"] == cell and body["labels"] == {"who": "me"}
        z = np.load(io.BytesIO(run("rnn-cat", "--to", "npz", stdin=net)))
        ok(good and set(z.files) == set(a) and all(same(z[k], v) for k, v in a.items()), f"npz to net to npz: {cell} {dtype}")
a = net_arrays("elman", "f8")
odd = {"W_rec": np.asfortranarray(a["W_rec"]), "W_in": a["W_in"].astype(">f8"), "b_rec": a["b_rec"][None, None, :], "W_out": np.arange(12, dtype="i2").reshape(3, 4) - 5}
body = [b for k, b, _ in frames(run("rnn-cat", "--from", "npz", stdin=save(odd, compressed=True))) if k == "net"][0]
ok(np.array_equal(body["params"]["W_rec"], a["W_rec"]) and np.array_equal(body["params"]["W_in"], a["W_in"]) and
   np.array_equal(body["params"]["b_rec"], a["b_rec"]) and np.array_equal(body["params"]["W_out"], odd["W_out"]), "Fortran order, big-endian, short integers, deflate")
g = net_arrays("gru", "f4")
torch = {"rnn.weight_hh_l0": g["W_rec"], "rnn.weight_ih_l0": g["W_in"], "rnn.bias_hh_l0": g["b_rec"], "rnn.bias_ih_l0": g["b_in"], "fc.weight": g["W_out"], "fc.bias": g["b_out"]}
with tempfile.TemporaryDirectory() as d:
    head, blob = {}, b""
    for k, v in torch.items():
        head[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [len(blob), len(blob) + v.nbytes]}
        blob += v.tobytes()
    text = json.dumps(head).encode()
    path = os.path.join(d, "x.safetensors")
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)
    for fmt, words in (("npz", dict(stdin=save(torch))), ("safetensors", {})):
        out = run("rnn-cat", "--from", fmt, "--cell", "gru", "--map", "W_out=fc.weight", "--map", "b_out=fc.bias", *([path] if not words else []), **words)
        body = [b for k, b, _ in frames(out) if k == "net"][0]
        ok(all(same(body["params"][k], g[k]) for k in g if k != "h0"), f"PyTorch's names and gate order, from {fmt}")

cell = {k.replace("_l0", ""): v for k, v in torch.items() if k.startswith("rnn.")}
body = [b for k, b, _ in frames(run("rnn-cat", "--from", "npz", "--cell", "gru", "-q", stdin=save(cell))) if k == "net"][0]
ok(same(body["params"]["b_in"], g["b_in"]) and same(body["params"]["W_rec"], g["W_rec"]), "names of nn.GRUCell")

# --- a net from MATLAB, whose files are made here from its published format (MAT-File Format, level 5) ---
def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)
def variable(name, v, stored=None):
    classes, types = {"f8": 6, "f4": 7, "i2": 10}, {"f8": 9, "f4": 7, "i2": 3}
    v = np.atleast_2d(v)
    body = element(6, struct.pack("<II", classes[v.dtype.str[1:]], 0)) + element(5, np.array(v.shape, "<i4").tobytes()) + element(1, name.encode())
    return element(14, body + element(types[stored or v.dtype.str[1:]], v.astype("<" + (stored or v.dtype.str[1:])).tobytes(order="F")))
def matfile(variables, compressed=False):
    pack = lambda e: struct.pack("<II", 15, len(zlib.compress(e))) + zlib.compress(e)
    return b"MATLAB 5.0 MAT-file, by a test".ljust(124) + b"\0\1IM" + b"".join(pack(e) if compressed else e for e in variables)
W = np.arange(9.0).reshape(3, 3)
mat_in = [variable("W_rec", W, "i2"), variable("W_in", np.array([[0.5, 1], [2, 3], [4, 5]], "f4")), variable("b_rec", np.array([1, 2, -3], "i2"))]
for how in (False, True):
    body = [b for k, b, _ in frames(run("rnn-cat", "--from", "mat", "-q", stdin=matfile(mat_in, how))) if k == "net"][0]
    ok(same(body["params"]["W_rec"], W) and body["params"]["W_in"].tolist() == [[0.5, 1], [2, 3], [4, 5]] and body["params"]["b_rec"].tolist() == [1, 2, -3],
       "MATLAB's columns become rows, " + ("compressed" if how else "plain"))
full = run("rnn-cat", "--from", "npz", stdin=save({**net_arrays("elman", "f4"), **{"params0/" + k: v for k, v in net_arrays("elman", "f4").items()}}))
back = run("rnn-cat", "--from", "mat", stdin=run("rnn-cat", "--to", "mat", stdin=full))
ok(same(*(np.array(frames(s)[1][1]["params0"]["W_rec"]) for s in (full, back))) and frames(full)[1][1]["id"] == frames(back)[1][1]["id"],
   "what --to mat writes of one net, --from mat reads")
for size in (60, 128 + 7, len(matfile(mat_in)) - 1):
    p = subprocess.run([os.path.join(BIN, "rnn-cat"), "--from", "mat"], input=matfile(mat_in)[:size], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ok(p.returncode == 1 and p.stderr.count(b"\n") == 1 and not p.stdout, f"a MATLAB file of which {size} bytes came is refused")

# --- a net as a stranger writes it ---
hand = ("net", {"id": "hand", "cell": "elman", "activation": "tanh", "N": 2, "n_in": 1, "n_out": 1, "index": 4, "mood": {"deep": [1, None]},
                "params": {"W_rec": np.eye(2), "W_in": np.ones((2, 1)), "W_out": np.ones((1, 2))}})
ok(b"1 net" in run("rnn-cat", "check", stdin=segment(hand)), "a hand-written net is good")
wrong = ("net", dict(hand[1], params=dict(hand[1]["params"], W_in=np.ones((3, 1)))))
ok(run("rnn-cat", "check", stdin=segment(wrong), want=1) == b"segment 0: broken: format\n", "check refuses a net of wrong shapes")
half = ("net", dict(hand[1], params={}))
ok(run("rnn-cat", "check", stdin=segment(half), want=1) == b"segment 0: broken: format\n", "check misses parameters that were announced")
pieces = [("param", {"net": "hand", "set": "params", "name": k, "first": 0, "value": v}) for k, v in hand[1]["params"].items()]
ok(b"1 net" in run("rnn-cat", "check", stdin=segment(half, *pieces)), "a net in pieces is good")
picked = frames(run("rnn-cat", "select", "--kind", "net", stdin=segment(half, *pieces)))
ok([k for k, _, _ in picked] == ["head", "net", "param", "param", "param", "end"], "a net in pieces is selected with them")
z = np.load(io.BytesIO(run("rnn-cat", "--to", "npz", stdin=segment(half, *pieces))))
ok(same(z["W_rec"], np.eye(2)), "a net in pieces is converted whole")
ok(frames(run("rnn-cat", stdin=segment(hand)))[1][1]["mood"] == {"deep": [1, None]}, "unknown keys pass through")

# --- what the tools write ---
def arrays_of(o):
    if isinstance(o, np.ndarray):
        yield o
    elif isinstance(o, dict):
        for k, v in o.items():
            assert isinstance(k, str), k
            yield from arrays_of(v)
    elif isinstance(o, list):
        for v in o:
            yield from arrays_of(v)
def tool(name):
    return os.path.exists(os.path.join(BIN, name))
if tool("taskgen"):
    task = run("taskgen", "repeat-copy", "--length", "2", "--dims", "1", "--trials", "8")
    kinds = {}
    stream = task
    if tool("rnn-train") and tool("rnn-run"):
        spec = run("taskgen", "flip-flop", "--fresh")
        stream += run("rnn-run", "--activity", "--count", "4", stdin=run("rnn-train", "--hidden", "4", "--updates", "3", "--nets", "2", stdin=spec))
    for k, b, crc in frames(stream):
        kinds[k] = kinds.get(k, 0) + len(list(arrays_of(b)))
    print("#", kinds)
    want = {"trials", "net", "activity", "table"} if len(stream) > len(task) else {"trials"}
    ok(all(kinds.get(k, 0) > 0 for k in want), "arrays of every frame kind that the tools write: " + " ".join(sorted(want)))
    t = [b for k, b, _ in frames(task) if k == "trials"][0]
    ok(t["inputs"].dtype == np.dtype("<f4") and t["inputs"].ndim == 3 and t["weights"].dtype == np.dtype("<f8"), "trials are [trial][step][channel]")
    check = subprocess.run([os.path.join(BIN, "rnn-cat"), "check"], input=stream, stdout=subprocess.PIPE)
    ok(check.returncode == 0, "what the tools write is good")

print(f"1..{n}")
sys.exit(bad > 0)
