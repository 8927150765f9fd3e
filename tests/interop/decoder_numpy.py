#!/usr/bin/python3
"""Autoencoders and multi-task networks against their equations in numpy: outputs, losses, and twenty updates of Adam whose gradients
come from the complex step (exact to rounding, and nobody's back-propagation).  TAP."""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stream_numpy import read, write  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BIN", os.path.join(ROOT, "build/release/bin"))
HIDDEN, LATENT, UPDATES, LR = 6, 3, 20, 0.01


def tool(*args):
    done = subprocess.run([os.path.join(BIN, args[0]), *map(str, args[1:])], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def act(name, z):
    return np.tanh(z) if name == "tanh" else z * (z.real > 0)


def forward(p, u, direct, f):
    """Outputs [K][T][n_out]: those of the encoder at every step, then those of the decoder; and z [K][T][LATENT]."""
    K, T, _ = u.shape
    kind = p["W_rec"].dtype
    h, own, z = np.zeros((K, HIDDEN), kind), [], []
    for t in range(T):
        h = act(f, h @ p["W_rec"].T + u[:, t] @ p["W_in"].T + p["b_rec"])
        o = h @ p["W_out"].T + p["b_out"]
        own.append(o[:, :direct])
        z.append(o[:, direct:])
    d, decoded = np.zeros((K, HIDDEN), kind), []
    for t in range(T):
        d = act(f, d @ p["W_rec_dec"].T + z[-1] @ p["W_in_dec"].T + p["b_rec_dec"])
        decoded.append(d @ p["W_out_dec"].T + p["b_out_dec"])
    return np.concatenate([np.stack(own, 1), np.stack(decoded, 1)], 2), np.stack(z, 1)


def head_loss(o, y, w):
    """Mean over what is asked of one head."""
    m = o.real.max(-1, keepdims=True)
    ll = (y * (o - m - np.log(np.exp(o - m).sum(-1, keepdims=True)))).sum(-1)
    asked = w * (y.sum(-1) > 0)
    return -(asked * ll).sum() / asked.sum()


def gradient(loss, p):
    g = {}
    for name, v in p.items():
        g[name] = np.zeros_like(v)
        for i in np.ndindex(v.shape):
            q = {k: a.astype(complex) for k, a in p.items()}
            q[name][i] += 1e-30j
            g[name][i] = loss(q).imag / 1e-30
    return g


def adam(p, grads):
    m = {k: np.zeros_like(v) for k, v in p.items()}
    s = {k: np.zeros_like(v) for k, v in p.items()}
    for t, g in enumerate(grads, 1):
        for k in p:
            m[k] = 0.9 * m[k] + 0.1 * g[k]
            s[k] = 0.999 * s[k] + 0.001 * g[k] ** 2
            p[k] = p[k] - LR * (m[k] / (1 - 0.9**t)) / (np.sqrt(s[k] / (1 - 0.999**t)) + 1e-8)
        yield t, p


def tables(frames, name):
    for kind, b, _ in frames:
        if kind == "table" and b["name"] == name:
            yield b["columns"]


def scores(o, y, w, heads, cue):
    """accuracy and step accuracy per head, and of all together."""
    out, whole, right, asked, at = {}, np.ones(len(o), bool), 0, 0, 0
    for name, n in heads:
        a = (w > 0) & (y[:, :, at:at + n].sum(-1) > 0)
        ok = o[:, :, at:at + n].argmax(-1) == y[:, :, at:at + n].argmax(-1)
        counts = a & (np.arange(o.shape[1]) >= (cue - 1 if name == "next" else 0))
        good = (ok | ~counts).all(1)
        out[f"{name}_accuracy"], out[f"{name}_step_accuracy"] = good.mean(), (ok & a).sum() / a.sum()
        whole &= good
        right, asked, at = right + (ok & a).sum(), asked + a.sum(), at + n
    out["accuracy"], out["step_accuracy"] = whole.mean(), right / asked
    return out


def check(folder, objective, f):
    path = os.path.join(folder, "x.rnn")
    tool("taskgen", "sequence", "--pattern-length", 3, "--tokens", 3, "--suffix", 2, "--train-fraction", 0.7, "--objective", objective, "-o", path)
    given = list(read(path))
    trials = {b["split"]: b for k, b, _ in given if k == "trials"}
    task = next(b for k, b, _ in given if k == "task")
    tr = trials["train"]
    u, y, w = (tr[k].astype(float) for k in ("inputs", "targets", "weights"))
    w = np.broadcast_to(w, y.shape[:2])
    heads = [(h["name"], h["n"]) for h in task.get("heads", [{"name": "auto", "n": task["n_out"]}])]
    direct, ends = sum(n for _, n in heads[:-1]), np.cumsum([n for _, n in heads])
    out = os.path.join(folder, "net.rnn")
    tool("rnn-train", "-q", "--activation", f, "--hidden", HIDDEN, "--decoder", LATENT, "--batch", 0, "--updates", UPDATES, "--no-shuffle", "--lr", LR,
         "--precision", "double", "--log-every", 1, "-o", out, path)
    frames = list(read(out))
    net = next(b for k, b, _ in frames if k == "net")
    said = next(tables(frames, "learning"))["loss"][:UPDATES]
    losses = [lambda p, a=e - n, b=e: head_loss(forward(p, u, direct, f)[0][:, :, a:b], y[:, :, a:b], w) for e, (_, n) in zip(ends, heads)]
    p, drawn, off = dict(net["params0"]), [], []

    def grads():
        for t in range(UPDATES):
            L = np.array([l(p).real for l in losses])
            h = int(np.abs(L - said[t]).argmin())
            drawn.append(h)
            off.append(abs(L[h] - said[t]))
            yield gradient(losses[h], p)

    for _, p in adam(p, grads()):
        pass
    yield max(off) < 1e-12, f"{objective}, {f}: the loss of every update is that of one head ({max(off):.1e}); drawn: {np.bincount(drawn)}"
    yield set(drawn) == set(range(len(heads))), f"{objective}, {f}: every head has its turn"
    worst = max(np.abs(p[k] - net["params"][k]).max() for k in p)
    yield worst < 1e-10, f"{objective}, {f}: weights after {UPDATES} updates are those of numpy's Adam ({worst:.1e})"
    yield set(p) == set(net["params"]), f"{objective}, {f}: no parameter is left out"
    ran = os.path.join(folder, "ran.rnn")
    tool("rnn-run", "-q", "--activity", "--what", "latent", "-o", ran, out)
    frames = list(read(ran))
    te = trials["test"]
    o, z = forward(net["params"], te["inputs"].astype(float), direct, f)
    seen = next(b for k, b, _ in frames if k == "activity")
    yield np.abs(seen["outputs"] - o).max() < 1e-5 and np.abs(seen["value"] - z).max() < 1e-5, f"{objective}, {f}: outputs and latent variables of test trials"
    row = next(tables(frames, "performance"))
    wt = np.broadcast_to(te["weights"], te["targets"].shape[:2])
    want = scores(o, te["targets"], wt, heads, 3)
    keys = [k for k in row if k.endswith("accuracy")]
    yield len(keys) == (7 if objective == "multi" else 2) and all(abs(row[k][0] - want[k]) < 1e-12 for k in keys), f"{objective}, {f}: scores {keys}"
    L = np.mean([head_loss(o[:, :, e - n:e], te["targets"][:, :, e - n:e], wt) for e, (_, n) in zip(ends, heads)])
    yield abs(row["loss"][0] - L) < 1e-5, f"{objective}, {f}: the loss is the mean over heads"


def strangers(folder):
    """A multi-task set that somebody else wrote: two heads, no decoder; and heads that do not add up."""
    r = np.random.default_rng(1)
    u = r.normal(size=(8, 3, 2)).astype("<f4")
    y = np.zeros((8, 3, 5), "<f4")
    y[:, -1, 0] = u[:, 0, 0] > 0
    y[:, -1, 1] = u[:, 0, 0] <= 0
    y[np.arange(8)[:, None], np.arange(3), 2 + (u[:, :, 1] > 0)] = 1
    trials = {"id": "given", "task": "mine", "split": "train", "stream": 0, "first": 0, "inputs": u, "targets": y, "weights": np.ones(3), "params": {}}
    path, out = os.path.join(folder, "mine.rnn"), os.path.join(folder, "mine.net")
    for sizes in ((2, 3), (2, 2)):
        task = {"id": "mine", "name": "mine", "n_in": 2, "n_out": 5, "loss": "cross-entropy", "norm": "weights", "steps": 3, "n_split": {"train": 8},
                "heads": [{"name": "sign", "n": sizes[0]}, {"name": "side", "n": sizes[1]}]}
        write(path, [("head", {"format": "rnn-stream", "version": [1, 0], "prov": []}), ("task", task), ("trials", trials)])
        if sum(sizes) == 5:
            tool("rnn-train", "-q", "--hidden", 16, "--batch", 4, "--epochs", 300, "--lr", 0.01, "-o", out, path)
            frames = list(read(out))
            net = next(b for k, b, _ in frames if k == "net")
            yield net["heads"] == task["heads"] and "n_latent" not in net, "a stranger's heads go from the task to the net"
            h = np.zeros((8, 16))
            p = net["params"]
            for t in range(3):
                h = np.tanh(h @ p["W_rec"].T + u[:, t] @ p["W_in"].T + p["b_rec"])
                o = h @ p["W_out"].T + p["b_out"]
                good = (o[:, 2:].argmax(1) == y[:, t, 2:].argmax(1)).all()
            yield good and (o[:, :2].argmax(1) == y[:, -1, :2].argmax(1)).all(), "and both are learned"
        else:
            done = subprocess.run([os.path.join(BIN, "rnn-train"), "-q", path], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
            yield done.returncode == 1 and b"4 outputs together, not 5" in done.stderr, f"heads that do not add up are refused: {done.stderr.decode().strip()}"


def main():
    n = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for objective in ("autoencode", "multi"):
            for f in ("tanh", "relu"):
                for good, what in check(folder, objective, f):
                    n, bad = n + 1, bad + (not good)
                    print("ok" if good else "not ok", n, "-", what)
        for good, what in strangers(folder):
            n, bad = n + 1, bad + (not good)
            print("ok" if good else "not ok", n, "-", what)
    print(f"1..{n}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
