#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes steps of Adam from given weights, without dropout, here and with torch's gradients.

usage: check_torch.py MLP_RUN

Adam is written out as Keras has it (epsilon beside the uncorrected root); torch gives the gradients
in double precision.  Losses agree within 1e-5; weights, normalisation and moving statistics within a
thousandth of the way that the steps moved them.  Exit code 77 where torch is absent.
"""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_TORCH_AGAIN" not in os.environ:
        os.environ["CHECK_TORCH_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no torch to compare with (Debian: python3-torch)")
    sys.exit(77)

torch.set_num_threads(1)


def start(dim, widths, rng):
    """Of each layer weights, bias and, where it is normalised, gamma and beta."""
    layers = []
    for i, (a, b) in enumerate(zip((dim, *widths), widths)):
        limit = np.sqrt(6 / (a + b))
        part = [rng.uniform(-limit, limit, (a, b)), rng.normal(0, 0.1, b)]
        if i + 1 < len(widths):
            part += [rng.normal(1, 0.1, b), rng.normal(0, 0.1, b)]
        layers.append([p.astype(np.float32) for p in part])
    return layers


def peer(x, y, layers, batch, steps):
    own = [[torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in part] for part in layers]
    flat = [p for part in own for p in part]
    first, second = [torch.zeros_like(p) for p in flat], [torch.zeros_like(p) for p in flat]
    moving = [[torch.zeros_like(part[1]), torch.ones_like(part[1])] for part in own[:-1]]
    x, y, losses = torch.tensor(x, dtype=torch.float64), torch.tensor(y), []
    for step in range(1, steps + 1):
        at = (torch.arange(batch) + (step - 1) * batch) % len(y)
        a = x[at]
        for part, statistics in zip(own, moving):
            r = torch.relu(a @ part[0] + part[1])
            mean, variance = r.mean(0), r.var(0, unbiased=False)
            a = (r - mean) / torch.sqrt(variance + 1e-3) * part[2] + part[3]
            for s, now in zip(statistics, (mean, variance)):
                s.mul_(0.99).add_(now.detach(), alpha=0.01)
        loss = torch.nn.functional.cross_entropy(a @ own[-1][0] + own[-1][1], y[at])
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, flat)
        rate = 1e-3 * np.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
        with torch.no_grad():
            for p, g, m, v in zip(flat, gradients, first, second):
                m += (g - m) * 0.1
                v += (g * g - v) * 0.001
                p -= rate * m / (torch.sqrt(v) + 1e-7)
    whole = [p.detach().numpy() for part, s in zip(own, moving + [[]]) for p in part + s]
    return losses, whole


def main():
    failed = False
    for dim, widths, n, batch, steps in ((1024, (512, 256, 128, 64, 4), 500, 64, 12),
                                         (23, (70, 33, 5), 40, 17, 30), (5, (3,), 12, 12, 20)):
        rng = np.random.default_rng(3)
        y = np.arange(n) % widths[-1]
        x = (rng.normal(size=(widths[-1], dim))[y] + 2 * rng.normal(size=(n, dim))).astype(np.float32)
        layers = start(dim, widths, rng)
        with tempfile.TemporaryDirectory() as where:
            np.save(where + "/x.npy", x)
            np.save(where + "/y.npy", y.astype(np.int64))
            np.save(where + "/widths.npy", np.array(widths, np.int64))
            np.save(where + "/parameters.npy", np.concatenate([p.ravel() for part in layers for p in part]))
            out = subprocess.run([sys.argv[1], "steps", "2", where, str(batch), str(steps)], check=True,
                                 capture_output=True, text=True).stdout
            have = np.fromfile(where + "/parameters.f32", np.float32)
        losses, want = peer(x, y, layers, batch, steps)
        apart = np.abs(np.array(out.split(), float) - losses).max()
        begin = [p for part, last in zip(layers, [False] * (len(layers) - 1) + [True])
                 for p in part + ([] if last else [np.zeros_like(part[1]), np.ones_like(part[1])])]
        off = at = 0
        for a, b in zip(begin, want):
            mine = have[at:at + b.size].reshape(b.shape)
            off = max(off, np.linalg.norm(mine - b) / np.linalg.norm(b - a))
            at += b.size
        assert at == have.size
        ok = apart < 1e-5 and off < 1e-3
        failed |= not ok
        print(f"{'ok  ' if ok else 'FAIL'} {dim}-{'-'.join(map(str, widths))}, {steps} steps of {batch}: losses "
              f"{losses[0]:.3f} to {losses[-1]:.3f}, {apart:.1e} apart; parameters {off:.1e} of their way apart")
    sys.exit(failed)


main()
