#!/usr/bin/env python3
"""Makes training.npz: what PyTorch's autograd and optimisers do with stated weights and batches, in float64.

Needs PyTorch (the committed file was made with 1.13.1); the tests need only the file.  No random draw enters the
training itself: noise is off, initial states are zero, batches are given in order.  Cells that torch.nn has are torch.nn's
own (nn.RNN, nn.GRU); the leaky ones are written out.

Every case has: CASE/init/PARAM, CASE/final/PARAM, CASE/inputs [trials][steps][n_in], CASE/targets, CASE/weights [trials][steps],
CASE/loss [updates] (before each update), CASE/telling/PARAM (smallest |gradient| over the updates, relative to the largest
gradient of the parameter), and its settings as JSON in CASE/settings.
"""
import json
import sys

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
UPDATES = 20


def draw(seed, case):
    g = np.random.default_rng(seed)
    s = case
    N, n_in, n_out, T, K = s["N"], s["n_in"], s["n_out"], s["steps"], s["batch"] * UPDATES
    gates = 3 if s["cell"] == "gru" else 1
    p = {"W_rec": g.normal(size=(gates * N, N)) * s.get("gain", 0.9) / np.sqrt(N), "W_in": g.uniform(-0.5, 0.5, (gates * N, n_in))}
    for b in ("b_rec", "b_in"):
        if s[b]:
            p[b] = g.uniform(-0.3, 0.3, gates * N)
    p["W_out"] = g.uniform(-0.5, 0.5, (n_out, N))
    if s["b_out"]:
        p["b_out"] = g.uniform(-0.3, 0.3, n_out)
    u = g.normal(size=(K, T, n_in))
    w = np.ones((K, T))
    if s["loss"] == "ce":
        y = np.eye(n_out)[g.integers(0, n_out, (K, T))]
        w[:, : T - 1] = 0  # the last step only
    elif s["readout"] == "sigmoid":
        y = g.integers(0, 2, (K, T, n_out)).astype(float)
        w[:, :] = np.where(np.arange(T) < T // 2, 0.3, 0.7)
    else:
        y = g.choice([-1.0, 1.0], (K, T, n_out))
        w[:, : T // 3] = 0  # unscored steps
    # what goes through a stream is float32
    return {k: v for k, v in p.items()}, u.astype("f4").astype("f8"), y.astype("f4").astype("f8"), w


class Net(torch.nn.Module):
    def __init__(self, s, p):
        super().__init__()
        self.s = s
        N, n_in = s["N"], s["n_in"]
        self.own = None
        if s["cell"] == "gru":
            self.own = torch.nn.GRU(n_in, N, batch_first=True)
        elif s["cell"] == "elman" and s["activation"] in ("tanh", "relu") and s["b_rec"] == s["b_in"]:
            self.own = torch.nn.RNN(n_in, N, nonlinearity=s["activation"], bias=s["b_rec"], batch_first=True)
        t = {k: torch.nn.Parameter(torch.tensor(v)) for k, v in p.items()}
        if self.own is not None:
            names = {"W_rec": "weight_hh_l0", "W_in": "weight_ih_l0", "b_rec": "bias_hh_l0", "b_in": "bias_ih_l0"}
            with torch.no_grad():
                for ours, theirs in names.items():
                    if ours in t:
                        getattr(self.own, theirs).copy_(t[ours])
            self.p = {k: getattr(self.own, names[k]) if k in names else v for k, v in t.items()}
        else:
            self.p = t
        self.free = torch.nn.ParameterList([v for k, v in self.p.items()])

    def rates(self, u):
        """[K][T+1][N], the initial ones first"""
        s, p = self.s, self.p
        K, T = u.shape[0], u.shape[1]
        r = torch.zeros(K, 1, s["N"])
        if self.own is not None:
            return torch.cat([r, self.own(u)[0]], 1)
        f = {"tanh": torch.tanh, "relu": torch.relu, "softplus": torch.nn.functional.softplus, "sigmoid": torch.sigmoid}[s["activation"]]
        bias = sum((p[b] for b in ("b_rec", "b_in") if b in p), torch.zeros(()))
        x, out = r[:, 0], [r[:, 0] if s["cell"] != "leaky-current" else f(r[:, 0])]
        for t in range(T):
            drive = u[:, t] @ p["W_in"].T + bias
            if s["cell"] == "leaky-current":
                x = (1 - s["alpha"]) * x + s["alpha"] * (f(x) @ p["W_rec"].T + drive)
                out.append(f(x))
            else:
                a = s["alpha"] if s["cell"] == "leaky" else 1.0
                x = (1 - a) * x + a * f(x @ p["W_rec"].T + drive)
                out.append(x)
        return torch.stack(out, 1)

    def forward(self, u):
        r = self.rates(u)
        r = r[:, :-1] if self.s["read"] == "before" else r[:, 1:]
        z = r @ self.p["W_out"].T + (self.p["b_out"] if "b_out" in self.p else 0)
        return torch.sigmoid(z) if self.s["readout"] == "sigmoid" else z


def loss_of(s, o, y, w):
    K, T, n_out = y.shape
    if s["loss"] == "ce":
        logp = torch.log_softmax(o, -1)
        return -(w[..., None] * y * logp).sum() / w.sum()
    e = (w[..., None] * (o - y) ** 2).sum()
    return e / (w.sum() * n_out) if s["norm"] == "weights" else e / (K * T * n_out)


def optimiser(s, params):
    o = s["optim"]
    if o["kind"] == "sgd":
        return torch.optim.SGD(params, lr=s["lr"], momentum=o.get("momentum", 0), weight_decay=o.get("weight_decay", 0))
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["kind"]]
    return kind(params, lr=s["lr"], weight_decay=o.get("weight_decay", 0))


def train(s, seed):
    p, u, y, w = draw(seed, s)
    net = Net(s, p)
    params = list(net.p.values())
    opt = optimiser(s, params)
    losses, telling = [], {k: np.full(v.shape, np.inf) for k, v in p.items()}
    for i in range(UPDATES):
        b = slice(i * s["batch"], (i + 1) * s["batch"])
        opt.zero_grad()
        loss = loss_of(s, net(torch.tensor(u[b])), torch.tensor(y[b]), torch.tensor(w[b]))
        loss.backward()
        if s["clip"]:
            torch.nn.utils.clip_grad_norm_(params, s["clip"])
        for k, v in net.p.items():
            g = v.grad.numpy()
            telling[k] = np.minimum(telling[k], np.abs(g) / max(np.abs(g).max(), 1e-300))
        losses.append(loss.item())
        opt.step()
    out = {f"init/{k}": v for k, v in p.items()}
    out.update({f"final/{k}": v.detach().numpy().copy() for k, v in net.p.items()})
    out.update({f"telling/{k}": v.astype("f4") for k, v in telling.items()})
    out.update(inputs=u.astype("f4"), targets=y.astype("f4"), weights=w, loss=np.array(losses))
    first = Net(s, p)
    with torch.no_grad():
        out["outputs"] = first(torch.tensor(u[: s["batch"]])).numpy()  # of the initial weights, first batch
    out["settings"] = np.array(json.dumps(s))
    return out


ELMAN = dict(cell="elman", activation="tanh", readout="linear", read="after", b_rec=True, b_in=True, b_out=True, N=9, n_in=3, n_out=2,
             steps=7, batch=4, loss="mse", norm="positions", lr=0.05, clip=0, alpha=1.0)
CASES = {
    # every optimiser, on nn.RNN
    "sgd": dict(ELMAN, optim=dict(kind="sgd")),
    "momentum": dict(ELMAN, optim=dict(kind="sgd", momentum=0.9)),
    "momentum-decay": dict(ELMAN, optim=dict(kind="sgd", momentum=0.9, weight_decay=0.01)),
    "adam": dict(ELMAN, lr=0.01, optim=dict(kind="adam")),
    "adam-decay": dict(ELMAN, lr=0.01, optim=dict(kind="adam", weight_decay=0.02)),
    "adamw": dict(ELMAN, lr=0.01, optim=dict(kind="adamw", weight_decay=0.1)),
    "sgd-clip": dict(ELMAN, clip=0.05, optim=dict(kind="sgd")),
    "adam-clip": dict(ELMAN, lr=0.01, clip=0.05, optim=dict(kind="adam")),
    # cells
    "gru": dict(ELMAN, cell="gru", lr=0.01, optim=dict(kind="adam")),
    "leaky": dict(ELMAN, cell="leaky", alpha=0.3, optim=dict(kind="sgd", momentum=0.9)),
    "leaky-current": dict(ELMAN, cell="leaky-current", alpha=0.3, activation="softplus", optim=dict(kind="sgd", momentum=0.9)),
    # the recipes of the presets, random draws off
    "schemas": dict(ELMAN, activation="relu", b_in=False, N=10, n_in=5, n_out=4, steps=4, batch=1, loss="ce", norm="weights", lr=1e-3,
                    optim=dict(kind="adam")),
    "short-term-memory": dict(ELMAN, cell="leaky", alpha=0.5, readout="sigmoid", read="before", N=10, n_in=2, n_out=2, steps=12, batch=8,
                              lr=0.1, optim=dict(kind="sgd", momentum=0.9, weight_decay=1e-7)),
    "variable-memory": dict(ELMAN, b_rec=False, b_in=False, b_out=False, N=12, n_in=3, n_out=3, steps=9, batch=6, norm="weights", lr=1e-3,
                            clip=1.0, optim=dict(kind="adam")),
    "flip-flop": dict(ELMAN, N=8, n_in=3, n_out=3, steps=10, batch=5, lr=0.01, clip=1.0, optim=dict(kind="adam")),
}

if __name__ == "__main__":
    arrays = {}
    for i, (name, case) in enumerate(CASES.items()):
        for key, value in train(case, 100 + i).items():
            arrays[f"{name}/{key}"] = value
    np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else "training.npz", **arrays)
