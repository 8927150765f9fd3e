#!/usr/bin/python3
"""Options of rnn-train in unusual company, against their equations in numpy: every run is trained again here, with gradients from the
complex step (exact to rounding, and nobody's back-propagation) and the optimisers as PyTorch documents them.  TAP."""
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stream_numpy import read, write  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("BIN", os.path.join(ROOT, "build/release/bin"))
K, T, N_IN, N_OUT = 7, 6, 2, 3

DEFAULTS = {"cell": "elman", "activation": "tanh", "hidden": 5, "rank": 0, "rank-scale": "plain", "read": "after", "readout": "linear", "h0": "zero",
            "h0-transform": "plain", "alpha": 0, "optimizer": "adam", "lr": 0.02, "momentum": 0, "weight-decay": 0, "lr-schedule": "constant",
            "lr-gamma": 0.1, "lr-every": 1000, "lr-end": 0, "warmup": 0, "clip": 0, "l1": 0, "l2": 0, "l2-rate": 0, "batch": 3, "epochs": 3,
            "bptt": 0, "loss": "mse", "loss-norm": "positions", "loss-steps": "task", "dale": -1, "sparsity": 0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACT = {"tanh": np.tanh, "relu": lambda z: z * (z.real > 0), "sigmoid": sigmoid, "softplus": lambda z: np.log(1 + np.exp(z)), "linear": lambda z: z}
OUT = {"linear": lambda z: z, "sigmoid": sigmoid, "softmax": softmax}


def recurrent(o, p):
    """W [gates N][N], of factors gate by gate."""
    if not o["rank"]:
        return p["W_rec"]
    n, r, scale = o["hidden"], o["rank"], 1 / o["hidden"] if o["rank-scale"] == "per-unit" else 1
    gates = p["m"].shape[0] // n
    return np.concatenate([scale * p["m"][g * n:(g + 1) * n] @ p["n"][g * r:(g + 1) * r] for g in range(gates)])


def step(o, p, W, x, u):
    n, f = o["hidden"], ACT[o["activation"]]
    r = f(x) if o["cell"] == "leaky-current" else x
    rec = r @ W.T + (p["b_rec"] if "b_rec" in p else 0)
    into = u @ p["W_in"].T + (p["b_in"] if "b_in" in p else 0)
    if o["cell"] == "gru":
        g, z = sigmoid((rec + into)[:, :n]), sigmoid((rec + into)[:, n:2 * n])
        return (1 - z) * f(into[:, 2 * n:] + g * rec[:, 2 * n:]) + z * x
    if o["cell"] == "elman":
        return f(rec + into)
    a = p["alpha"] if "alpha" in p else o["alpha"]
    return (1 - a) * x + a * (rec + into if o["cell"] == "leaky-current" else f(rec + into))


def objective(o, p, u, y, w):
    """Loss of the data, and with the penalties."""
    W = recurrent(o, p)
    x = np.zeros((len(u), o["hidden"]), W.dtype) + (p["h0"] if "h0" in p else 0)
    x = np.tanh(x) if o["h0-transform"] == "tanh" else x
    z, rates = [], []

    def look(state):
        r = ACT[o["activation"]](state) if o["cell"] == "leaky-current" else state
        q = r @ p["n"].T if o.get("read-latent") else r
        return r, q @ p["W_out"].T + (p["b_out"] if "b_out" in p else 0)
    for t in range(T):
        if o["bptt"] and t and t % o["bptt"] == 0:
            x = x.real + 0j
        if o["read"] == "before":
            z.append(look(x)[1])
        x = step(o, p, W, x, u[:, t])
        rates.append(look(x)[0])
        if o["read"] == "after":
            z.append(look(x)[1])
    z, rates = np.stack(z, 1), np.stack(rates, 1)
    if o["loss"] == "mse":
        errors, channels = ((OUT[o["readout"]](z) - y) ** 2).sum(-1), N_OUT
    else:
        top = z.real.max(-1, keepdims=True)
        errors, channels = -(y * (z - top - np.log(np.exp(z - top).sum(-1, keepdims=True)))).sum(-1), 1
    data = (w * errors).sum() / (channels * (w.size if o["loss-norm"] == "positions" else w.sum()))
    return data, data + o["l1"] * (np.sign(W.real) * W).sum() + o["l2"] * (W ** 2).sum() + o["l2-rate"] * (rates ** 2).mean()


def gradient(o, p, trained, *batch):
    g = {}
    for name in trained:
        g[name] = np.zeros_like(p[name])
        for i in np.ndindex(p[name].shape):
            q = {k: v.astype(complex) for k, v in p.items()}
            q[name][i] += 1e-30j
            g[name][i] = objective(o, q, *batch)[1].imag / 1e-30
    return g


def rate(o, u, total):
    f = {"constant": 1, "step": o["lr-gamma"] ** (u // o["lr-every"]), "exponential": o["lr-gamma"] ** (u / o["lr-every"]),
         "cosine": o["lr-end"] + (1 - o["lr-end"]) * (1 + np.cos(np.pi * u / total)) / 2, "linear": 1 - (1 - o["lr-end"]) * u / total}
    return o["lr"] * f[o["lr-schedule"]] * (min(1, (u + 1) / o["warmup"]) if o["warmup"] else 1)


def update(o, p, g, state, t, lr):
    if o["clip"]:
        norm = np.sqrt(sum((v ** 2).sum() for v in g.values()))
        g = {k: v * min(1, o["clip"] / (norm + 1e-6)) for k, v in g.items()}
    for k in g:
        decay = o["weight-decay"]
        if o["optimizer"] == "adamw":
            p[k] *= 1 - lr * decay
            decay = 0
        d = g[k] + decay * p[k]
        m, v = state.get(k, (0, 0))
        if o["optimizer"] == "sgd":
            m = o["momentum"] * m + d
            p[k] -= lr * m
        else:
            m, v = o["beta1"] * m + (1 - o["beta1"]) * d, o["beta2"] * v + (1 - o["beta2"]) * d * d
            p[k] -= lr * m / (1 - o["beta1"] ** t) / (np.sqrt(v / (1 - o["beta2"] ** t)) + o["eps"])
        state[k] = m, v


def train(o, p, u, y, w):
    """The losses before each update; p in place."""
    w = w.copy()
    if o["loss-steps"] == "all":
        w[:] = 1
    if o["loss-steps"] == "last":
        for row in w:
            last = np.flatnonzero(row)[-1:]
            row[:] = 0
            row[last] = 1
    free = p["W_rec"] != 0 if o["sparsity"] else 1
    inhibits = np.arange(o["hidden"]) >= np.floor(o["dale"] * o["hidden"] + 0.5)
    trained = [k for k in p if k not in o.get("freeze", "").split(",") and k != "alpha" and not (k == "h0" and o["h0"] == "fixed")]
    size = min(o["batch"] or K, K)
    per_epoch = K // size if o.get("drop-last") else -(-K // size)
    losses, state, total = [], {}, per_epoch * o["epochs"]
    for i in range(total):
        rows = slice(i % per_epoch * size, i % per_epoch * size + size)
        batch = u[rows], y[rows], w[rows]
        losses.append(objective(o, p, *batch)[0])
        g = gradient(o, p, trained, *batch)
        if o["sparsity"]:
            g["W_rec"] *= free
        update(o, p, g, state, i + 1, rate(o, i, total))
        if o["dale"] >= 0:
            p["W_rec"][:, inhibits] = np.minimum(p["W_rec"][:, inhibits], 0)
            p["W_rec"][:, ~inhibits] = np.maximum(p["W_rec"][:, ~inhibits], 0)
    return losses


RUNS = [
    {"cell": "leaky-current", "activation": "softplus", "tau": 2, "tau-to": 30, "read": "before", "h0": "trained", "h0-transform": "tanh",
     "init-h0-sd": 0.5, "optimizer": "adamw", "weight-decay": 0.1, "lr-schedule": "exponential", "lr-every": 3, "warmup": 4, "clip": 0.05,
     "loss-norm": "weights", "bias-in": True},
    {"cell": "gru", "activation": "sigmoid", "rank": 2, "rank-scale": "per-unit", "init-factor": "gauss:3", "l2": 0.02, "l2-rate": 0.1,
     "optimizer": "sgd", "momentum": 0.9, "weight-decay": 0.01, "bptt": 4, "lr-schedule": "cosine", "lr-end": 0.1, "bias-in": True, "drop-last": True},
    {"cell": "leaky", "activation": "relu", "alpha": 0.3, "rank": 3, "read-latent": True, "readout": "softmax", "weight-decay": 0.05,
     "lr-schedule": "linear", "lr-end": 0.5, "loss-steps": "last", "loss-norm": "weights", "l2-rate": 0.2, "read": "before", "bptt": 2},
    {"cell": "elman", "activation": "linear", "readout": "sigmoid", "l1": 0.01, "l2": 0.02, "dale": 0.6, "sparsity": 0.3, "optimizer": "sgd", "lr": 0.5,
     "lr-schedule": "step", "lr-every": 2, "lr-gamma": 0.5, "loss-steps": "all", "bias-out": False},
    {"cell": "leaky", "activation": "tanh", "alpha": 1, "rank": 5, "readout": "softmax", "loss": "cross-entropy", "loss-norm": "weights",
     "freeze": "W_in,b_out,m", "batch": 0, "h0": "fixed", "init-h0-sd": 1, "clip": 0.3, "beta1": 0, "beta2": 0.5, "eps": 0.1},
    {"cell": "leaky", "activation": "sigmoid", "alpha": 0.7, "hidden": 1, "batch": 50, "loss": "cross-entropy", "loss-steps": "last", "bias-rec": False},
    {"cell": "gru", "activation": "softplus", "hidden": 1, "batch": 1, "h0": "trained", "bptt": 1, "readout": "sigmoid", "optimizer": "adamw", "clip": 1},
]


def words(o):
    for k, v in o.items():
        yield f"--{k}={v}" if not isinstance(v, bool) else f"--{k}" if v else f"--no-{k}"


def main():
    draw = np.random.default_rng(5)
    u = draw.normal(size=(K, T, N_IN)).astype("f4").astype(float)
    y = draw.dirichlet(np.ones(N_OUT), size=(K, T)).astype("f4").astype(float)
    w = draw.uniform(0.5, 2, size=(K, T))
    w[:, [1, 5]] = 0
    w[3] = 0
    print(f"1..{len(RUNS)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        task = {"id": "mine", "name": "mine", "seed": 0, "params": {}, "n_in": N_IN, "n_out": N_OUT, "steps": T, "loss": "mse", "norm": "positions"}
        trials = {"id": "t", "task": "mine", "split": "train", "stream": 0, "first": 0, "inputs": u.astype("f4"), "targets": y.astype("f4"),
                  "weights": w, "params": {}}
        write("mine.rnn", [("head", {"format": "rnn-stream", "version": [1, 0], "prov": []}), ("task", task), ("trials", trials)])
        for i, given in enumerate(RUNS):
            said = {"hidden": DEFAULTS["hidden"], "epochs": DEFAULTS["epochs"], "lr": DEFAULTS["lr"], "batch": DEFAULTS["batch"], **given}
            with open("out.rnn", "wb") as out:
                subprocess.run([os.path.join(BIN, "rnn-train"), "-q", "--preset=none", "--precision=double", "--no-shuffle", "--log-every=1",
                                *words(said), "mine.rnn"], stdout=out, check=True)
            net = next(b for k, b, _ in read("out.rnn") if k == "net")
            table = next(b for k, b, _ in read("out.rnn") if k == "table")["columns"]["loss"]
            p = {k: v.astype(float) for k, v in net["params0"].items()}
            losses = train({**DEFAULTS, **said}, p, u, y, w)
            worst = max(np.abs(p[k] - v).max() for k, v in net["params"].items())
            moved = max(np.abs(v - net["params0"][k]).max() for k, v in net["params"].items())
            off = np.abs(np.array(table)[:len(losses)] - losses).max()
            good = worst < 1e-11 and off < 1e-12 and moved > 1e-3
            print("ok" if good else "not ok", i + 1, "-", " ".join(words(given)))
            if not good:
                print(f"# parameters differ by {worst:.2g}, losses by {off:.2g}; training moved them by {moved:.2g}")


main()
