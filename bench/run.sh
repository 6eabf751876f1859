#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every benchmark, each beside its peer in one run: make bench.  What cannot be measured here says why.
#
#   bench/run.sh [nn] [learn] [cluster] [index] [mlp] [photos] [identify] [memory] [sounds] [serve]      default: all
#
# Peers: ONNX Runtime, scikit-learn, torch, OpenCV, soundfile, soxr and numpy of the python3 in $PYTHON, else of a virtual
# environment that is made from PyPI in build-bench/, else Debian's packages.  Photos and networks come
# from $ESPY_SHARED, else from ../shared.  Figures that were measured are in docs/benchmarks.md
# and docs/performance.md.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
shared=${ESPY_SHARED:-$root/../shared}
build=$root/build-bench
export ESPY_SOURCE_ROOT="${ESPY_SOURCE_ROOT:-$root}"

if [ ! -f "$build/build.ninja" ]; then
    said=$(meson setup "$build" "$root" -Dbench=true 2>&1) || {
        echo "$said" | tail -n 20 >&2
        exit 1
    }
fi
ninja -C "$build" >/dev/null

can() {
    "$python" -c "import $1" 2>/dev/null
}
python=${PYTHON:-}
if [ -z "$python" ]; then
    python=$build/python/bin/python
    if [ ! -x "$python" ]; then
        python3 -m venv --system-site-packages "$build/python" 2>/dev/null || true
        "$python" -m pip install --quiet onnxruntime soxr fastapi uvicorn uvloop httptools orjson 2>/dev/null ||
            echo "bench: ONNX Runtime, soxr and FastAPI could not be installed from PyPI; what needs them is left out" >&2
    fi
    [ -x "$python" ] || python=python3
fi

section() {
    printf '\n== %s\n' "$1"
}
# left_out WHAT WHY
left_out() {
    echo "$1: not measured: $2"
}

bench_nn() {
    section "networks against ONNX Runtime, one thread, batch 1"
    can onnxruntime || { left_out networks "python has no onnxruntime"; return 0; }
    nets=
    for name in mobilefacenet scrfd_500m_kps scrfd_2.5g_kps yamnet_patch_f32; do
        [ -f "$shared/models/$name.onnx" ] && nets="$nets $shared/models/$name.onnx"
    done
    if can onnx && "$python" "$root/tools/make_bench_nets.py" "$build/nets" >/dev/null 2>&1; then
        nets="$nets $(echo "$build"/nets/*.onnx)"
    fi
    [ -n "$nets" ] || { left_out networks "there are none in $shared/models"; return 0; }
    # shellcheck disable=SC2086 # the names are words
    "$python" "$root/bench/nn_vs_ort.py" --bench "$build/bench/nn_bench" $nets
    section "load, file to first answer"
    # shellcheck disable=SC2086
    "$python" "$root/bench/nn_vs_ort.py" --bench "$build/bench/nn_bench" --load $nets
    section "two threads"
    # shellcheck disable=SC2086
    "$python" "$root/bench/nn_vs_ort.py" --bench "$build/bench/nn_bench" --threads 2 $nets
    section "batch 16"
    # shellcheck disable=SC2086
    "$python" "$root/bench/nn_vs_ort.py" --bench "$build/bench/nn_bench" --batch 16 --rounds 7 $nets
}

bench_learn() {
    section "learning against scikit-learn"
    can sklearn || { left_out learning "python has no sklearn"; return 0; }
    "$python" "$root/bench/learn_vs_sklearn.py" --tool "$build/tests/head/head_run"
}

bench_cluster() {
    section "clustering against scikit-learn"
    can sklearn || { left_out clustering "python has no sklearn"; return 0; }
    "$python" "$root/bench/cluster_vs_sklearn.py" --tool "$build/tests/learn/cluster_run"
}

bench_mlp() {
    section "the perceptron against torch"
    can "torch, cv2" || { left_out mlp "python lacks torch or cv2"; return 0; }
    "$python" "$root/bench/mlp_vs_torch.py" --tool "$build/tests/learn/mlp_run"
}

# Sizes as in docs/benchmarks.md take an hour: SIZES="1000000:128 200000:512".
bench_index() {
    section "nearest vectors against FAISS and hnswlib"
    [ -x "$build/bench/index_vs_peers" ] || { left_out index "libfaiss-dev or libhnswlib-dev is not installed"; return 0; }
    for size in ${SIZES:-20000:128 20000:512}; do
        "$build/bench/index_vs_peers" --n "${size%:*}" --dim "${size#*:}"
    done
}

bench_photos() {
    section "many photos, files to embeddings, against Python"
    [ -d "$shared/data/faces" ] || { left_out photos "they are in ../shared/data/faces, which is absent"; return 0; }
    can "onnxruntime, cv2, numpy" || { left_out photos "python lacks onnxruntime, cv2 or numpy"; return 0; }
    "$python" "$root/bench/photos_vs_python.py" --espy "$build/src/cli/espy" --stronger
}

bench_identify() {
    section "espy identify, start to answer"
    [ -d "$shared/data/faces" ] || { left_out identify "photos are in ../shared/data/faces, which is absent"; return 0; }
    can "cv2, numpy" || { left_out identify "python lacks cv2 or numpy"; return 0; }
    "$python" "$root/bench/identify_latency.py" --espy "$build/src/cli/espy"
}

bench_memory() {
    section "training, peak memory"
    [ -d "$shared/data/faces" ] || { left_out memory "photos are in ../shared/data/faces, which is absent"; return 0; }
    can "cv2, numpy" || { left_out memory "python lacks cv2 or numpy"; return 0; }
    "$python" "$root/bench/train_memory.py" --espy "$build/src/cli/espy" --large 60
}

bench_sounds() {
    section "recordings: files to embeddings against Python, an hour at a stretch, training"
    can "soundfile, soxr, numpy" || { left_out sounds "python lacks soundfile, soxr or numpy"; return 0; }
    "$python" "$root/bench/sounds_vs_python.py" --espy "$build/src/cli/espy"
}

bench_serve() {
    section "espy serve against FastAPI with ONNX Runtime"
    command -v wrk >/dev/null || { left_out serve "wrk is not installed"; return 0; }
    [ -d "$shared/data/faces" ] || { left_out serve "photos are in ../shared/data/faces, which is absent"; return 0; }
    can "fastapi, uvicorn, uvloop, httptools, orjson, onnxruntime, cv2, numpy" ||
        { left_out serve "python lacks fastapi, uvicorn, uvloop, httptools, orjson, onnxruntime, cv2 or numpy"; return 0; }
    "$python" "$root/bench/serve_vs_fastapi.py" --espy "$build/src/cli/espy"
}

[ $# -gt 0 ] || set -- nn learn cluster index mlp photos identify memory sounds serve
for part in "$@"; do
    case $part in
    nn | learn | cluster | index | mlp | photos | identify | memory | sounds | serve) "bench_$part" ;;
    *)
        echo "bench: there is no part '$part'; choose of: nn learn cluster index mlp photos identify memory sounds serve" >&2
        exit 2
        ;;
    esac
done
