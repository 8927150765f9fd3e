#!/usr/bin/python3
"""Every number of rnn-geometry once more with numpy, from the activity in the same stream.  TAP."""
import itertools
import os
import subprocess
import sys
import tempfile

import msgpack
import msgpack_numpy
import numpy as np

BIN = os.environ.get("BIN", "build/release/bin")
PIPE = ("taskgen sequence --pattern-length 3 --tokens 6 | rnn-train --preset schemas --hidden 14 --epochs 4 --nets 2 --seed 3 -q"
        " | rnn-run --activity --split train,test -q"
        " | rnn-geometry -m all --arrays --keep-activity --shuffles 5 --per-group 4 --dims 2,3 --modes 3 --components 3 -q")


def read(path):
    task, trials, nets = None, {}, {}
    with open(path, "rb") as f:
        for kind, body, _ in msgpack.Unpacker(f, object_hook=msgpack_numpy.decode, max_buffer_size=0):
            if kind == "trials":
                trials[body["id"]] = body
            elif kind == "net":
                net = nets[body["id"]] = {"net": body, "activity": {}, "rows": {}, "arrays": {}, "states": None}
            elif kind == "activity":
                net["activity"][body["split"]] = body
            elif kind == "table" and body["name"] == "geometry":
                c = body["columns"]
                for i, value in enumerate(c["value"]):
                    item, step = ("" if np.isnan(float(c[k][i])) else int(c[k][i]) for k in ("item", "step"))
                    key = (c["measure"][i], c["by"][i], c["condition"][i], item, step)
                    assert key not in net["rows"], key
                    net["rows"][key] = (value, c["lo"][i], c["hi"][i], c["reference"][i], int(c["n"][i]))
            elif kind == "table" and body["name"] == "states":
                net["states"] = body["columns"]
            elif kind == "array":
                net["arrays"][body["name"], body["labels"].get("step", "")] = body["value"]
    assert kind == "end"
    return trials, nets


def dims(X, share=0.9):
    s = np.linalg.svd(X, compute_uv=False) ** 2
    return int(np.argmax(np.cumsum(s) / s.sum() > share + 1e-12)) + 1


def eta2(X, g):
    total = ((X - X.mean(0)) ** 2).sum()
    return sum((g == c).sum() * ((X[g == c].mean(0) - X.mean(0)) ** 2).sum() for c in np.unique(g)) / total


def nearest(X, g, Xt, gt):
    levels = np.unique(g)
    C = np.array([X[g == c].mean(0) for c in levels])
    said = levels[((Xt[:, None] - C) ** 2).sum(2).argmin(1)]
    return (said == gt).mean(), np.mean([(said == gt)[gt == c].mean() for c in np.unique(gt)])


def ridge(X, g, Xt, gt, lam=0.01):
    levels = np.unique(g)
    m = X.mean(0)
    s = ((X - m) ** 2).sum(1).mean() / X.shape[1]
    scores = []
    for c in levels if len(levels) > 2 else levels[1:]:
        y = np.where(g == c, 1.0, -1.0)
        w = np.where(g == c, 0.5 / (g == c).sum(), 0.5 / (g != c).sum()) if len(levels) == 2 else np.full(len(g), 1 / len(g))
        Z = np.c_[X - m, np.ones(len(X))]
        A = Z.T @ (w[:, None] * Z)
        A[:-1, :-1] += lam * s * np.eye(X.shape[1])
        scores.append(np.c_[Xt - m, np.ones(len(Xt))] @ np.linalg.solve(A, Z.T @ (w * y)))
    said = levels[(scores[0] > 0).astype(int)] if len(levels) == 2 else levels[np.argmax(scores, 0)]
    return np.mean([(said == gt)[gt == c].mean() for c in np.unique(gt)])


def content(X):
    D = np.sqrt(((X[:, None] - X[None]) ** 2).sum(2))
    lam = []
    for i, j, k in itertools.combinations(range(len(X)), 3):
        a, b, c = sorted((D[i, j], D[i, k], D[j, k]))
        if a > 0 and a < c:
            x, y = np.log(a / c), np.log(b / c)
            lam.append((x - y) / (x + y))
    return np.mean(lam) if lam else np.nan, len(lam)


def cosines(X):
    with np.errstate(invalid="ignore"):
        U = X / np.linalg.norm(X, axis=1)[:, None]
    return U @ U.T


def pair_means(M, g):
    i, j = np.triu_indices(len(g), 1)
    same, m = g[i] == g[j], M[i, j]
    return np.nanmean(m[same]), np.nanmean(m[~same])


class Compare:
    def __init__(self, net):
        self.net, self.used = net, set()

    def row(self, want, *key, part=0, tol=1e-9):
        got = self.net["rows"][key][part]
        self.used.add(key)
        assert np.isclose(got, want, rtol=tol, atol=tol, equal_nan=True), f"{key}: {got}, numpy says {want}"


def one_step(c, t, X, L, test, train, V, sample):
    text = np.array(test["params"]["string"])
    path, learn_by = np.array([s[:t + 1] for s in text]), {}
    by = {k: np.array(test["params"][k]) for k in ("class", "transition2", "transition3")}
    learn_by = {k: np.array(train["params"][k]) for k in by}
    name = {"class": lambda v: str(int(v)), "transition2": lambda v: str(int(v)), "transition3": lambda v: str(int(v))}
    centred = X - X.mean(0)
    c.row(dims(X), "dims", "", "all", "", t)
    c.row(dims(centred), "dims_centred", "", "all", "", t)
    l = np.linalg.svd(centred, compute_uv=False) ** 2
    c.row(l.sum() ** 2 / (l ** 2).sum(), "participation", "", "all", "", t)
    for i in range(3):
        c.row(l[i] / l.sum(), "explained", "", "all", i + 1, t)
    for k, g in by.items():
        per = [dims(X[g == v]) for v in np.unique(g)]
        for v, d in zip(np.unique(g), per):
            c.row(d, "dims", k, name[k](v), "", t)
        c.row(np.mean(per), "dims", k, "mean", "", t)
        c.row(max(per), "dims", k, "mean", "", t, part=2)
        c.row(eta2(X, g), "eta2", k, "", "", t)
        plain, balanced = nearest(L, learn_by[k], X, g)
        c.row(plain, "ncm", k, "train", "", t)
        c.row(balanced, "ncm_balanced", k, "train", "", t)
        c.row(ridge(L, learn_by[k], X, g), "ridge", k, "train", "", t)
        for m in range(3):
            c.row(nearest(L @ V[m:m + 1].T, learn_by[k], X @ V[m:m + 1].T, g)[1], "reading", k, "train", m + 1, t)
    S = X[sample]
    C, D = cosines(S), np.sqrt(((S[:, None] - S[None]) ** 2).sum(2))
    for k, g in list(by.items()) + [("string", path)]:
        words = ("within path", "between paths") if k == "string" else ("within", "between")
        if len(np.unique(g[sample])) < 2:
            continue
        for measure, M in (("cosine", C), ("distance", D)):
            for word, value in zip(words, pair_means(M, g[sample])):
                c.row(value, measure, k, word, "", t)
    for k in (2, 3, 0):
        Z = S @ V[:k].T if k else S
        value, n = content(Z)
        c.row(value, "ultrametric", "", "all", k, t, tol=1e-7)
        c.row(n, "ultrametric", "", "all", k, t, part=4)
        for word, cut in (("within path", t + 1), ("within parent", t)):
            g = np.array([s[:cut] for s in text])[sample]
            inside = [content(Z[g == v])[0] for v in np.unique(g)]
            inside = [v for v in inside if not np.isnan(v)]
            if cut and inside:
                c.row(np.median(inside), "ultrametric", "string", word, k, t, tol=1e-7)
    for m in range(3):
        for v in np.unique(path):
            c.row((X[path == v] @ V[m]).mean(), "projection", "string", v, m + 1, t, tol=1e-7)
    names = np.unique(path)
    centre = {v: X[path == v].mean(0) for v in names}
    apart = {}
    for a, b in itertools.combinations(names, 2):
        at = next(i for i in range(t + 1) if a[i] != b[i])
        apart.setdefault(at, []).append(np.linalg.norm(centre[a] - centre[b]))
    for at, v in apart.items():
        c.row(np.mean(v), "tree_distance", "string", f"parts at letter {at + 1}", "", t)
    arrays = c.net["arrays"]
    assert np.allclose(arrays["cosine", t][0], C, equal_nan=True)
    assert np.allclose(arrays["projections", t][0], X @ V[:3].T)
    scores, axes = arrays["pca_scores", t][0], arrays["pca_axes", t][0]
    assert np.allclose(scores, centred @ axes.T) and np.allclose(axes @ axes.T, np.eye(3))
    Z = arrays["linkage", t][0]
    assert Z.shape == (len(sample) - 1, 4) and (np.diff(Z[:, 2]) >= 0).all() and Z[-1, 3] == len(sample)
    members = {i: [i] for i in range(len(sample))}
    for i, (a, b, height, size) in enumerate(Z):
        left, right = members[int(a)], members[int(b)]
        assert np.isclose(height, D[np.ix_(left, right)].max()), "complete linkage: the farthest pair"
        members[len(sample) + i] = left + right
        assert len(left + right) == size
    assert sorted(arrays["leaf_order", t][0]) == list(range(len(sample)))


def one_net(trials, net):
    c = Compare(net)
    test, train = (trials[net["activity"][s]["trials"]] for s in ("test", "train"))
    X, L = (net["activity"][s]["value"].astype(float) for s in ("test", "train"))
    W = net["net"]["params"]["W_rec"].astype(float)
    V = np.linalg.svd(W)[2]
    V *= np.where(V @ X[0, -1] < 0, -1, 1)[:, None]
    row = net["states"]["row"].astype(float)
    sample = np.flatnonzero(~np.isnan(row))
    counts = np.unique(np.array(test["params"]["string"])[sample], return_counts=True)[1]
    assert (counts == 4).all(), counts
    for t in range(X.shape[1]):
        one_step(c, t, X[:, t], L[:, t], test, train, V, sample)
    even, odd = X[0::2].mean(0).T, X[1::2].mean(0).T
    order = np.argsort(even.argmax(1), kind="stable")
    assert (net["arrays"]["raster_units", ""] == order).all()
    assert np.allclose(net["arrays"]["raster", ""], odd[order])
    live = odd[odd.max(1) > odd.min(1)]
    S = (live - live.min(1)[:, None]) / (live.max(1) - live.min(1))[:, None]
    p = np.bincount(S.argmax(1)) / len(S)
    c.row(-(p[p > 0] * np.log(p[p > 0])).sum() / np.log(min(S.shape)), "peak_entropy", "", "held-out half", "", "")
    with np.errstate(divide="ignore", invalid="ignore"):
        q = S / S.sum(0)
        c.row(np.mean(1 + np.nansum(q * np.log(q), 0) / np.log(len(S))), "sparsity", "", "held-out half", "", "")
    left = {k for k in net["rows"] if k not in c.used}
    # groups of one level everywhere at step 0, participation and centred dimensions of groups, and the sequence controls
    assert all(k[0] in ("dims_centred", "participation", "cosine", "distance", "sequence_index", "peak_entropy", "sparsity",
                        "ridge_to_background", "peak_correlation") for k in left), left
    return len(c.used)


def main():
    env = dict(os.environ, PATH=BIN + ":" + os.environ["PATH"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        subprocess.run(["bash", "-o", "pipefail", "-c", PIPE + " >" + path], env=env, check=True)
        trials, nets = read(path)
    bad = 0
    for i, (name, net) in enumerate(nets.items(), 1):
        try:
            print(f"ok {i} - {name}: {one_net(trials, net)} numbers and every array are numpy's")
        except AssertionError as why:
            bad += 1
            print(f"not ok {i} - {name}\n# {why}")
    print(f"1..{len(nets)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
