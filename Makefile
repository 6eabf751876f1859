# SPDX-License-Identifier: Apache-2.0
# The front door.  Each target does its own set-up; `make demo` and `make check` are enough for a
# bare Debian 12.
BUILD = build
PHOTOS =
SOUNDS =
PACK = face-api
PREFIX = /usr/local

.PHONY: demo check build bench coverage fuzz soak install models accuracy screenshots clean

# The program, as build/espy.
build:
	@tools/setup.sh build
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) --prefix $(PREFIX) -Dtests=false
	@ninja -C $(BUILD)
	@ln -sf src/cli/espy $(BUILD)/espy

# The main job.  Faces: PHOTOS=DIR (a folder per person), the shared test data, or the photos of the
# face-api package.  Sounds: SOUNDS=DIR (a folder per class), the shared recordings, or espeak-ng's
# voices.  With PHOTOS or SOUNDS only what was named.
demo: build
	@demo/run.sh "$(PHOTOS)" "$(SOUNDS)"

# All tests, with gcc and clang, and under the sanitizers.
check:
	@tools/setup.sh build check demo
	@tools/check.sh

# Which share of each file's lines the tests reach.
coverage:
	@tools/setup.sh build check coverage
	@tools/coverage.sh

# Speed and memory, each beside a peer in one run.
bench:
	@tools/setup.sh build bench
	@bench/run.sh

# Every fuzz target for a while: make fuzz SECONDS=60
SECONDS = 30
fuzz:
	@tools/setup.sh build check
	@fuzz/run.sh $(SECONDS)

# A server under mixed load, memory and descriptors watched: make soak SECONDS=600
soak: SECONDS = 600
soak: build
	@python3 tests/soak.py $(BUILD)/espy $(SECONDS)

# A pack that is made here: make models PACK=face-api, make models PACK=yamnet WEIGHTS=yamnet.tflite
models:
	@WEIGHTS="$(WEIGHTS)" NAMES="$(NAMES)" models/get.sh $(PACK)

# The figures of docs/accuracy.md, measured again.
accuracy: build
	@tools/accuracy.py
	@tools/people.py

# The pictures of the console in docs/screens, taken anew.
screenshots: build
	@tools/setup.sh check
	@node console/tests/screenshots.mjs $(BUILD)/espy docs/screens

install: build
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) build-check build-clang build-asan build-coverage build-fuzz build-tsan demo-out
