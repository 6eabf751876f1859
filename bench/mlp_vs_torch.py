#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training of the perceptron against torch on the CPU, by turns in one run on one machine.

usage: mlp_vs_torch.py [--tool BUILD/tests/learn/mlp_run] [--rounds 5] [--epochs 12] [--seeds 10]

Both sides train 512-256-128-64 with batch normalisation and dropout on 2,650 x 1024 values of 4
classes in batches of 64 and validate on 468 after each epoch.  torch runs with all cores and with
one, and the faster counts.  Ratios are those of the fastest epochs of all rounds and of processor
time per epoch, of espy with start and end shared out; what other programs took of two cores stands beside each round.  Then both train to
their early stop from several seeds, and the accuracies of the kept epochs are compared: mean and its standard error.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

try:
    import numpy as np
    import torch
except ImportError as missing:
    raise SystemExit(f"this benchmark needs torch (Debian: python3-torch): {missing}")

from common import Watch, machine, spread

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES, DIM, BATCH = 4, 1024, 64
TRAIN, CHECK = 2650, 468


def sounds(rng, n, centres):
    """Classes of several kinds each, overlapping, and some wrong labels: about four of five are told."""
    kind = rng.integers(0, len(centres), n)
    x = centres[kind] + 1.9 * rng.normal(size=(n, DIM)) * np.exp(-np.arange(DIM) / 600)
    y = kind % CLASSES
    wrong = rng.random(n) < 0.08
    y[wrong] = rng.integers(0, CLASSES, wrong.sum())
    return x.astype(np.float32), y.astype(np.int64)


def data(where):
    rng = np.random.default_rng(4)
    centres = 0.16 * rng.normal(size=(6 * CLASSES, DIM))
    train, check = sounds(rng, TRAIN, centres), sounds(rng, CHECK, centres)
    mean, deviation = train[0].mean(), train[0].std()
    sets = [((x - mean) / deviation, y) for x, y in (train, check)]
    for (x, y), prefix in zip(sets, ("", "v")):
        np.save(f"{where}/{prefix}x.npy", x)
        np.save(f"{where}/{prefix}y.npy", y)
    return [(torch.tensor(x), torch.tensor(y)) for x, y in sets]


def ours(tool, where, threads, epochs, seed):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([tool, "fit", str(threads), where, str(epochs), str(seed)], check=True,
                         capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(out)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result, cpu / len(result["epochs"])


class Peer:
    """The same network and training rule in torch."""

    def __init__(self, train, check, seed, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.train, self.check = train, check
        layers, last = [], DIM
        for width, drop in zip((512, 256, 128, 64), (0.5, 0.4, 0.3, 0.2)):
            layers += [torch.nn.Linear(last, width), torch.nn.ReLU(),
                       torch.nn.BatchNorm1d(width, eps=1e-3, momentum=0.01), torch.nn.Dropout(drop)]
            last = width
        layers.append(torch.nn.Linear(last, CLASSES))
        self.net = torch.nn.Sequential(*layers)
        for layer in self.net:
            if isinstance(layer, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(layer.weight)
                torch.nn.init.zeros_(layer.bias)
        self.loss = torch.nn.CrossEntropyLoss()
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-3, eps=1e-7)

    def epoch(self):
        x, y = self.train
        self.net.train()
        order = torch.randperm(len(y))
        for at in range(0, len(y), BATCH):
            batch = order[at:at + BATCH]
            self.adam.zero_grad()
            self.loss(self.net(x[batch]), y[batch]).backward()
            self.adam.step()
        self.net.eval()
        with torch.no_grad():
            out = self.net(self.check[0])
            return self.loss(out, self.check[1]).item(), (out.argmax(1) == self.check[1]).float().mean().item()

    def timed(self, epochs):
        walls, cpus = [], []
        for _ in range(epochs):
            start, cpu = time.perf_counter(), time.process_time()
            self.epoch()
            walls.append(time.perf_counter() - start)
            cpus.append(time.process_time() - cpu)
        return min(walls), min(cpus)

    def to_the_end(self):
        """Accuracy of the epoch with the least validation loss."""
        best, kept, flat_best, flat, waited = np.inf, 0.0, np.inf, 0, 0
        for _ in range(100):
            loss, accuracy = self.epoch()
            waited += 1
            if loss < best:
                best, kept, waited = loss, accuracy, 0
            flat += 1
            if loss < flat_best - 1e-4:
                flat_best, flat = loss, 0
            elif flat >= 7:
                self.adam.param_groups[0]["lr"] = max(self.adam.param_groups[0]["lr"] / 2, 1e-7)
                flat = 0
            if waited >= 15:
                break
        return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=os.environ.get("MLP_RUN", str(ROOT / "build/tests/learn/mlp_run")))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12, help="of each side and round")
    parser.add_argument("--seeds", type=int, default=10)
    a = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"torch {torch.__version__}; {machine()}; load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as where:
        train, check = data(where)
        times = {name: [] for name in ("espy", "espy 1", "torch", "torch 1")}
        cpus = {name: [] for name in times}
        for number in range(a.rounds):
            watch = Watch()
            for name in times:
                threads = 1 if name.endswith(" 1") else cores
                if name.startswith("espy"):
                    result, cpu = ours(a.tool, where, threads, a.epochs, number + 1)
                    wall = min(e["seconds"] for e in result["epochs"])
                else:
                    wall, cpu = Peer(train, check, number + 1, threads).timed(a.epochs)
                times[name].append(wall)
                cpus[name].append(cpu)
            print(f"round {number + 1}: " + ", ".join(f"{n} {1e3 * t[-1]:.0f} ms" for n, t in times.items()) +
                  f"; others took {100 * watch.foreign():.0f} % of two cores", flush=True)
        for name in times:
            print(f"{name + ('' if name[-1] == '1' else f' {cores}')} threads: fastest epochs of the rounds, ms: "
                  f"{spread(times[name], 1e3, 0)}; processor {spread(cpus[name], 1e3, 0)}")
        best = min(times["torch"] + times["torch 1"])
        mine = min(times["espy"])
        print(f"an epoch: espy {1e3 * mine:.0f} ms, torch {1e3 * best:.0f} ms: ratio {mine / best:.2f}; on one thread "
              f"{min(times['espy 1']) / min(times['torch 1']):.2f}; processor time "
              f"{min(cpus['espy 1']) / min(cpus['torch 1']):.2f}", flush=True)
        accuracy = {"espy": [], "torch": []}
        for seed in range(1, a.seeds + 1):
            result, _ = ours(a.tool, where, cores, 100, seed)
            accuracy["espy"].append(result["epochs"][result["best"]]["val_accuracy"])
            accuracy["torch"].append(Peer(train, check, seed, 1).to_the_end())
        for name, values in accuracy.items():
            print(f"{name}: accuracy of the kept epoch over {a.seeds} seeds: "
                  f"{100 * np.mean(values):.1f} % +- {100 * np.std(values) / len(values) ** 0.5:.1f}, median "
                  f"{spread(values, 100, 1)}")


main()
