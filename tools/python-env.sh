#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a Python that has Keras, jax and ONNX Runtime, for the tests that compare with
# them.  It is made from PyPI once, in the cache folder, within two minutes; where PyPI is not reached,
# says so and fails.  A Python of your own: set ESPY_KERAS_PYTHON instead.
set -eu
home=${XDG_CACHE_HOME:-$HOME/.cache}/espy/python
if [ ! -f "$home/complete" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    if ! python3 -m venv "$home" >/dev/null 2>&1 ||
        ! timeout 120 "$home/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 15 \
            keras jax onnxruntime >/dev/null 2>&1; then
        rm -rf "$home"
        echo "Keras and ONNX Runtime could not be had from PyPI: tests that compare with them skip" >&2
        exit 1
    fi
    touch "$home/complete"
fi
echo "$home/bin/python"
