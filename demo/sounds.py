# SPDX-License-Identifier: Apache-2.0
"""The demo's sounds: a folder of recordings per class, else the shared test recordings beside the
checkout, else sentences that espeak-ng speaks in six voices.

What is learned lies in demo-out/sounds/learned; asked about are recordings that were kept back
(asked) and classes that nobody learned (strangers)."""
import concurrent.futures
import json
import pathlib
import random
import re
import shutil
import subprocess
import wave

from program import OUT, SHARED, espy, identified

SOUNDS = OUT / "sounds"
LEARNED, ASKED, STRANGERS = (SOUNDS / name for name in ("learned", "asked", "strangers"))
LONG = SOUNDS / "long.wav"
PAUSE = 0.5  # seconds of silence between the pieces of the long recording


def copy(paths, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(path, folder)


def join(paths, out):
    """One WAV file of several that have one format, with pauses; says what begins where."""
    at, order = 0.0, []
    with wave.open(str(out), "wb") as to:
        for path in paths:
            with wave.open(str(path), "rb") as piece:
                if not order:
                    to.setparams(piece.getparams())
                frames, rate = piece.getnframes(), piece.getframerate()
                order.append(f"{path.parent.name} {at:.1f}-{at + frames / rate:.1f}")
                to.writeframes(piece.readframes(frames))
                to.writeframes(bytes(int(PAUSE * rate) * piece.getnchannels() * piece.getsampwidth()))
                at += frames / rate + PAUSE
    return order


# ---- speech -----------------------------------------------------------------------------------

def speak(plan, job):
    """Two sentences, which take more than the four seconds that espy hears of a file."""
    folder, voice, name, text = job
    path = folder / voice / name
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["espeak-ng", *plan["voices"][voice], "-w", str(path), text], check=True)


def speech():
    """Writes the recordings that voices.json describes.  Each voice reads the sentences in an order of its
    own, so that what is said does not tell who says it."""
    plan = json.loads((pathlib.Path(__file__).parent / "voices.json").read_text())
    jobs = []
    for voice in plan["learned"] + plan["strangers"]:
        order = random.Random(voice)
        for folder, sentences in ((LEARNED, plan["sentences"]["learned"]), (ASKED, plan["sentences"]["asked"])):
            if voice in plan["strangers"]:
                if folder is LEARNED:
                    continue
                folder = STRANGERS
            said = order.sample(sentences, len(sentences))
            jobs += [(folder, voice, f"{folder.name}-{i:02}.wav", f"{said[2 * i]} {said[2 * i + 1]}")
                     for i in range(len(said) // 2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: speak(plan, job), jobs))
    print(f"\nespeak-ng has spoken {len(jobs)} recordings in {len(plan['learned']) + len(plan['strangers'])} voices.  "
          "That shows the road, not accuracy:\nsynthetic voices are far more alike from sentence to sentence than "
          "anything recorded.")
    a, b, c, d, e, f = plan["learned"]
    s, t = plan["strangers"]
    pieces = [(ASKED, a), (STRANGERS, s), (ASKED, b), (ASKED, c), (STRANGERS, t), (ASKED, d), (ASKED, e), (ASKED, f)]
    return [folder / voice / f"{folder.name}-07.wav" for folder, voice in pieces]


# ---- recordings -------------------------------------------------------------------------------

def source(path):
    """What a clip of ESC-10 or UrbanSound8K was cut from: its clips are learned or asked, never both."""
    return re.sub(r"^(\d-)?(\d+)-.*", r"\2", path.stem)


def recordings(shared):
    """Copies of the shared ones: four classes, of which every fourth source is kept back, two strangers."""
    for label in ("chainsaw", "dog_bark", "engine_idling", "gun_shot"):
        paths = sorted((shared / label).iterdir())
        kept = sorted({source(p) for p in paths})[::4]
        copy([p for p in paths if source(p) not in kept], LEARNED / label)
        copy([p for p in paths if source(p) in kept], ASKED / label)
    for label in ("rain", "siren"):
        copy(sorted((shared / label).iterdir()), STRANGERS / label)
    asked = {label: sorted((ASKED / label).iterdir()) for label in ("engine_idling", "gun_shot")}
    sirens = sorted((STRANGERS / "siren").iterdir())
    return [asked["engine_idling"][0], sirens[0], asked["gun_shot"][0], sirens[5], asked["engine_idling"][-1],
            asked["gun_shot"][-1]]


# ---- both -------------------------------------------------------------------------------------

def tell(title, folder):
    right = wrong = refused = 0
    paths = sorted(folder.iterdir())
    for line in identified(paths, "--clip"):
        for sample in line["samples"]:
            if sample["decision"] != "known":
                refused += 1
            elif sample["label"] == title:
                right += 1
            else:
                wrong += 1
    return right, wrong, refused


def table():
    print("\nRecordings that were not learned, and classes that nobody learned:\n")
    print(f"  {'':24} {'named right':>12} {'wrong name':>11} {'not named':>10}")
    for folder, learned in ((ASKED, True), (STRANGERS, False)):
        for label in sorted(folder.iterdir()):
            right, wrong, refused = tell(label.name, label)
            title = label.name if learned else f"{label.name} (not learned)"
            print(f"  {title:24} {right if learned else '-':>12} {wrong:11} {refused:10}")


def learn_and_ask(pieces, pack):
    print(espy("train", LEARNED, "--encoder", pack, "--report"), end="")
    print(espy("evaluate", LEARNED, "--unknown-dir", STRANGERS), end="")
    table()
    print("\nOne long recording, with pauses:", ", ".join(join(pieces, LONG)))
    print(espy("identify", LONG), end="")
    for label in sorted(ASKED.iterdir()):
        copy(sorted(label.iterdir()), LEARNED / label.name)
    print("\nNow the recordings that were kept back join the others.  Is that enough for another training?")
    print(espy("trigger", LEARNED, "--min-new-samples", 20), end="")
    print(espy("versions", "--collection", "sounds"), end="")


def folders(given):
    print(f"Learning the sounds in {given}", flush=True)
    print(espy("train", given, "--report"), end="")
    print(espy("evaluate", given), end="")
    examples = [q for p in sorted(given.iterdir()) if p.is_dir() for q in sorted(p.iterdir())[:1]]
    print(espy("identify", *examples), end="")
    print(espy("versions", "--collection", "sounds"), end="")


def best_pack():
    """YAMNet where it is, else the pack that needs no network."""
    listed = [json.loads(line) for line in espy("models", "list", "--json", show=False).splitlines()]
    there = {p["pack"] for p in listed if p["installed"]}
    return next(p for p in ("yamnet", "yamnet-int8", "melstats") if p in there)


def show(given):
    print("\n---- sounds ----")
    if given:
        folders(given)
    elif (SHARED / "sounds").is_dir():
        learn_and_ask(recordings(SHARED / "sounds"), best_pack())
    elif shutil.which("espeak-ng"):
        learn_and_ask(speech(), "melstats")
    else:
        print("left out: espeak-ng, which speaks the recordings, is not installed (packages/demo.txt)")
