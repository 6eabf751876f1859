#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recordings, from files to embeddings: espy beside Python with ONNX Runtime; an hour at a stretch;
training from embeddings that are there.

  bench/sounds_vs_python.py --espy build/espy [embed] [hour] [train]      default: all

embed   Both read the same clips, bring the first four seconds to 16 kHz, make log-mel patches, run
        YAMNet and take the mean.  espy's time is that of the whole process, `espy embed DIR` on all
        cores, from start to exit with its JSON written; Python's begins when modules, networks and
        threads are ready.  The peer is the better of
          clips    a thread a core, each with whole clips, ONNX Runtime with one thread a call
          network  one clip after the other, ONNX Runtime with all cores
        with soundfile, soxr (high quality), numpy's FFT over all frames of a clip at once, and one
        call of the network a clip.
hour    `espy identify` on one core, on one hour and on four hours made of the clips.
train   `espy train` on 4,050 recordings of a patch each whose embeddings are in the workspace.

Clips are those of ../shared/data/sounds, else sentences of espeak-ng.  Needs numpy, soundfile and
soxr; for embed also onnxruntime.
"""
import argparse
import concurrent.futures as futures
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from common import QUIET, SHARED, Probe, Run, Watch, espy_environment, machine, np, run_small, spread

try:
    import soundfile
    import soxr
except ImportError as missing:
    raise SystemExit(f"this benchmark needs soundfile and soxr: {missing}")
try:
    import onnxruntime
except ImportError:
    onnxruntime = None

RATE, CLIP = 16000, 4.0
WINDOW, HOP, FFT, BANDS, FRAMES, STEP = 400, 160, 512, 64, 96, 48
PATCH, PATCH_STEP = (FRAMES - 1) * HOP + WINDOW, STEP * HOP
SILENT = 0.01
CLASSES = ("chainsaw", "dog_bark", "engine_idling", "gun_shot", "rain", "siren")
WEIGHTS = {"f32": ("yamnet", "f32"), "int8": ("yamnet-int8", "f32"), "bf16": ("yamnet", "bf16")}
SENTENCE = "The quick brown fox jumps over the lazy dog, number {}, and is not seen again until the evening."


def clips(home):
    """Paths of recordings, in folders of their classes."""
    sounds = SHARED / "data" / "sounds"
    if sounds.is_dir():
        return [p for label in CLASSES for p in sorted((sounds / label).iterdir())]
    if not shutil.which("espeak-ng"):
        raise SystemExit("this benchmark needs ../shared/data/sounds or espeak-ng; nothing was measured")
    made = []
    for voice in ("en+whisper", "en+croak", "en-gb+f5", "en-us+m7"):
        folder = home / "spoken" / voice
        folder.mkdir(parents=True)
        for i in range(40):
            made.append(folder / f"{i:02}.wav")
            subprocess.run(["espeak-ng", "-v", voice, "-w", str(made[-1]), SENTENCE.format(i)], check=True)
    return made


def read_mono(path, seconds=None):
    """Values at 16 kHz, float32."""
    with soundfile.SoundFile(str(path)) as f:
        more = -1 if seconds is None else int((seconds + 0.1) * f.samplerate)
        x, rate = f.read(more, dtype="float32", always_2d=True), f.samplerate
    x = x[:, 0] if x.shape[1] == 1 else x.mean(1)
    if rate != RATE:
        x = soxr.resample(x, rate, RATE, quality="HQ")
    return x if seconds is None else x[:int(seconds * RATE)]


# ---- embed --------------------------------------------------------------------------------------

def mel_matrix():
    mel = lambda hz: 1127 * np.log1p(np.asarray(hz) / 700.0)
    edges = np.linspace(mel(125), mel(7500), BANDS + 2)
    at = mel(np.arange(FFT // 2 + 1) * RATE / FFT)[:, None]
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    matrix = np.maximum(0, np.minimum((at - low) / (mid - low), (high - at) / (high - mid)))
    matrix[0] = 0
    return matrix.astype(np.float32)


class Peer:
    def __init__(self, way, cores):
        self.way, self.cores = way, cores
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if way == "clips" else cores
        options.inter_op_num_threads = 1
        self.net = onnxruntime.InferenceSession(str(SHARED / "models" / "yamnet_patch_f32.onnx"), options,
                                                providers=["CPUExecutionProvider"])
        self.mel = mel_matrix()
        self.window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
        self.pool = futures.ThreadPoolExecutor(cores)

    def embed(self, path):
        x = read_mono(path, CLIP)
        count = 1 if len(x) <= PATCH else 1 + -(-(len(x) - PATCH) // PATCH_STEP)
        x = np.pad(x, (0, PATCH + (count - 1) * PATCH_STEP - len(x)))
        frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP] * self.window
        log_mel = np.log(np.abs(np.fft.rfft(frames, FFT)).astype(np.float32) @ self.mel + np.float32(0.001))
        patches = np.lib.stride_tricks.sliding_window_view(log_mel, FRAMES, axis=0)[::STEP][:count].transpose(0, 2, 1)
        patches = np.ascontiguousarray(patches)[:, None]
        (v,) = self.net.run(["embedding"], {"patch": patches})
        heard = np.exp(patches.max((1, 2, 3))) - 0.001 >= SILENT
        v = v[heard if heard.any() else slice(None)].sum(0)
        return v / np.linalg.norm(v)

    def run(self, paths):
        each = self.pool.map if self.way == "clips" else map
        return np.array(list(each(self.embed, paths)))


def measure(peer, paths):
    """(wall, CPU) of the peer."""
    wall, cpu = time.perf_counter(), time.process_time()
    peer.run(paths)
    return time.perf_counter() - wall, time.process_time() - cpu


def installed(options, environment):
    listed = Run([options.espy, "models", "list", "--json"], environment, keep=True).out
    return {p["pack"] for p in map(json.loads, listed.splitlines()) if p["installed"]}


def bench_embed(options, environment, home, paths):
    if onnxruntime is None or not (SHARED / "models" / "yamnet_patch_f32.onnx").is_file():
        print("embed: not measured: needs onnxruntime and ../shared/models/yamnet_patch_f32.onnx")
        return
    folder = home / "clips"
    for copy in range(options.copies):
        for path in paths:
            to = folder / f"{copy}-{path.parent.name}-{path.name}"
            to.parent.mkdir(exist_ok=True)
            os.symlink(path.resolve(), to)
    files = sorted(folder.iterdir())
    there = installed(options, environment)
    cores = len(os.sched_getaffinity(0))
    peers = [Peer(way, cores) for way in ("clips", "network")]
    for p in peers:
        p.run(files[:64])
    peer = min(peers, key=lambda p: measure(p, files[:len(paths)])[0])
    theirs = peer.run(files)
    probe, f32 = Probe(), theirs
    print(f"\n{len(files)} clips; peer: {peer.way}; onnxruntime {onnxruntime.__version__}, numpy {np.__version__}")
    print("least cosine over the clips: to Python's vectors, and to espy's in f32")
    print(f"{'weights':7} {'to Python':>10} {'to f32':>10} {'espy/s':>8} {'peer/s':>8}  {'times as fast, wall':22} "
          f"{'CPU seconds':22} rounds that count")
    for name, (pack, precision) in WEIGHTS.items():
        if pack not in there:
            print(f"{name:7} the pack {pack} is not installed")
            continue
        command = [options.espy, "embed", folder, "--encoder", pack, "--precision", precision, "--json", "--quiet"]
        ours = [json.loads(line) for line in Run(command, environment, keep=True).out.splitlines()]
        vectors = np.array([o["samples"][0]["embedding"] for o in ours])
        assert [o["media"] for o in ours] == [str(f) for f in files]
        if name == "f32":
            f32 = vectors
        least, own = (vectors * theirs).sum(1).min(), (vectors * f32).sum(1).min()
        rows, counted = [], []
        for _ in range(options.rounds):
            calm, watch = probe.two(), Watch()
            run = Run(command, environment)
            wall, cpu = measure(peer, files)
            rows.append((run.wall, run.cpu, wall, cpu))
            if calm and watch.foreign() < QUIET and probe.two():
                counted.append(rows[-1])
        use = counted or rows
        rate = lambda k: len(files) / statistics.median(r[k] for r in use)
        print(f"{name:7} {least:10.6f} {own:10.6f} {rate(0):8.0f} {rate(2):8.0f}  "
              f"{spread([r[2] / r[0] for r in use], digits=2):22} {spread([r[3] / r[1] for r in rows], digits=2):22} "
              f"{len(counted)} of {len(rows)}{'' if counted else '  NOT QUIET: wall is no measure'}", flush=True)


# ---- hour ---------------------------------------------------------------------------------------

def write_hours(path, hours, sounds):
    order, n, all_of_it = np.random.default_rng(1), 0, int(hours * 3600 * RATE)
    with soundfile.SoundFile(str(path), "w", RATE, 1, "PCM_16") as f:
        while n < all_of_it:
            x = sounds[order.integers(len(sounds))][:all_of_it - n]
            f.write(x)
            n += len(x)


def bench_hour(options, environment, home, paths):
    learned = home / "learned"
    for path in paths:
        if path.parent.name not in ("rain", "siren"):
            to = learned / path.parent.name / path.name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    sounds, there = [read_mono(p) for p in paths], installed(options, environment)
    core = str(max(os.sched_getaffinity(0)))
    print(f"\none hour of {RATE} Hz through espy identify, whole process, one core")
    print(f"{'pack':12} {'precision':9} {'hours':>5} {'s, wall':>8} {'s, CPU':>8} {'times real time':>16} {'peak MiB':>9}")
    for pack, precision in (("yamnet", "f32"), ("yamnet-int8", "f32"), ("yamnet", "bf16"), ("melstats", "f32")):
        if pack not in there:
            continue
        common = ["--encoder", pack, "--precision", precision, "--workspace", home / f"w-{pack}-{precision}", "--quiet"]
        Run([options.espy, "train", learned, *common], environment)
        for hours in (1, 4) if (pack, precision) == ("yamnet", "f32") else (1,):
            long = home / f"{hours}h.wav"
            if not long.exists():
                write_hours(long, hours, sounds)
            command = [options.espy, "identify", long, "--threads", "1", *common]
            run_small([*command[:3], "--length", "60", *command[3:]], environment, core)  # tunes
            best = min((run_small(command, environment, core) for _ in range(1 if hours > 1 else 3)), key=lambda r: r.wall)
            print(f"{pack:12} {precision:9} {hours:5} {best.wall:8.1f} {best.cpu:8.1f} {hours * 3600 / best.cpu:16.0f} "
                  f"{best.peak / 2**20:9.0f}", flush=True)


# ---- train --------------------------------------------------------------------------------------

def bench_train(options, environment, home, paths):
    """Stretches of 0.96 s of the clips, at places and levels drawn with a fixed seed."""
    draw, labels = np.random.default_rng(2), sorted({p.parent.name for p in paths})
    for k, label in enumerate(labels):
        sounds = [read_mono(p) for p in paths if p.parent.name == label]
        folder = home / "many" / label
        folder.mkdir(parents=True)
        for i in range(options.samples * (k + 1) // len(labels) - options.samples * k // len(labels)):
            x = sounds[draw.integers(len(sounds))]
            at = draw.integers(max(1, len(x) - PATCH))
            soundfile.write(str(folder / f"piece{i:04}.wav"), x[at:at + PATCH] * draw.uniform(0.5, 1), RATE)
    pack = next((p for p in ("yamnet", "melstats") if p in installed(options, environment)))
    common = [options.espy, "train", home / "many", "--encoder", pack, "--workspace", home / "w-many", "--quiet"]
    first = Run(common + ["--head", "knn"], environment)
    print(f"\n{options.samples} recordings of {len(labels)} classes, {pack}; the first training, which embeds them: "
          f"{first.wall:.1f} s")
    print(f"{'head':10} {'s, wall':>8} {'s, CPU':>8} {'peak MiB':>9}   embeddings from the workspace, all cores")
    for head in options.heads.split(","):
        run = run_small([*common, "--head", head], environment)
        print(f"{head:10} {run.wall:8.1f} {run.cpu:8.1f} {run.peak / 2**20:9.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--espy", required=True, help="the program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--copies", type=int, default=3, help="embed: how often each clip is there")
    parser.add_argument("--samples", type=int, default=4050, help="train: recordings")
    parser.add_argument("--heads", default="logistic,mlp,svm,knn", help="train: which")
    parser.add_argument("part", nargs="*", choices=["embed", "hour", "train", []], default=[])
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as home:
        environment, home = espy_environment(home), pathlib.Path(home)
        paths = clips(home)
        for part in options.part or ("embed", "hour", "train"):
            {"embed": bench_embed, "hour": bench_hour, "train": bench_train}[part](options, environment, home, paths)


if __name__ == "__main__":
    main()
