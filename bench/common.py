# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the whole program share: sets of photos, runs of espy, the two-core probe."""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

try:
    import numpy as np
except ImportError as missing:
    raise SystemExit(f"this benchmark needs numpy: {missing}")
try:
    import cv2
except ImportError:
    cv2 = None  # sounds do without

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("ESPY_SHARED", ROOT.parent / "shared"))
TWO_CORES = 1.77  # of one core's best: a virtual machine at times gives two cores the time of one
SETTLE = 0.040    # seconds until the threads of what was measured before sleep
QUIET = 0.08      # of two cores: what other programs may take during a slice that counts


def need_shared():
    if cv2 is None:
        raise SystemExit("this benchmark needs OpenCV")
    faces = SHARED / "data" / "faces"
    if not faces.is_dir():
        raise SystemExit("this benchmark needs the photos of ../shared/data/faces; nothing was measured")
    return faces


# ---- photos ------------------------------------------------------------------------------------

def singles(count):
    """Photos of one person each, 250 x 250, from as many people as there are."""
    faces, names, seen = need_shared(), [], set()
    for path in sorted((faces / "lfw_pairs").rglob("*.jpg")) + sorted((faces / "lfw10").rglob("*.jpg")):
        person = path.stem.rsplit("_", 1)[0]
        if person not in seen:
            seen.add(person)
            names.append(path)
    return names[:count]


def groups():
    return sorted((need_shared() / "groups").glob("*.jpg"))


def write_photos(folder, sources, width, height, grain, quality=93):
    """The sources scaled to cover width x height (or, with height 0, to a longer side of width), with
    a sensor's grain, without which enlarged photos would be smaller files than real ones."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7).normal(0, grain, (1024, 1024, 3)).astype(np.float32)
    for i, source in enumerate(sources):
        image = cv2.imread(str(source))
        h, w = image.shape[:2]
        scale = max(width / w, height / h) if height else width / max(w, h)
        size = round(w * scale), round(h * scale)
        image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
        if height:
            top, left = (size[1] - height) // 3, (size[0] - width) // 2
            image = image[top:top + height, left:left + width]
        if grain:
            h, w = image.shape[:2]
            tiled = np.tile(noise, (h // 1024 + 1, w // 1024 + 1, 1))[:h, :w]
            image = np.clip(image.astype(np.float32) + tiled, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{i:04d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return folder


def altered_people(folder, people, each):
    """A folder per person: one photo, turned, scaled, mirrored and made lighter or darker."""
    random = np.random.default_rng(11)
    for n, source in enumerate(singles(people)):
        image = cv2.imread(str(source))
        h, w = image.shape[:2]
        person = pathlib.Path(folder) / f"{n:03d}_{source.stem}"
        person.mkdir(parents=True)
        for k in range(each):
            turn = cv2.getRotationMatrix2D((w / 2, h / 2), random.uniform(-8, 8), random.uniform(0.9, 1.1))
            out = cv2.warpAffine(image, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
            out = cv2.convertScaleAbs(out, alpha=random.uniform(0.7, 1.2), beta=random.uniform(-15, 15))
            if k % 2:
                out = out[:, ::-1]
            cv2.imwrite(str(person / f"{k:03d}.jpg"), out, [cv2.IMWRITE_JPEG_QUALITY, 92])


# ---- running -----------------------------------------------------------------------------------

# The kernel counts the memory of the process that starts a program as the program's: start it from a
# small one.  First argument: cores it may use, "-" for all.
LAUNCHER = """
import os, resource, subprocess, sys
if sys.argv[1] != "-":
    os.sched_setaffinity(0, {int(c) for c in sys.argv[1].split(",")})
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""


def run_small(command, environment, cores="-"):
    """A Run whose .peak is the program's own peak of resident memory in bytes."""
    run = Run([sys.executable, "-S", "-c", LAUNCHER, cores, *command], environment, keep=True)
    run.peak = int(run.out)
    return run



class Run:
    """One run of a program to its end: seconds of the wall and of the CPU, output."""

    def __init__(self, command, environment=None, keep=False):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.perf_counter()
            child = subprocess.Popen([str(c) for c in command], env=environment, stdin=subprocess.DEVNULL,
                                     stdout=out if keep else subprocess.DEVNULL, stderr=err)
            _, status, usage = os.wait4(child.pid, 0)
            self.wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            err.seek(0)
            out.seek(0)
            self.out = out.read().decode()
            if child.returncode not in (0, 1):
                raise SystemExit(f"{' '.join(str(c) for c in command)}: {err.read().decode().strip()}")
        self.cpu = usage.ru_utime + usage.ru_stime


def espy_environment(home):
    """espy with a tuning cache of its own, and with the shared networks."""
    return dict(os.environ, XDG_CACHE_HOME=str(home), ESPY_SOURCE_ROOT=os.environ.get("ESPY_SOURCE_ROOT", str(ROOT)))


def cpu_now():
    """Seconds that all CPUs were busy or stolen, and that this process and its ended children used."""
    ticks = [int(w) for w in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    busy = (sum(ticks[:8]) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return busy, sum(u.ru_utime + u.ru_stime for u in used)


class Watch:
    """Share of two cores that others took between start and now."""

    def __init__(self):
        self.busy, self.own = cpu_now()
        self.start = time.perf_counter()

    def foreign(self):
        busy, own = cpu_now()
        passed = time.perf_counter() - self.start
        return max(0.0, ((busy - self.busy) - (own - self.own)) / (2 * passed))


class Probe:
    """Whether two cores are really there: products of small matrices, which stay in a core's own
    cache, on one thread and on two.  numpy releases the interpreter during each."""

    def __init__(self):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        self.a = np.random.default_rng(1).random((192, 192), dtype=np.float32)
        self.one = max(self.rate(1) for _ in range(5))

    def burn(self, counts, i, seconds):
        end, out, n = time.perf_counter() + seconds, np.empty_like(self.a), 0
        while time.perf_counter() < end:
            np.dot(self.a, self.a, out)
            n += 1
        counts[i] = n

    def rate(self, threads, seconds=0.03):
        counts = [0] * threads
        others = [threading.Thread(target=self.burn, args=(counts, i, seconds)) for i in range(1, threads)]
        start = time.perf_counter()
        for t in others:
            t.start()
        self.burn(counts, 0, seconds)
        for t in others:
            t.join()
        return sum(counts) / (time.perf_counter() - start)

    def two(self):
        time.sleep(SETTLE)
        self.one = max(self.one, self.rate(1, 0.01))
        return max(self.rate(2), self.rate(2)) >= TWO_CORES * self.one


def spread(values, unit=1.0, digits=3):
    values = sorted(v * unit for v in values)
    return f"{statistics.median(values):.{digits}f} [{values[0]:.{digits}f}..{values[-1]:.{digits}f}]"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n")
                  if line.startswith("model name")), "unknown CPU")
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
