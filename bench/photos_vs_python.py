#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many photos, from files to embeddings: espy beside Python with ONNX Runtime and OpenCV.

Both decode, detect (SCRFD-500M), align (five points, 112 x 112) and embed (MobileFaceNet) the same
photos on two cores, by turns in one run.  espy's time is that of the whole process, `espy embed`, from
start to exit with its JSON written; Python's begins when modules, networks and threads are ready.

The peer is the better, for each set of photos, of
  files    two threads, each with whole photos, ONNX Runtime with one thread per call
  stages   two threads decode ahead, the networks run one after the other on two threads
and embeds crops in batches of 16 across photos.  It puts a photo into 640 x 640 as InsightFace does;
"tight" peers cut the input to the photo's shape as espy does, and "reduced" ones decode at half size.

  bench/photos_vs_python.py --espy build/espy [--sets 640,12mp,12mp-smooth] [--rounds 7]

A round counts when the two-core probe passes before and after each turn, and other programs took
little.  Without such rounds CPU seconds are reported alone.  Needs numpy, OpenCV and onnxruntime.
"""
import argparse
import concurrent.futures as futures
import json
import pathlib
import queue
import statistics
import tempfile
import threading
import time

from common import (QUIET, SHARED, Probe, Run, Watch, cv2, espy_environment, groups, machine, np, singles, spread,
                    write_photos)

try:
    import onnxruntime
except ImportError as missing:
    raise SystemExit(f"this benchmark needs onnxruntime: {missing}")

TEMPLATE = np.float32([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
                       [70.7299, 92.2041]])
MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
SIDE, BATCH = 640, 16
# width, height, strength of the grain, photos.  The time to decode grows with a file's size as much as
# with its pixels: with grain 12 megapixels take 3 MB as from a camera, without a fifth of that.
SETS = {"640": (640, 480, 3.0, 200), "12mp": (4000, 3000, 5.0, 32), "12mp-smooth": (4000, 3000, 0.0, 32)}


class Peer:
    def __init__(self, way, tight, reduced):
        self.way, self.tight = way, tight
        self.read = cv2.IMREAD_REDUCED_COLOR_2 if reduced else cv2.IMREAD_COLOR
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if way == "files" else 2
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        load = lambda name: onnxruntime.InferenceSession(str(SHARED / "models" / name), options,
                                                         providers=["CPUExecutionProvider"])
        self.detector, self.embedder = load("det_500m.onnx"), load("mobilefacenet.onnx")
        self.detector_in = self.detector.get_inputs()[0].name
        self.embedder_in = self.embedder.get_inputs()[0].name
        self.centres = {}
        self.pool = futures.ThreadPoolExecutor(2)

    def name(self):
        return self.way + (" tight" if self.tight else "") + (" reduced" if self.read != cv2.IMREAD_COLOR else "")

    def decode(self, path):
        return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), self.read)

    def cells(self, height, width, stride):
        key = height, width, stride
        if key not in self.centres:
            y, x = np.mgrid[:height // stride, :width // stride]
            self.centres[key] = np.repeat((np.stack([x, y], -1) * stride).reshape(-1, 2), 2, 0).astype(np.float32)
        return self.centres[key]

    def detect(self, image):
        """Boxes and five points in the picture's pixels."""
        h, w = image.shape[:2]
        scale = SIDE / max(h, w)
        small = cv2.resize(image, (int(w * scale), int(h * scale)))
        sides = [-(-s // 32) * 32 for s in small.shape[:2]] if self.tight else [SIDE, SIDE]
        canvas = np.zeros((*sides, 3), np.uint8)
        canvas[:small.shape[0], :small.shape[1]] = small
        blob = cv2.dnn.blobFromImage(canvas, 1 / 128, sides[::-1], (127.5, 127.5, 127.5), swapRB=True)
        out = self.detector.run(None, {self.detector_in: blob})
        boxes, points, scores = [], [], []
        for level, stride in enumerate((8, 16, 32)):
            score, box, point = (out[level + 3 * k].reshape(-1, n) for k, n in enumerate((1, 4, 10)))
            keep = np.nonzero(score[:, 0] >= 0.5)[0]
            centre = self.cells(*sides, stride)[keep]
            box, point = box[keep] * stride, point[keep] * stride
            boxes.append(np.concatenate([centre - box[:, :2], centre + box[:, 2:]], 1))
            points.append(point.reshape(-1, 5, 2) + centre[:, None])
            scores.append(score[keep, 0])
        boxes, points, scores = (np.concatenate(v) for v in (boxes, points, scores))
        keep = self.suppress(boxes, scores)
        return boxes[keep] / scale, points[keep] / scale

    @staticmethod
    def suppress(boxes, scores):
        order, keep = scores.argsort()[::-1], []
        area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
        while order.size:
            i, rest = order[0], order[1:]
            keep.append(i)
            low, high = np.maximum(boxes[i, :2], boxes[rest, :2]), np.minimum(boxes[i, 2:], boxes[rest, 2:])
            both = np.prod(np.maximum(0, high - low + 1), 1)
            order = rest[both / (area[i] + area[rest] - both) <= 0.4]
        return np.array(keep, int)

    @staticmethod
    def align(image, points):
        """Least squares over rotation and scale (Umeyama), in the plane."""
        a, b = points.mean(0), TEMPLATE.mean(0)
        z, w = (points - a) @ np.array([1, 1j]), (TEMPLATE - b) @ np.array([1, 1j])
        k = (z.conj() @ w) / (z.conj() @ z).real
        turn = np.array([[k.real, -k.imag], [k.imag, k.real]])
        return cv2.warpAffine(image, np.c_[turn, b - turn @ a], (112, 112))

    def embed(self, crops):
        blob = cv2.dnn.blobFromImages(crops, 1.0, (112, 112), MEAN.tolist(), swapRB=True)
        blob /= STD[None, :, None, None]
        v = self.embedder.run(None, {self.embedder_in: blob})[0]
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    def find(self, image):
        boxes, points = self.detect(image)
        return boxes, [self.align(image, p) for p in points]

    def run(self, paths):
        """{photo: (boxes, vectors)}"""
        return self.run_files(paths) if self.way == "files" else self.run_stages(paths)

    def run_files(self, paths):
        cv2.setNumThreads(1)
        lock, waiting, boxes, vectors = threading.Lock(), [], {}, {}

        def one(path):
            found, crops = self.find(self.decode(path))
            batches = []
            with lock:
                boxes[path], vectors[path] = found, [None] * len(crops)
                waiting.extend((path, i, crop) for i, crop in enumerate(crops))
                while len(waiting) >= BATCH:
                    batches.append(waiting[:BATCH])
                    del waiting[:BATCH]
            for batch in batches:
                place(batch)

        def place(batch):
            for (path, i, _), v in zip(batch, self.embed([crop for _, _, crop in batch])):
                vectors[path][i] = v

        list(self.pool.map(one, paths))
        if waiting:
            place(waiting)
        return {path: (boxes[path], vectors[path]) for path in paths}

    def run_stages(self, paths):
        cv2.setNumThreads(2)
        ahead, boxes, vectors, waiting = queue.Queue(), {}, {}, []
        paths_left = iter(paths)

        def send():
            path = next(paths_left, None)
            if path is not None:
                ahead.put((path, self.pool.submit(self.decode, path)))

        def place(batch):
            for (path, i, _), v in zip(batch, self.embed([crop for _, _, crop in batch])):
                vectors[path][i] = v

        for _ in range(4):
            send()
        while not ahead.empty():
            path, image = ahead.get()
            image = image.result()
            send()
            boxes[path], crops = self.find(image)
            vectors[path] = [None] * len(crops)
            waiting.extend((path, i, crop) for i, crop in enumerate(crops))
            while len(waiting) >= BATCH:
                place(waiting[:BATCH])
                del waiting[:BATCH]
        if waiting:
            place(waiting)
        return {path: (boxes[path], vectors[path]) for path in paths}


def overlap(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.prod(np.maximum(0, high - low))
    return both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both)


def agreement(ours, theirs):
    """Faces of both, of each, and the median cosine of those of both."""
    cosines, n_ours, n_theirs = [], 0, 0
    for line in ours:
        boxes, vectors = theirs[pathlib.Path(line["media"])]
        n_ours += len(line["samples"])
        n_theirs += len(boxes)
        for s in line["samples"]:
            x, y, w, h = s["box"]
            at = [overlap(np.float32([x, y, x + w, y + h]), b) for b in boxes]
            if at and max(at) > 0.5:
                cosines.append(float(np.dot(s["embedding"], vectors[int(np.argmax(at))])))
    return len(cosines), n_ours, n_theirs, statistics.median(cosines)


class Bench:
    def __init__(self, options, home):
        self.options, self.home, self.probe = options, home, Probe()
        self.environment = espy_environment(home)

    def ours(self, folder, precision, keep=False):
        return Run([self.options.espy, "embed", "--quiet", "--encoder", "mobilefacenet", "--precision", precision,
                    "--threads", "2", folder], self.environment, keep)

    @staticmethod
    def theirs(peer, paths):
        wall, cpu = time.perf_counter(), time.process_time()
        peer.run(paths)
        return time.perf_counter() - wall, time.process_time() - cpu

    def better(self, paths, tight, reduced):
        """The faster way for these photos: of two tries each, by turns, the least time."""
        peers = [Peer(way, tight, reduced) for way in ("files", "stages")]
        few = paths[:max(8, len(paths) // 4)]
        for peer in peers:
            peer.run(few[:4])
        times = [[self.theirs(peer, few)[0] for peer in peers] for _ in range(3)]
        return peers[int(np.argmin(np.min(times, 0)))]

    def compare(self, folder, paths, peer, precision):
        """Rounds of wall ratios that count, and CPU ratios of all rounds."""
        rows, counted, watch = [], [], None
        for _ in range(self.options.rounds * 3):
            calm = self.probe.two()
            watch = Watch()
            run = self.ours(folder, precision)
            calm = calm and watch.foreign() < QUIET
            calm = self.probe.two() and calm
            watch = Watch()
            wall, cpu = self.theirs(peer, paths)
            calm = calm and watch.foreign() < QUIET
            calm = self.probe.two() and calm
            rows.append((run.wall, run.cpu, wall, cpu))
            if calm:
                counted.append(rows[-1])
            if len(counted) >= self.options.rounds or (not counted and len(rows) >= self.options.rounds):
                break
        return rows, counted

    def report(self, name, paths, peer, precision, rows, counted):
        n = len(paths)
        use = counted or rows
        rate = lambda k: n / statistics.median(r[k] for r in use)
        print(f"{name:11} {precision:5} {peer.name():20} {rate(0):8.1f} {rate(2):8.1f}  "
              f"{spread([r[2] / r[0] for r in use], digits=2):20} {spread([r[3] / r[1] for r in rows], digits=2):20} "
              f"{len(counted)} of {len(rows)}{'' if counted else '  NOT QUIET: wall is no measure'}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--espy", required=True, help="the program")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--precisions", default="bf16,auto,f32")
    parser.add_argument("--photos", type=int, default=0, help="photos per set, 0: as each set has")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--stronger", action="store_true", help="also the tight and reduced peers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        bench = Bench(options, home)
        print(f"{machine()}; onnxruntime {onnxruntime.__version__}, OpenCV {cv2.__version__}, "
              f"numpy {np.__version__}")
        for name in options.sets.split(","):
            width, height, grain, count = SETS[name]
            count = options.photos or count
            few = [g for g in groups() if g.stat().st_size < 200000][:count // 10]
            folder = write_photos(pathlib.Path(home) / name, few + singles(count - len(few)), width, height, grain)
            paths = sorted(folder.iterdir())
            print(f"\n{name}: {len(paths)} photos, {len(few)} of groups, "
                  f"{sum(p.stat().st_size for p in paths) / len(paths) / 1e6:.2f} MB each")
            peers = [bench.better(paths, False, False)]
            if options.stronger:
                peers.append(bench.better(paths, True, False))
                peers += [bench.better(paths, True, True)] if width > 2000 else []
            theirs = peers[0].run(paths)
            for precision in options.precisions.split(","):
                run = bench.ours(folder, precision, keep=True)  # tunes; its time does not count
                both, n_ours, n_theirs, cosine = agreement([json.loads(l) for l in run.out.splitlines()], theirs)
                print(f"{precision}: {both} faces found by both, {n_ours} by espy, {n_theirs} by Python; median "
                      f"cosine {cosine:.4f}")
            print(f"{'set':11} {'':5} {'peer':20} {'espy/s':>8} {'peer/s':>8}  {'times as fast':20} {'CPU seconds':20} "
                  "rounds that count")
            for precision in options.precisions.split(","):
                for peer in peers:
                    bench.report(name, paths, peer, precision, *bench.compare(folder, paths, peer, precision))


if __name__ == "__main__":
    main()
