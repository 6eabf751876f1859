#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times espy's engine against ONNX Runtime, paired: rounds of the one and the other alternate on the
same core, and what is reported is the ratio of their times in each round (median, least, greatest).
With one thread times are of the CPU, so that other load on the machine is not counted; with more they
are of the wall clock.

  bench/nn_vs_ort.py --bench build/bench/nn_bench NET.onnx ...
  bench/nn_vs_ort.py --load ...       seconds from file to first answer, each time in a new process
  bench/nn_vs_ort.py --threads 2 ...  only rounds in which both cores were really there count: a loop
                                      of multiply-adds on both must reach 1.77 x what one core gives,
                                      before and after, 40 ms after the last program's threads slept

Columns: ratio = time of espy / time of ONNX Runtime (below 1 is faster), GFLOP/s and percent of the
peak that the same core reached in a loop on registers, the largest difference of an output value
relative to the largest output, and the cosine of the outputs.  Needs numpy and onnxruntime.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import onnxruntime
except ImportError as missing:
    sys.exit(f"this benchmark needs numpy and onnxruntime: {missing}")

TWO_CORES = 1.77  # of one core's peak: 195 of 110 GFLOP/s
SETTLE = 0.040


class Engine:
    """nn_bench --serve behind a pipe."""

    def __init__(self, path):
        self.process = subprocess.Popen([path, "--serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if not words or words[0] == "error":
            raise RuntimeError(" ".join(words[1:]) or "nn_bench died")
        return words[1:]

    def load(self, path, precision, threads, tune, batch, side):
        words = self.ask(f"load {path} {precision} {threads} {int(tune)} {batch} {side}")
        return int(words[0]), float(words[1]), float(words[2])

    def run(self, number, count):
        return [float(w) for w in self.ask(f"run {number} {count}")]

    def peak(self, precision, threads, milliseconds=20):
        return float(self.ask(f"peak {precision} {threads} {milliseconds}")[0])

    def close(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


def ort_session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shapes(session, batch, side):
    found = []
    for port in session.get_inputs():
        dims = [d if isinstance(d, int) and d > 0 else (batch if i == 0 else side)
                for i, d in enumerate(port.shape)]
        found.append((port.name, dims))
    return found


def compare(engine, number, session, ports):
    """Outputs on the engine's own input: largest relative difference and least cosine."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "values"
        engine.ask(f"dump {number} {path}")
        values = np.fromfile(path, np.float32)
    feed, at = {}, 0
    for name, dims in ports:
        count = int(np.prod(dims))
        feed[name] = values[at:at + count].reshape(dims)
        at += count
    worst, cosine = 0.0, 1.0
    for out in session.run(None, feed):
        own = values[at:at + out.size].astype(np.float64)
        at += out.size
        peer = out.reshape(-1).astype(np.float64)
        worst = max(worst, np.abs(own - peer).max() / max(np.abs(peer).max(), 1e-30))
        cosine = min(cosine, own @ peer / max(np.linalg.norm(own) * np.linalg.norm(peer), 1e-30))
    return feed, worst, cosine


def ort_times(session, feed, count, threads):
    clock = time.process_time if threads == 1 else time.perf_counter
    times = []
    for _ in range(count):
        start = clock()
        session.run(None, feed)
        times.append(1e3 * (clock() - start))
    return times


def two_cores(engine, one):
    time.sleep(SETTLE)
    return engine.peak("f32", 2) >= TWO_CORES * one


def bench(engine, path, precision, options):
    number, _, macs = engine.load(path, precision, options.threads, not options.no_tune,
                                  options.batch, options.side)
    session = ort_session(path, options.threads)
    ports = shapes(session, options.batch, options.side)
    feed, worst, cosine = compare(engine, number, session, ports)
    once = ort_times(session, feed, 2, options.threads)[1]
    engine.run(number, 2)
    count = max(1, min(20, int(options.slice / once)))
    ours, theirs, ratios, peaks, rejected = [], [], [], [], 0
    one = max(engine.peak("f32", 1) for _ in range(3)) if options.threads == 2 else 0
    while len(ratios) < options.rounds and rejected < 20 * options.rounds:
        if options.threads == 2 and not two_cores(engine, one):
            rejected += 1
            continue
        a = engine.run(number, count)
        if options.threads == 2:
            time.sleep(SETTLE)
        b = ort_times(session, feed, count, options.threads)
        if options.threads == 2 and not two_cores(engine, one):
            rejected += 1
            continue
        peaks.append(engine.peak(precision, options.threads, 10))
        ours.append(statistics.median(a))
        theirs.append(statistics.median(b))
        ratios.append(ours[-1] / theirs[-1])
    if not ratios:
        return f"{path.stem[:24]:24} {precision:5} no round with two free cores in {rejected}"
    mine = statistics.median(ours)
    gflops = 2e-6 * macs / mine
    percent = 100 * gflops / max(peaks)
    return (f"{path.stem[:24]:24} {precision:5} {options.batch:3} {options.threads:3} {mine:9.3f} "
            f"{statistics.median(theirs):9.3f}  {statistics.median(ratios):5.3f} "
            f"[{min(ratios):5.3f}..{max(ratios):5.3f}] {gflops:8.1f} {percent:6.1f}  {worst:8.1e} "
            f"{cosine:9.6f}" + (f"  {rejected} rejected" if rejected else ""))


ORT_LOAD = """
import sys, time
import numpy as np, onnxruntime
clock = time.process_time if sys.argv[2] == "1" else time.perf_counter
start = clock()
o = onnxruntime.SessionOptions()
o.intra_op_num_threads = int(sys.argv[2])
o.log_severity_level = 4
s = onnxruntime.InferenceSession(sys.argv[1], o, providers=["CPUExecutionProvider"])
feed = {}
for p in s.get_inputs():
    dims = [d if isinstance(d, int) and d > 0 else (int(sys.argv[3]) if i == 0 else int(sys.argv[4]))
            for i, d in enumerate(p.shape)]
    feed[p.name] = np.full(dims, 0.5, np.float32)
s.run(None, feed)
print(clock() - start)
"""


def load_times(path, precision, options):
    """Medians of load times in new processes: ours with a cold and a warm tuning cache, theirs."""
    base = [options.bench, "--load", "--threads", str(options.threads), "--batch", str(options.batch),
            "--side", str(options.side)] + (["--bf16"] if precision == "bf16" else [])

    def ours(extra, cache):
        environment = dict(os.environ, XDG_CACHE_HOME=cache)
        run = subprocess.run(base + extra + [str(path)], env=environment, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        return float(run.stdout)

    def theirs():
        run = subprocess.run([sys.executable, "-c", ORT_LOAD, str(path), str(options.threads),
                              str(options.batch), str(options.side)], capture_output=True, text=True)
        return float(run.stdout)

    with tempfile.TemporaryDirectory() as cache:
        cold = ours([], cache)
        warm, plain, peer = [], [], []
        for _ in range(max(3, options.rounds // 3)):
            peer.append(theirs())
            warm.append(ours([], cache))
            plain.append(ours(["--no-tune"], cache))
    ratio = statistics.median(w / p for w, p in zip(warm, peer))
    return (f"{path.stem[:24]:24} {precision:5} {1e3 * statistics.median(peer):9.1f} "
            f"{1e3 * statistics.median(warm):9.1f} {1e3 * statistics.median(plain):9.1f} "
            f"{1e3 * cold:9.1f}  {ratio:6.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="+", type=pathlib.Path)
    parser.add_argument("--bench", required=True, help="path of the program nn_bench")
    parser.add_argument("--precision", choices=["f32", "bf16", "both"], default="both")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--side", type=int, default=640, help="for pictures whose size is free")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--slice", type=float, default=60, help="milliseconds of one program's turn")
    parser.add_argument("--no-tune", action="store_true")
    parser.add_argument("--load", action="store_true")
    options = parser.parse_args()
    engine = Engine(options.bench)
    precisions = ["f32", "bf16"] if options.precision == "both" else [options.precision]
    print(f"onnxruntime {onnxruntime.__version__}; one core gives {engine.peak('f32', 1, 100):.0f} GFLOP/s "
          f"in f32, {engine.peak('bf16', 1, 100):.0f} in bf16")
    if options.load:
        print(f"{'load, ms':24} {'':5} {'ORT':>9} {'warm':>9} {'untuned':>9} {'cold':>9}  warm/ORT")
    else:
        print(f"{'network':24} {'':5} {'n':>3} {'thr':>3} {'espy ms':>9} {'ORT ms':>9}  ratio "
              f"{'[least..most]':15} {'GFLOP/s':>8} {'% peak':>6}  {'max diff':>8} {'cosine':>9}")
    for path in options.nets:
        for precision in precisions:
            try:
                line = (load_times if options.load else bench)(
                    *((path, precision, options) if options.load else (engine, path, precision, options)))
            except (RuntimeError, ValueError) as problem:
                line = f"{path.stem[:24]:24} {precision:5} {problem}"
            print(line, flush=True)
    engine.close()


if __name__ == "__main__":
    main()
