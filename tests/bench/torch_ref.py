#!/usr/bin/env python3
"""torch_ref.py NAME N B T RANK SECONDS: updates per second of the published formulations in PyTorch, one thread.

short-term-memory and low-rank: a Python loop over Euler steps, as the study's code has it; low rank multiplies by the whole
matrix m n. variable-memory: nn.RNN and a linear read-out, Adam, clipped. schemas: a loop over tokens, batch 1, Adam."""
import sys
import time

import torch

torch.set_num_threads(1)
name, (N, B, T, rank), seconds = sys.argv[1], map(int, sys.argv[2:6]), float(sys.argv[6])
torch.manual_seed(1)


def leaky():
    W = torch.nn.Parameter(0.1 * torch.randn(N, N)) if not rank else None
    m = torch.nn.Parameter(torch.randn(N, rank) / N ** 0.5) if rank else None
    n = torch.nn.Parameter(torch.randn(rank, N) / N ** 0.5) if rank else None
    W_in = torch.nn.Linear(2, N)
    b_rec = torch.nn.Parameter(torch.zeros(N))
    W_out = torch.nn.Linear(N, 2)
    params = [p for p in (W, m, n, b_rec) if p is not None] + list(W_in.parameters()) + list(W_out.parameters())
    opt = torch.optim.SGD(params, lr=0.01, momentum=0.9, weight_decay=1e-7)
    u = torch.zeros(T, B, 2)
    u[:6, ::2, 1] = 1
    u[:6, 1::2, 0] = 1
    y = torch.zeros(T, B, 2)
    y[-10:] = u[:1]
    w = torch.full((T, 1, 1), 10 / T)
    w[-10:] = 1 - 10 / T

    def update():
        opt.zero_grad()
        r = torch.tanh(0.1 * torch.randn(B, N))
        full = m @ n if rank else W
        out = []
        for t in range(T):
            out.append(torch.sigmoid(W_out(r)))
            z = r @ full.T + b_rec + W_in(u[t]) + 0.001 * torch.randn(B, N)
            r = 0.5 * r + 0.5 * torch.tanh(z)
        loss = (w * (torch.stack(out) - y) ** 2).mean()
        loss.backward()
        opt.step()
    return update


def elman():
    dims = 4 if N > 64 else 3
    s = 8 if N > 64 else 4
    cell = torch.nn.RNN(dims, N, bias=False)
    read = torch.nn.Linear(N, dims, bias=False)
    params = list(cell.parameters()) + list(read.parameters())
    opt = torch.optim.Adam(params, lr=1e-3)

    def update():
        u = torch.zeros(T, B, dims)
        u[:s] = torch.randint(0, 2, (s, B, dims)) * 2.0 - 1
        y = u[:s].repeat((T - s + s - 1) // s, 1, 1)[:T - s]
        opt.zero_grad()
        h, _ = cell(u)
        loss = ((read(h[s:]) - y) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
    return update


def schemas():
    W_in = torch.nn.Linear(10, N, bias=False)
    W = torch.nn.Linear(N, N)
    W_out = torch.nn.Linear(N, 7)
    params = [p for layer in (W_in, W, W_out) for p in layer.parameters()]
    opt = torch.optim.Adam(params, lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    x = torch.eye(10)[torch.tensor([0, 1, 1, 0])].unsqueeze(1)
    label = torch.tensor([3])

    def update():
        opt.zero_grad()
        h = torch.zeros(1, N)
        for t in range(T):
            h = torch.relu(W_in(x[t]) + W(h))
        loss = criterion(W_out(h), label)
        loss.backward()
        opt.step()
    return update


update = schemas() if name == "schemas" else elman() if name.startswith("variable") else leaky()
update()
best, end = 0.0, time.thread_time() + seconds
while time.thread_time() < end:
    n, start = 0, time.thread_time()
    while time.thread_time() < start + seconds / 5:
        update()
        n += 1
    best = max(best, n / (time.thread_time() - start))
print(f"{best:.6g}")
