# SPDX-License-Identifier: Apache-2.0
"""Recordings through the program: train, identify, detect, embed, compare, evaluate on real clips of
../shared (yamnet where its network is there, the built-in pack always), and what goes wrong on the way."""
import csv
import io
import json
import os
import random
import shutil
import struct
import wave

from support import SHARED, Run, folder, main, skip

SOUNDS = SHARED / "data" / "sounds"
if not SOUNDS.is_dir():
    skip("needs ../shared/data/sounds")
AT = folder()
CLASSES = ("dog_bark", "rain", "siren")
YAMNET = (SHARED / "models" / "yamnet_patch_f32.onnx").is_file()
PACK = "yamnet" if YAMNET else "melstats"
DATA = AT / "data"
W = ("--workspace", AT / "w")
QUIET = {"ESPY_WORKSPACE": str(AT / "nowhere")}


def clips(name):
    return sorted(p for p in (SOUNDS / name).iterdir() if p.suffix in (".wav", ".ogg"))


def some_clips(target, names, first, count):
    for name in names:
        (target / name).mkdir(parents=True)
        for p in clips(name)[first:first + count]:
            shutil.copy(p, target / name)
    return target


def wav(path, values, rate=16000, size=None):
    """16 bits, one channel; size: what the header says of the data."""
    data = struct.pack("<%dh" % len(values), *(max(-32768, min(32767, round(v * 32767))) for v in values))
    size = len(data) if size is None else size
    path.write_bytes(b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt " +
                     struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) +
                     b"data" + struct.pack("<I", size) + data)
    return path


def values_of(path):
    with wave.open(str(path)) as f:
        assert f.getsampwidth() == 2 and f.getnchannels() == 1
        raw = f.readframes(f.getnframes())
        return [v / 32768 for v in struct.unpack("<%dh" % (len(raw) // 2), raw)], f.getframerate()


some_clips(DATA, CLASSES, 0, 12)


def train_learns():
    run = Run("train", DATA, *W, "--encoder", PACK, "--json").expect(0, "New workspace")
    last = run.json[-1]
    assert last["version"] == 1 and last["labels"] == 3 and last["samples"] == 36, last
    assert last["head"] == "logistic" and last["skipped"] == 0, last
    for word in ("picture", "photo", "face", "person"):
        assert word not in run.err.lower(), run.err
    Run("train", DATA, *W).expect(0, "(0 new of 36 recordings)")


def melstats_learns_always():
    w = ("--workspace", AT / "wm")
    last = Run("train", DATA, *w, "--encoder", "melstats", "--json").expect(0).json[-1]
    assert last["labels"] == 3 and last["samples"] == 36, last
    lines = Run("identify", DATA / "rain", *w, "--json", "--clip").expect(0).json
    right = sum(s["candidates"][0]["label"] == "rain" for line in lines for s in line["samples"])
    assert len(lines) == 12 and right >= 9, f"{right} of {len(lines)}"


def identify_names_the_known():
    right = total = 0
    for name in CLASSES:
        for line in Run("identify", *clips(name)[12:20], *W, "--json", "--clip").expect(0).json:
            assert line["decision"] == "sounds" and line["error"] is None, line
            assert len(line["samples"]) == 1, line
            s = line["samples"][0]
            assert 0 <= s["start"] < s["end"] <= 4 and "box" not in s, s
            total += 1
            right += s["candidates"][0]["label"] == name
            assert s["decision"] != "known" or s["label"] == s["candidates"][0]["label"]
    assert total >= 8 * 2 and right >= (0.8 if YAMNET else 0.6) * total, f"{right} of {total}"


def every_format_is_well_formed():
    file = clips("siren")[0]
    text = Run("identify", file, *W).expect(0).out
    assert text.startswith(f"{file}: 4.00 s, 1 event\n"), text
    rows = list(csv.DictReader(io.StringIO(Run("identify", DATA / "siren", *W, "--format", "csv").expect(0).out)))
    assert rows and set(rows[0]) == {"media", "start", "end", "decision", "label", "probability", "similarity"}, rows
    for row in rows:
        assert float(row["start"]) < float(row["end"]) and 0 <= float(row["probability"]) <= 1, row
        assert row["media"].startswith(str(DATA)) and (row["label"] == "siren" or row["decision"] != "known"), row
    assert {row["label"] for row in rows} >= {"siren"}
    line = Run("identify", file, *W, "--format", "json").expect(0).json[0]
    assert line["samples"][0]["label"] == "siren", line
    assert line == Run("identify", file, *W, "--json").expect(0).json[0]
    track = Run("identify", file, *W, "--format", "audacity").expect(0).out
    for row in track.splitlines():
        start, end, label = row.split("\t")
        assert len(start.split(".")[1]) == 6 and 0 <= float(start) <= float(end) and label == "siren", track
    odd = AT / "comma, \"quote\".wav"
    shutil.copy(file, odd)
    rows = list(csv.DictReader(io.StringIO(Run("identify", odd, *W, "--format", "csv").expect(0).out)))
    assert rows[0]["media"] == str(odd), rows
    Run("identify", file, *W, "--format", "xml").expect(2, "choose text, json, csv or audacity")
    Run("identify", file, odd, *W, "--format", "audacity").expect(2, "one recording")
    Run("identify", file, *W, "--draw", AT / "x.png").expect(2, "--draw is for pictures")


def long_recordings_have_events():
    parts = []
    for name in ("siren", "dog_bark"):
        wavs = [p for p in clips(name) if p.suffix == ".wav"]
        if len(wavs) < 3:
            return
        parts.append(wavs)
    siren, rate = values_of(parts[0][2])
    dog, other = values_of(parts[1][2])
    assert rate == other == 22050
    silence = [0.0] * (5 * rate)
    long = wav(AT / "long.wav", silence + siren + siren + silence + dog + dog + silence, rate)
    line = Run("identify", long, *W, "--json").expect(0).json[0]
    heard = [(s["label"], s["start"], s["end"]) for s in line["samples"]]
    known = {label for label, _, _ in heard}
    assert known <= {"siren", "dog_bark"}, heard
    for label, start, end in heard:
        lo, hi = (5, 5 + 2 * len(siren) / rate) if label == "siren" else (
            10 + 2 * len(siren) / rate, 10 + 2 * (len(siren) + len(dog)) / rate)
        assert lo - 1 <= start < end <= hi + 1, heard
    if YAMNET:
        assert "siren" in known, heard
    every = Run("identify", long, *W, "--json", "--all").expect(0).json[0]["samples"]
    assert every[0]["start"] == 0 and abs(every[-1]["end"] - (15 + 2 * (len(siren) + len(dog)) / rate)) < 0.02
    assert all(abs(a["end"] - b["start"]) < 0.011 for a, b in zip(every, every[1:])), every
    assert [(s["label"], s["start"], s["end"]) for s in every if s["decision"] == "known"] == heard
    later = Run("identify", long, *W, "--json", "--start", "12", "--length", "3").expect(0).json[0]
    assert all(s["start"] >= 12 and s["end"] <= 15.01 for s in later["samples"]), later
    clip = Run("identify", long, *W, "--json", "--clip").expect(0).json[0]["samples"]
    assert len(clip) == 1 and clip[0]["decision"] == "poor_quality" and clip[0]["end"] == 4, clip
    run = Run("identify", long, *W, "--start", "1000")
    assert run.code == 1 and "the recording ends before 1000 s" in run.out, run.out
    Run("identify", long, *W, "--start", "-1").expect(2, "start")
    Run("identify", long, *W, "--window", "0").expect(2, "window")
    none = Run("identify", long, *W, "--json", "--min-event", "3000").expect(0).json[0]
    assert none["samples"] == [], none


def threads_do_not_matter():
    files = [clips(name)[15] for name in CLASSES if len(clips(name)) > 15]
    one = Run("identify", *files, *W, "--json", "--all", "--threads", "1").expect(0).out
    for threads in ("2", "5"):
        assert Run("identify", *files, *W, "--json", "--all", "--threads", threads).expect(0).out == one


def standard_input_is_heard():
    file = clips("siren")[0]
    line = Run("identify", "-", *W, "--json", "--collection", "sounds", stdin=file.read_bytes()).expect(0).json[0]
    assert line["media"] == "-" and line["samples"][0]["label"] == "siren", line
    Run("embed", "-", "--encoder", PACK, stdin=file.read_bytes()).expect(0)
    if YAMNET:
        run = Run("detect", "-", "--encoder", "yamnet", "--json", stdin=file.read_bytes()).expect(0)
        assert run.json[0]["scores"], run.out


def detect_tells_audioset_names():
    file = SOUNDS / "yamnet_examples" / "dog_975ms.wav"
    Run("detect", file, "--encoder", "melstats", env=QUIET).expect(1, "use --encoder yamnet")
    if not YAMNET:
        return
    line = Run("detect", file, "--encoder", "yamnet", "--json", env=QUIET).expect(0).json[0]
    names = [s["name"] for s in line["scores"]]
    assert names[:3] == ["Animal", "Dog", "Domestic animals, pets"], line
    assert abs(line["scores"][0]["score"] - 0.90379) < 1e-3 and abs(line["seconds"] - 0.975) < 1e-3, line
    assert "0.904  Animal" in Run("detect", file, "--encoder", "yamnet", env=QUIET).expect(0).out
    assert Run("detect", file, env=QUIET).expect(0).out == Run("detect", file, "--encoder", "yamnet", env=QUIET).out
    run = Run("detect", AT / "absent.wav", file, "--json", env=QUIET)
    line = run.json
    assert run.code == 1, run.err
    assert [v["decision"] for v in line] == ["error", "sounds"] and line[0]["scores"] == [], line
    Run("detect", file, "--crops", AT / "crops", env=QUIET).expect(2, "--crops is for pictures")


def embed_and_compare():
    a, b, other = clips("siren")[0], clips("siren")[1], clips("rain")[0]
    for pack, dim in (("melstats", 92), ("yamnet", 1024)) if YAMNET else (("melstats", 92),):
        s = Run("embed", a, "--encoder", pack, env=QUIET).expect(0).json[0]["samples"][0]
        v = s["embedding"]
        assert len(v) == dim and abs(sum(x * x for x in v) - 1) < 1e-4, pack
        assert s["start"] == 0 and s["end"] == 4, s
    near = Run("compare", a, b, "--encoder", PACK, "--json", env=QUIET).expect(0).json[0]
    far = Run("compare", a, other, "--encoder", PACK, "--json", env=QUIET).expect(0).json[0]
    assert near["similarity"] > far["similarity"], (near, far)
    assert far["same"] is False, far
    Run("compare", a, other, "--encoder", PACK, env=QUIET).expect(0, "not alike: similarity")
    Run("compare", a, AT / "absent.wav", "--encoder", PACK, env=QUIET).expect(1, "absent.wav")


def evaluate_leaves_out():
    run = Run("evaluate", DATA, *W, "--leave-out", "--json").expect(0)
    last = run.json[-1]
    assert last["samples"] == 36 and last["labels"] == 3, last
    assert last["without_sound"] == 0 and "without_face" not in last, last
    assert "precision" in Run("evaluate", DATA, *W, "--report").expect(0).out
    run = Run("evaluate", DATA, *W, "--report", "--json").expect(0)
    assert "precision" in run.err and run.out.startswith("{"), run.out
    assert last["accuracy"] >= (0.85 if YAMNET else 0.5), last
    for word in ("picture", "photo", "face", "person", "people"):
        assert word not in Run("evaluate", DATA, *W, "--leave-out").expect(0).out, word


def enroll_adds_a_class():
    w = ("--workspace", AT / "we")
    files = clips("chainsaw")
    run = Run("enroll", "chainsaw", *files[:2], *w, "--encoder", PACK).expect(0, "2 recordings added")
    assert "second class" in run.out, run.out
    Run("enroll", "rain", *clips("rain")[:3], *w).expect(0)
    s = Run("identify", files[0], *w, "--json", "--clip").expect(0).json[0]["samples"][0]
    assert s["candidates"][0]["label"] == "chainsaw", s
    Run("enroll", "rain", files[3], *w, "--box", "1,1,40,40").expect(2, "--box is for pictures")


def bad_files_are_skipped_with_a_reason():
    bad = AT / "bad"
    some_clips(bad, CLASSES[:2], 0, 6)
    good = (bad / "rain").iterdir().__next__().read_bytes()
    (bad / "rain" / "zero.wav").write_bytes(b"")
    (bad / "rain" / "nothing.wav").write_bytes(bytes(1000))
    (bad / "rain" / "letter.wav").write_text("Dear friend, this is a letter.\n" * 50)
    (bad / "rain" / "cut.ogg").write_bytes(good[:60])
    wav(bad / "rain" / "silent.wav", [0.0] * 32000)
    wav(bad / "rain" / "none.wav", [])
    random.seed(1)
    wav(bad / "rain" / "lies.wav", [random.gauss(0, 0.1) for _ in range(32000)], size=2**31)
    run = Run("train", bad, "--workspace", AT / "wb", "--encoder", PACK, "--force").expect(0, "6 recordings skipped")
    for name, why in (("zero.wav", "the file is empty"), ("nothing.wav", "not a sound espy can read"),
                      ("letter.wav", "not a sound espy can read"), ("cut.ogg", "ogg: damaged"),
                      ("silent.wav", "silent"), ("none.wav", "no sound")):
        lines = [x for x in run.err.splitlines() if name in x]
        assert len(lines) == 1 and "skipped " in lines[0] and why in lines[0], run.err
    # what was named and cannot be read gives status 1, the others are answered all the same
    run = Run("identify", bad / "rain" / "zero.wav", bad / "rain" / "lies.wav", AT / "absent.wav", *W, "--json")
    assert run.code == 1 and [v["decision"] for v in run.json] == ["error", "sounds", "error"], run.out
    run = Run("embed", bad / "rain" / "lies.wav", AT / "absent.wav", "--encoder", PACK, env=QUIET)
    assert run.code == 1 and [v["decision"] for v in run.json] == ["sounds", "error"], run.out
    # what a folder holds does not
    lines = Run("identify", bad, *W, "--json").expect(0).json
    assert {v["decision"] for v in lines} == {"error", "sounds"}, lines
    lies = bad / "rain" / "lies.wav"
    for more in ((), ("--quiet",)):
        run = Run("identify", bad / "rain" / "zero.wav", *W, *more)
        assert run.code == 1 and "zero.wav: error: the file is empty" in run.out, run.out + run.err
        run = Run("identify", bad / "rain" / "zero.wav", lies, *W, "--format", "csv", *more)
        assert run.code == 1 and len(run.out.splitlines()) == 2, run.out + run.err
        assert f"error: {bad / 'rain' / 'zero.wav'}: the file is empty" in run.err, run.err
        run = Run("identify", bad / "rain" / "zero.wav", *W, "--format", "audacity", *more)
        assert run.code == 1 and run.out == "" and "zero.wav: the file is empty" in run.err, run.out + run.err
    Run("identify", lies, *W, "--format", "csv", "--json").expect(2, "do not go together")
    Run("identify", lies, *W, "--format", "json", "--json").expect(0)
    silent = Run("identify", bad / "rain" / "silent.wav", *W, "--json").expect(0).json[0]["samples"]
    assert [s["decision"] for s in silent] == ["poor_quality"], silent


def the_unknown_is_no_class():
    own = AT / "own"
    some_clips(own, CLASSES[:2], 0, 6)
    some_clips(own / "x", ("chainsaw",), 0, 3)
    (own / "x" / "chainsaw").rename(own / "unknown")
    (own / "x").rmdir()
    run = Run("train", own, "--workspace", AT / "wu", "--encoder", PACK, "--force", "--json").expect(0, "is not learned")
    assert run.json[-1]["labels"] == 2 and run.json[-1]["samples"] == 12, run.out
    for name in ("unknown", "Unknown", "UNKNOWN"):
        Run("enroll", name, clips("rain")[0], "--workspace", AT / "wnew").expect(2, "when it does not know")
    assert not (AT / "wnew").exists()


def names_that_cannot_be_told():
    w = ("--workspace", AT / "wn")
    odd = some_clips(AT / "names", CLASSES[:2], 0, 3)
    os.rename(odd / "rain", os.fsencode(odd) + b"/si\xffren")
    run = Run("train", odd, *w, "--encoder", "melstats").expect(1, "names/si\\xffren is not UTF-8; rename it")
    assert len(run.err.strip().splitlines()) == 1 and not (AT / "wn").exists(), run.err
    os.rename(os.fsencode(odd) + b"/si\xffren", odd / "si\aren")
    Run("train", odd, *w, "--encoder", "melstats").expect(1, "names/si\\x07ren has a control character")
    Run("enroll", "a\nb", clips("rain")[0], *w, "--encoder", "melstats").expect(2, '"a\\x0ab" has a control')
    Run("enroll", os.fsdecode(b"a\xff"), clips("rain")[0], *w, "--encoder", "melstats").expect(2, '"a\\xff" is not UTF-8')
    (odd / "si\aren").rename(odd / "Regenwürmer")
    Run("train", odd, *w, "--encoder", "melstats", "--force").expect(0)


def bad_folders():
    w = ("--workspace", AT / "wf")
    single = some_clips(AT / "single", CLASSES[:1], 0, 4)
    run = Run("train", single, *w, "--encoder", PACK).expect(1, "label")
    assert "photo" not in run.err and "person" not in run.err and "people" not in run.err, run.err
    empty = AT / "empty"
    empty.mkdir()
    Run("train", empty, *w).expect(1, "no photos and no recordings found")
    Run("train", empty, *w, "--encoder", PACK).expect(1, "one folder per class")
    (empty / "dog").mkdir()
    Run("train", empty, *w, "--encoder", PACK).expect(1, "No recordings found")
    silent = AT / "silent"
    for name in "ab":
        (silent / name).mkdir(parents=True)
        wav(silent / name / "x.wav", [0.0] * 16000)
    Run("train", silent, *w, "--encoder", PACK).expect(1, "no sound was found in any of 2 recordings")
    Run("identify", empty, *W).expect(1, "no picture and no recording")


def pictures_and_recordings():
    both = some_clips(AT / "both", CLASSES[:2], 0, 2)
    (both / "rain" / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    Run("train", both, "--workspace", AT / "wp").expect(1, "both pictures and recordings")
    run = Run("train", both, "--workspace", AT / "wp", "--encoder", PACK, "--force", "--json").expect(0)
    assert run.json[-1]["samples"] == 4, run.out
    Run("identify", both, *W).expect(2, "give one kind at a time")
    picture = both / "rain" / "x.jpg"
    run = Run("identify", picture, *W).expect(1)
    assert "faces" in run.err or "face" in run.err, run.err
    run = Run("identify", picture, *W, "--collection", "sounds").expect(2)
    assert "sound" in run.err and "picture" in run.err, run.err
    run = Run("enroll", "rain", picture, *W, "--collection", "sounds").expect(2)
    assert "sound" in run.err and "picture" in run.err, run.err


def a_collection_of_faces_hears_nothing():
    faces = SHARED / "data" / "faces" / "lfw10"
    if not (SHARED / "models" / "mobilefacenet.onnx").is_file() or not faces.is_dir():
        return
    from support import some_people
    some_people(faces, AT / "people", people=2, photos=3)
    w = ("--workspace", AT / "wfaces")
    Run("train", AT / "people", *w, "--encoder", "mobilefacenet", "--force").expect(0)
    file = clips("siren")[0]
    run = Run("identify", file, *w).expect(1)
    assert "sounds" in run.err and "espy train" in run.err, run.err
    run = Run("identify", file, *w, "--collection", "faces").expect(2)
    assert "faces" in run.err and "recording" in run.err, run.err
    run = Run("train", DATA, *w, "--collection", "faces").expect(2)
    assert "faces" in run.err, run.err
    run = Run("enroll", "siren", file, *w, "--collection", "faces").expect(2)
    assert "faces" in run.err and "recording" in run.err, run.err
    # both live in one workspace
    Run("train", DATA, *w, "--encoder", PACK, "--force").expect(0)
    assert Run("identify", file, *w, "--json").expect(0).json[0]["samples"][0]["label"] == "siren"
    picture = sorted((AT / "people").glob("*/*"))[0]
    assert Run("identify", picture, *w, "--json").expect(0).json[0]["decision"] == "faces"
    two_collections_are_not_mistaken(w, file, picture)
    conf_names_one_of_two(file, picture)


def two_collections_are_not_mistaken(w, file, picture):
    for command in (("versions",), ("versions", "--history"), ("rollback",), ("rollback", "1"), ("trigger",),
                    ("trigger", "--train", "--min-new-samples", 0), ("export", AT / "two.onnx")):
        run = Run(*command, *w).expect(2, "this workspace holds faces and sounds: say which with --collection")
        assert len(run.err.strip().splitlines()) == 1, run.err
        Run(*command[:1], *w, "--collection", "birds", *command[1:]).expect(1, 'no collection "birds"')
    assert not (AT / "two.onnx").exists()
    Run("versions", *w, "--collection", "sounds").expect(0, "36 samples")
    # --models is of sounds: the faces are left as they are
    network = (*w, "--encoder", PACK, "--head", "mlp", "--epochs", "3", "--models", AT / "networks", "--force")
    Run("train", DATA, *network).expect(0)
    Run("train", DATA, *network, "--seed", "7").expect(0)
    Run("rollback", "2", *w, "--models", AT / "networks").expect(0, "sounds: version 2 answers now")
    Run("rollback", "1", *w, "--models", AT / "networks", "--collection", "faces").expect(2, "recordings")
    live = [v["version"] for v in Run("versions", *w, "--collection", "faces", "--json").json if v["alias"] == "live"]
    assert live == [1], live
    # learned by the rules of sounds, from the store
    how = ("trigger", *w, "--collection", "sounds", "--train", "--min-new-samples", 0, "--force", "--head", "mlp")
    Run(*how, "--epochs", "3", "--models", AT / "networks", "--augment", "1", "--json").expect(0)
    Run("trigger", *w, "--encoder", PACK).expect(0, "New samples: 0")
    Run("trigger", *w, "--encoder", "mobilefacenet", "--collection", "sounds", "--train", "--min-new-samples", 0).expect(2)
    Run("retrain", "sounds", "--dataset", DATA, "--encoder", "mobilefacenet", *w).expect(2, "hears no recordings")
    Run("export", AT / "two.onnx", *w, "--collection", "sounds").expect(0, '"sounds"')
    # a pack of the other kind in the environment
    line = Run("compare", file, file, "--json", env={**QUIET, "ESPY_ENCODER": "mobilefacenet"}).expect(0).json[0]
    assert line["same"] is True, line
    Run("compare", picture, picture, env={**QUIET, "ESPY_ENCODER": "melstats"}).expect(0, "same person")


def conf_names_one_of_two(file, picture):
    ws = AT / "wconf"
    w = ("--workspace", ws)
    Run("init", ws).expect(0)
    (ws / "espy.conf").write_text("collection = mine\nencoder = melstats\n")
    Run("train", DATA, *w, "--force").expect(0)
    people = AT / "people"
    Run("train", people, *w, "--force").expect(0)  # the name is taken by sounds, the pack is for sounds
    Run("evaluate", people, *w, "--folds", "2").expect(0)
    assert Run("identify", picture, *w, "--json").expect(0).json[0]["decision"] == "faces"
    assert Run("identify", file, *w, "--json").expect(0).json[0]["decision"] == "sounds"
    assert Run("versions", *w, "--json").expect(0).json[0]["samples"] == 36
    assert Run("versions", *w, "--collection", "faces", "--json").expect(0).json[0]["samples"] == 6
    Run("enroll", "Somebody", picture, *w).expect(0)


main([train_learns, melstats_learns_always, identify_names_the_known, every_format_is_well_formed,
      long_recordings_have_events, threads_do_not_matter, standard_input_is_heard, detect_tells_audioset_names,
      embed_and_compare, evaluate_leaves_out, enroll_adds_a_class, bad_files_are_skipped_with_a_reason,
      the_unknown_is_no_class, names_that_cannot_be_told, bad_folders, pictures_and_recordings, a_collection_of_faces_hears_nothing])
