#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of a Python that has packages from PyPI which tests compare with or drive the program by:
#     tools/python-env.sh peers         Keras, jax and ONNX Runtime   (own one: ESPY_KERAS_PYTHON)
#     tools/python-env.sh generators    schemathesis                  (own one: ESPY_SCHEMATHESIS_PYTHON)
# It is made once, in the cache folder, within two minutes; where PyPI is not reached, says so and fails.
set -eu
case ${1:-peers} in
peers) packages="keras jax onnxruntime" ;;
generators) packages=schemathesis ;;
*) echo "usage: tools/python-env.sh peers|generators" >&2 && exit 2 ;;
esac
home=${XDG_CACHE_HOME:-$HOME/.cache}/espy/python-${1:-peers}
if [ ! -f "$home/complete" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    if ! python3 -m venv "$home" >/dev/null 2>&1 ||
        ! timeout 120 "$home/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 15 \
            $packages >/dev/null 2>&1; then
        rm -rf "$home"
        echo "$packages could not be had from PyPI: tests that need them skip" >&2
        exit 1
    fi
    touch "$home/complete"
fi
echo "$home/bin/python"
