#!/usr/bin/python3
"""Training and running against PyTorch: the product is given the weights and batches of tests/golden/training.npz (made by
make_training.py there) and must end where PyTorch ended.  TAP.

double: weights after 20 updates within 1e-10.
single: losses within 1e-5; weights within 1e-5 wherever the gradient was never tiny (Adam moves by its sign there).
forward: outputs of nn.RNN, nn.GRU and the leaky cells for the first batch within float32 rounding of the stream.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stream_numpy import read, write  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BIN", os.path.join(ROOT, "build/release/bin"))
HINT = {"linear": "linear", "sigmoid": "sigmoid"}


def tool(*args):
    done = subprocess.run([os.path.join(BIN, args[0]), *map(str, args[1:])], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, args))}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def cases(z):
    for name in sorted({k.split("/")[0] for k in z.files}):
        yield name, json.loads(str(z[f"{name}/settings"])), {k[len(name) + 1:]: z[k] for k in z.files if k.startswith(name + "/")}


def write_task(path, s, a, split, count):
    """A task of the user's own, known by its trials only."""
    u, y, w = (a[k][:count] for k in ("inputs", "targets", "weights"))
    task = {"id": "golden", "name": "golden", "seed": 0, "params": {}, "n_in": s["n_in"], "n_out": s["n_out"], "steps": s["steps"],
            "loss": "mse" if s["loss"] == "mse" else "cross-entropy", "norm": s["norm"], "readout": HINT[s["readout"]],
            "periods": [], "n_split": {split: len(u)}}
    trials = {"id": "given", "task": "golden", "split": split, "stream": 0, "first": 0, "inputs": u, "targets": y, "weights": w, "params": {}}
    write(path, [("head", {"format": "rnn-stream", "version": [1, 0], "prov": []}), ("task", task), ("trials", trials)])


def make_init(folder, s, a):
    npz, out = os.path.join(folder, "init.npz"), os.path.join(folder, "init.rnn")
    np.savez(npz, **{k[5:]: v for k, v in a.items() if k.startswith("init/")})
    extra = ["--alpha", s["alpha"]] if s["cell"].startswith("leaky") else []
    tool("rnn-cat", "--from", "npz", "--cell", s["cell"], "--activation", s["activation"], "--readout", s["readout"], "--read", s["read"],
         *extra, "-o", out, npz)
    return out


def options(s):
    o = s["optim"]
    args = ["--preset", "none", "--cell", s["cell"], "--activation", s["activation"], "--readout", s["readout"], "--read", s["read"],
            "--hidden", s["N"], "--optimizer", o["kind"], "--lr", s["lr"], "--weight-decay", o.get("weight_decay", 0), "--clip", s["clip"],
            "--batch", s["batch"], "--updates", 20, "--no-shuffle", "--log-every", 1, "--noise", 0, "--h0", "zero"]
    if o["kind"] == "sgd":
        args += ["--momentum", o.get("momentum", 0)]
    if s["cell"].startswith("leaky"):
        args += ["--alpha", s["alpha"]]
    return args + [f"--{'' if s[b] else 'no-'}{b.replace('b_', 'bias-')}" for b in ("b_rec", "b_in", "b_out")]


def net_of(path):
    found = [body for kind, body, _ in read(path) if kind == "net"]
    assert len(found) == 1, f"{len(found)} nets"
    return found[0]


def largest(s, a, net, mask):
    worst = 0.0
    for k, want in a.items():
        if not k.startswith("final/"):
            continue
        got = np.asarray(net["params"][k[6:]], "f8").reshape(want.shape)
        d = np.abs(got - want)
        if mask:
            d = d[a["telling/" + k[6:]] > 1e-3]
        worst = max(worst, d.max(initial=0.0))
    return worst


def trained(folder, s, a, precision):
    write_task(os.path.join(folder, "task.rnn"), s, a, "train", None)
    out = os.path.join(folder, precision + ".rnn")
    tool("rnn-train", *options(s), "--precision", precision, "--init-from", make_init(folder, s, a), "-o", out, os.path.join(folder, "task.rnn"))
    return out


def check_double(folder, s, a):
    d = largest(s, a, net_of(trained(folder, s, a, "double")), False)
    assert d <= 1e-10, f"weights differ by {d:.3g}"
    return f"{d:.1e}"


def check_single(folder, s, a):
    path = trained(folder, s, a, "single")
    d = largest(s, a, net_of(path), True)
    assert d <= 1e-5, f"weights differ by {d:.3g}"
    # a row of the curve is the loss of the batch of that update
    curve = np.concatenate([np.asarray(b["columns"]["loss"]) for k, b, _ in read(path) if k == "table" and b["name"] == "learning"])
    curve = curve[np.isfinite(curve)]
    want = a["loss"]
    assert len(curve) >= len(want), f"{len(curve)} losses for {len(want)} updates"
    e = np.abs(curve[: len(want)] - want).max()
    assert e <= 1e-5, f"losses differ by {e:.3g}"
    return f"{d:.1e}, losses {e:.1e}"


def check_forward(folder, s, a):
    trials = os.path.join(folder, "forward.rnn")
    out = os.path.join(folder, "activity.rnn")
    write_task(trials, s, a, "test", s["batch"])
    tool("rnn-run", "--activity", "--precision", "double", "--trials", trials, "-o", out, make_init(folder, s, a))
    got = np.concatenate([b["outputs"] for k, b, _ in read(out) if k == "activity"])
    d = np.abs(got - a["outputs"]).max()
    assert d <= 2e-7 * max(1, np.abs(a["outputs"]).max()), f"outputs differ by {d:.3g}"
    return f"{d:.1e}"


def main():
    z = np.load(os.path.join(ROOT, "tests/golden/training.npz"))
    n = bad = 0
    for name, s, a in cases(z):
        for what, check in (("forward", check_forward), ("double", check_double), ("single", check_single)):
            n += 1
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(f"ok {n} - {name}: {what} ({check(folder, s, a)})")
                except Exception as e:  # noqa: BLE001
                    bad += 1
                    print(f"not ok {n} - {name}: {what}\n# {e}")
    print(f"1..{n}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
