"""The fixed-point search in common use, as a yardstick for rnn-fixedpts: Adam on q = |F(x) - x|^2 / 2, float32, all starts at once.

Settings as usual for such tools: one optimiser for all starts, learning rate 1.0 that decays by 0.95 on a plateau of the mean q
(patience 5), gradient norm clipped at 1, 10,000 iterations; with `early` it ends when every start has q < 1e-12 or stands still.  What it
returns is counted as true when Newton's method in float64 stays within 1e-3 of it and reaches |F(x) - x| < 1e-12: generous, since the
tool itself does not look.

usage: adam_fixedpts.py FILE [early]    (a stream of rnn-fixedpts --arrays states,starts: one elman tanh network, its starts, its points)
prints TSV: tool, processor seconds, iterations, returned, distinct true points, of them stable, points per second
"""
import sys, time
import msgpack, msgpack_numpy
import numpy as np


def read(path):
    net, arrays = None, {}
    with open(path, "rb") as f:
        for kind, body, crc in msgpack.Unpacker(f, max_buffer_size=0, object_hook=msgpack_numpy.decode):
            if kind == "net":
                net = body
            if kind == "array":
                arrays.setdefault(body["name"], []).append(body["value"])
    return net, {k: np.concatenate(v) for k, v in arrays.items()}


def adam(W, b, x, max_iter, ends_early, lr=np.float32(1), tol_q=1e-12, tol_dq=1e-20):
    """One optimiser for all starts; ends when every start has q < tol_q or stands still, or after max_iter."""
    m, v = np.zeros_like(x), np.zeros_like(x)
    best, bad, q_last = np.inf, 0, np.full(len(x), np.inf, np.float32)
    for t in range(1, max_iter + 1):
        F = np.tanh(x @ W.T + b)
        f = F - x
        q = np.float32(0.5) * (f * f).sum(1)
        g = ((f * (1 - F * F)) @ W - f) / np.float32(len(x))
        g *= np.minimum(np.float32(1), 1 / np.maximum(np.linalg.norm(g), np.float32(1e-30)))
        if ends_early and (np.logical_or(np.abs(q - q_last) < tol_dq * lr, q < tol_q)).all():
            break
        q_last, mean = q, q.mean()
        best, bad = (mean, 0) if mean < best * (1 - 1e-4) else (best, bad + 1)
        if bad > 5:
            lr, bad = np.float32(lr * 0.95), 0
        m += np.float32(0.1) * (g - m)
        v += np.float32(0.001) * (g * g - v)
        x = x - lr * (m / np.float32(1 - 0.9**t)) / (np.sqrt(v / np.float32(1 - 0.999**t)) + np.float32(1e-8))
    return x, q, t


def distinct_true(W, b, x):
    """Distinct true fixed points next to the rows of x."""
    found = []
    for row in x.astype(float):
        y = row
        for _ in range(6):
            F = np.tanh(W @ y + b)
            try:
                y = y - np.linalg.solve((1 - F * F)[:, None] * W - np.eye(len(y)), F - y)
            except np.linalg.LinAlgError:
                break
        if not np.isfinite(y).all() or np.abs(y - row).max() > 1e-3 or np.abs(np.tanh(W @ y + b) - y).max() > 1e-12:
            continue
        if not any(np.abs(y - z).max() < 1e-6 for z in found):
            found.append(y)
    return found


def is_stable(W, b, y):
    F = np.tanh(W @ y + b)
    return np.abs(np.linalg.eigvals((1 - F * F)[:, None] * W)).max() < 1


net, arrays = read(sys.argv[1])
p = net["params"]
W = p["W_rec"].astype(np.float32)
b = sum((p[k] for k in ("b_rec", "b_in") if k in p), np.zeros(len(W))).astype(np.float32)
starts = arrays["starts"].astype(np.float32)
t0 = time.process_time()
x, q, iterations = adam(W, b, starts, 10000, "early" in sys.argv[2:])
seconds = time.process_time() - t0
uniq = []
for row in x[np.isfinite(q)]: # their own merge: within 1e-3
    if not any(np.abs(row - z).max() < 1e-3 for z in uniq):
        uniq.append(row)
W64, b64 = W.astype(float), b.astype(float)
true = distinct_true(W64, b64, np.array(uniq))
print("tool\tseconds\titerations\treturned\tdistinct_true\tstable\tper_second")
print(f"adam\t{seconds:.3f}\t{iterations}\t{len(uniq)}\t{len(true)}\t{sum(is_stable(W64, b64, y) for y in true)}\t{len(true) / seconds:.4g}")
