# SPDX-License-Identifier: Apache-2.0
"""EcoSight's interface over HTTP, as a client of the described system uses it: upload, retrain, watch, predict, go
back; trainings that begin by themselves; webhooks; a server that is killed in mid-training.

The pack is melstats and the recordings are made here, so nothing but Python is needed."""
import ctypes
import hashlib
import hmac
import http.server
import io
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
import wave

from serve_support import Server
from support import SHARED, Run, folder, main

RATE = 16000
KINDS = ("clips", "dog_bark", "engine_idling", "gun_shot")
ROOT = folder()


def sound(kind, take, seconds=1.5):
    """A WAV file of one kind; no two are alike."""
    r = random.Random(f"{kind}{take}")
    pitch, state, values = r.uniform(0.85, 1.2), 0.0, []
    for i in range(int(seconds * RATE)):
        t, noise = i / RATE, r.uniform(-1, 1)
        state = 0.9 * state + 0.1 * noise
        values.append({
            "clips": lambda: 0.5 * math.sin(2 * math.pi * (400 * pitch * t + 900 * (t % 0.5) ** 2)) + 0.01 * noise,
            "dog_bark": lambda: 0.8 * math.exp(-12 * (t % (0.4 / pitch))) * math.sin(2 * math.pi * 700 * pitch * t),
            "engine_idling": lambda: 0.4 * math.copysign(1, math.sin(2 * math.pi * 60 * pitch * t)) + 0.05 * noise,
            "gun_shot": lambda: 0.8 * math.exp(-40 * (t % (0.5 / pitch))) * state * 4 + 0.1 * noise * math.exp(-9 * (t % 0.5)),
        }[kind]())
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(b"".join(struct.pack("<h", int(max(-1, min(1, v)) * 32767)) for v in values))
    return out.getvalue()


def place(takes=12, conf="", pack="encoder = melstats\n"):
    """A folder with a workspace for the pack and, with takes, recordings of each kind."""
    here = folder()
    Run("init", "--workspace", here / "ws").expect(0)
    with open(here / "ws/espy.conf", "a", encoding="utf-8") as f:
        f.write("\n" + pack + conf)
    for kind in KINDS if takes else ():
        (here / "audio" / kind).mkdir(parents=True)
        for take in range(takes):
            shutil.copy(ROOT / kind / f"{take}.wav", here / "audio" / kind / f"{kind}{take}.wav")
    return here


def serve(here, *more):
    return Server(here / "ws", "--trust-loopback", "--sounds-dir", here / "audio", "--models-dir", here / "models", *more)


def upload(server, data, name="a.wav", kind=None, **more):
    form = {} if kind is None else {"class_name": kind}
    return server.post("/upload", files=[("file", name, data)], form=form, **more)


def wait(server, *states, seconds=120):
    """The status of the last training once it is in one of the states."""
    for _ in range(int(seconds * 10)):
        s = server.get("/retrain/status").expect(200).json
        if s["status"] in states:
            return s
        time.sleep(0.1)
    raise AssertionError(f"still {s}")


def retrain(server, **how):
    told = server.post("/retrain", {"epochs": 30, **how}).expect(200).json
    assert told["success"] is True and told["status"] == "running", told
    return wait(server, "done", "failed", "cancelled")


def predict(server, data, name="a.wav"):
    return server.post("/predict", files=[("file", name, data)])


def probabilities(server, takes=(100, 101, 102)):
    return [predict(server, sound(kind, take)).expect(200).json["all_probabilities"] for kind in KINDS for take in takes]


def prepare():
    for kind in KINDS:
        (ROOT / kind).mkdir()
        for take in range(16):
            (ROOT / kind / f"{take}.wav").write_bytes(sound(kind, take))


def an_upload_is_kept():
    here = place(takes=0)
    s = serve(here)
    one = sound("dog_bark", 0)
    told = upload(s, one, "new_dog_bark.wav", "dog_bark").expect(200).json
    assert told["success"] is True and told["class"] == "dog_bark" and told["message"] and told["timestamp"], told
    path = pathlib.Path(told["file_path"])
    assert path.parent == here / "audio/dog_bark" and path.read_bytes() == one
    assert re.fullmatch(r"\d{8}_\d{6}_new_dog_bark\.wav", path.name), path
    same = {upload(s, one, "new_dog_bark.wav", "dog_bark").expect(200).json["file_path"] for _ in range(5)}
    assert len(same) == 5 and len(list((here / "audio/dog_bark").iterdir())) == 6, same
    shutil.rmtree(here / "audio/dog_bark")
    upload(s, one, "again.wav", "dog_bark").expect(200)
    assert len(list((here / "audio/dog_bark").iterdir())) == 1
    # the class in the query; none is unknown
    assert upload(s, one, query={"class_name": "dog_bark"}).expect(200).json["class"] == "dog_bark"
    assert upload(s, one).expect(200).json["class"] == "unknown"
    # names cannot leave the folder
    for name in ("../../../evil.wav", "..\\..\\evil.wav", "/etc/evil.wav", "e\tvil.wav", "x" * 400 + ".wav", ".wav"):
        a = upload(s, one, name, "dog_bark")
        if a.status == 200:
            assert pathlib.Path(a.json["file_path"]).parent == here / "audio/dog_bark", a.json
        else:
            a.expect(400)
    assert not list(here.rglob("evil.wav"))
    for kind in ("../dog_bark", "..", "cat", "", "dog_bark/x"):
        told = upload(s, one, kind=kind).expect(400).json
        assert "detail" in told, told
    assert "dog_bark" in upload(s, one, kind="cat").json["detail"]
    assert not (here / "audio/cat").exists()
    s.stop()


def what_does_not_decode_is_refused():
    here = place(takes=1)
    s = serve(here)
    before = sorted(here.rglob("audio/*/*"))
    for data in (b"", b"\0" * 1000, b"RIFF", sound("clips", 0)[:44], b"not a sound at all" * 100):
        assert upload(s, data, kind="clips").expect(400).json["detail"], data[:10]
    assert "detail" in s.post("/upload", form={"class_name": "clips"}, files=[]).expect(400).json
    assert sorted(here.rglob("audio/*/*")) == before
    s.stop()


class Info(ctypes.Structure):
    """SF_INFO of libsndfile, which the program itself needs, so it is there."""
    _fields_ = [("frames", ctypes.c_int64), *[(name, ctypes.c_int) for name in ("rate", "channels", "format", "sections", "seekable")]]


FORMATS = {"flac": 0x170002, "ogg": 0x200060, "mp3": 0x230082, "aiff": 0x020002}


def encoded(data, kind):
    """The recording in another format; None where this libsndfile does not write it."""
    lib = ctypes.CDLL("libsndfile.so.1")
    lib.sf_open.restype = ctypes.c_void_p
    out, info = ROOT / f"x.{kind}", Info(0, RATE, 1, FORMATS[kind])
    f = lib.sf_open(str(out).encode(), 0x20, ctypes.byref(info))
    if not f:
        return None
    with wave.open(io.BytesIO(data)) as w:
        values = (ctypes.c_short * w.getnframes()).from_buffer_copy(w.readframes(w.getnframes()))
    lib.sf_write_short(ctypes.c_void_p(f), values, ctypes.c_int64(len(values)))
    lib.sf_close(ctypes.c_void_p(f))
    return out.read_bytes()


def other_formats_become_wav():
    here = place(takes=1)
    s = serve(here)
    data = sound("clips", 0)
    for kind in FORMATS:
        other = encoded(data, kind)
        if other is None:
            print("   not written here:", kind)
            continue
        before = s.get("/retrain/trigger").expect(200).json["new_samples"]
        told = upload(s, other, f"rec.{kind}", "clips").expect(200).json
        assert re.search(r"_rec(_\d+)?\.wav$", told["file_path"]), told
        with wave.open(told["file_path"]) as w:
            assert w.getnchannels() == 1 and w.getsampwidth() == 2 and w.getframerate() == RATE
            assert abs(w.getnframes() / RATE - 1.5) < 0.2, w.getnframes()
            if kind in ("flac", "aiff"):  # these lose nothing
                assert w.readframes(10**6) == wave.open(io.BytesIO(data)).readframes(10**6)
        assert s.get("/retrain/trigger").expect(200).json["new_samples"] == before + 1
    s.stop()


def nothing_is_known_before_a_training():
    here = place(takes=0)
    s = serve(here)
    told = s.get("/health").expect(200).json
    assert told["status"] == "healthy" and told["model_loaded"] is False and told["timestamp"]
    root = s.get("/").expect(200).json
    assert root["status"] == "operational" and "/upload" in root["endpoints"] and root["message"] and root["version"]
    assert "detail" in s.get("/status").expect(503).json
    assert "detail" in predict(s, sound("clips", 0)).expect(503).json
    assert "detail" in s.get("/metrics", headers={"Accept": "application/json"}).expect(404).json
    assert "espy_http_request_duration_seconds" in s.get("/metrics").expect(200).body.decode()
    history = s.get("/training-history").expect(200).json
    assert history["has_history"] is False and history["retraining_log"] == {"retraining_history": []}, history
    assert s.get("/retrain/status").expect(200).json["status"] == "idle"
    assert s.get("/models").expect(200).json == {"models": [], "production": None}
    assert s.post("/models/nothing/activate").expect(404).json["detail"]
    trigger = s.get("/retrain/trigger").expect(200).json
    assert trigger["retrain"] is True and trigger["new_samples"] == 0 and trigger["min_new_samples"] == 100, trigger
    assert "detail" in s.post("/retrain", {}).expect(400).json
    s.stop()


def a_manual_training_is_done_as_asked():
    here = place()
    s = serve(here)
    assert s.get("/retrain/trigger").expect(200).json["new_samples"] == 48
    status = retrain(s, trigger_reason="Monthly", epochs=7)
    assert status["status"] == "done" and status["epoch"] == status["epochs"] == 7, status
    assert status["trigger_reason"] == "Monthly" and len(status["history"]["val_loss"]) == 7, status
    assert status["result"]["version"] == 1 and status["result"]["promoted"] in (True, False)
    entry, = json.loads((here / "models/retraining_log.json").read_text())["retraining_history"]
    assert entry["trigger_reason"] == "Monthly" and entry["epochs_trained"] == 7 and entry["min_accuracy"] is None, entry
    # it always trains: nothing is new now
    assert s.get("/retrain/trigger").expect(200).json == {
        "retrain": False, "new_samples": 0, "min_new_samples": 100, "counts": {k: 12 for k in KINDS}}
    status = retrain(s, epochs=40)
    assert status["status"] == "done" and status["result"]["version"] == 2, status
    # the log of the job, and its events
    log = s.get(f"/v1/jobs/{status['job']}/log").expect(200).body.decode()
    assert len(re.findall(r"^Epoch \d+/40: loss: [\d.]+, acc: [\d.]+, val_loss: [\d.]+, val_acc: [\d.]+$", log, re.M)) == status["epoch"]
    history = s.get("/training-history").expect(200).json
    assert history["has_history"] is True and len(history["retraining_log"]["retraining_history"]) == 2
    curves = history["training_history"]
    assert len({len(curves[k]) for k in ("loss", "val_loss", "accuracy", "val_accuracy")} | {curves["epochs"]}) == 1
    figures = s.get("/metrics", headers={"Accept": "application/json"}).expect(200).json
    assert len(figures["confusion_matrix"]) == 4 and figures["per_class_metrics"], figures
    models = s.get("/models").expect(200).json
    assert [m["version"] for m in models["models"]] == [2, 1] and all(m["name"].startswith("retrained_model_") for m in models["models"])
    told = s.get("/status").expect(200).json
    assert told["status"] == "operational" and re.fullmatch(r"0d 0h \d+m \d+s", told["uptime"]) and told["model_loaded"] is True
    assert told["classes"] == list(KINDS) and told["num_classes"] == 4 and told["model_name"] == models["production"], told
    # predictions
    right = 0
    for kind in KINDS:
        for take in range(100, 104):
            p = predict(s, sound(kind, take)).expect(200).json
            assert p["success"] is True and set(p["all_probabilities"]) == set(KINDS) and p["processing_time"] < 5, p
            assert abs(sum(p["all_probabilities"].values()) - 1) < 1e-5, p
            assert abs(p["confidence"] - max(p["all_probabilities"].values())) < 1e-6 and p["timestamp"], p
            assert p["predicted_class"] in KINDS + ("unknown",)
            right += max(p["all_probabilities"], key=p["all_probabilities"].get) == kind
    assert right >= 14, right
    assert s.get("/status").expect(200).json["total_predictions"] == 16
    assert "detail" in predict(s, b"\0" * 1000).expect(400).json
    assert "detail" in s.post("/predict", {}).expect(400).json
    assert s.get("/health").expect(200).json["model_loaded"] is True
    s.stop()


def without_a_word_the_best_pack_hears():
    if not (SHARED / "models/yamnet_patch_f32.onnx").is_file():
        print("   needs ../shared/models")
        return
    here = place(takes=8, pack="")
    s = serve(here)
    assert retrain(s, epochs=60)["status"] == "done"
    collection, = s.get("/v1/collections").expect(200).json["items"]
    assert collection["modality"] == "sound" and collection["encoder"].startswith("yamnet"), collection
    metadata = json.loads((here / "models/model_metadata.json").read_text())
    assert metadata["input_shape"][-1] == 1024, metadata["input_shape"]
    assert abs(sum(predict(s, sound("clips", 100)).expect(200).json["all_probabilities"].values()) - 1) < 1e-5
    s.stop()


def the_gate_refuses_and_activate_goes_back():
    here = place()
    s = serve(here)
    assert retrain(s, epochs=40)["status"] == "done"
    first = s.get("/models").json["production"]
    production = (here / "models/yamnet_classifier_v2.keras").read_bytes()
    old = probabilities(s)
    # sounds of one kind under two names cannot be told apart: 0.999 is not reached
    for take in range(12):
        (here / "audio/gun_shot" / f"same{take}.wav").write_bytes(sound("clips", 300 + take))
    status = retrain(s, epochs=40, min_accuracy=0.999)
    assert status["status"] == "done" and status["result"]["promoted"] is False, status
    assert any(c["name"] == "min_accuracy" and not c["passed"] for c in status["result"]["gate"]["checks"]), status
    assert s.get("/models").json["production"] == first and probabilities(s) == old
    assert (here / "models/yamnet_classifier_v2.keras").read_bytes() == production
    entries = json.loads((here / "models/retraining_log.json").read_text())["retraining_history"]
    assert entries[1]["promoted"] is False and entries[1]["min_accuracy"] == 0.999
    for path in (here / "audio/gun_shot").glob("same*"):
        path.unlink()
    # another network, then back to the first
    refused = [m["name"] for m in s.get("/models").json["models"] if not m["production"]][0]
    told = s.post(f"/models/{refused}/activate", {"reason": "try it"}).expect(200).json
    assert told["success"] is True and told["production"] == refused and told["previous"] == first, told
    new = probabilities(s)
    assert new != old
    s.post(f"/models/{first}/activate").expect(200)
    assert probabilities(s) == old and s.get("/status").json["model_name"] == first
    assert (here / "models/yamnet_classifier_v2.keras").read_bytes() == production
    log = json.loads((here / "models/retraining_log.json").read_text())
    assert [r["reason"] for r in log["rollback_history"]] == ["try it", "activated"], log["rollback_history"]
    s.stop()


def one_at_a_time_and_the_server_answers():
    here = place(takes=16)
    s = serve(here)
    assert retrain(s, epochs=5)["status"] == "done"
    first = s.post("/retrain", {"epochs": 3000, "trigger_reason": "long"}).expect(200).json
    second = s.post("/retrain", {"epochs": 5}).expect(200).json
    assert second["success"] is False and second["status"] == "in_progress" and second["job"] == first["job"], second
    slowest, n = 0, 0
    clip = sound("clips", 100)
    while s.get("/retrain/status").json["status"] in ("queued", "running") and n < 40:
        for ask in (lambda: s.get("/health"), lambda: predict(s, clip), lambda: s.get("/retrain/status")):
            began = time.monotonic()
            ask().expect(200)
            slowest = max(slowest, time.monotonic() - began)
        n += 1
    assert slowest < 1.0, slowest
    print(f"   {3 * n} requests during a training, the slowest took {1000 * slowest:.0f} ms")
    if s.get("/retrain/status").json["status"] == "running":
        s.post(f"/v1/jobs/{first['job']}/cancel").expect(200)
    assert wait(s, "done", "cancelled")["status"] in ("done", "cancelled")
    assert retrain(s, epochs=5)["status"] == "done"
    s.stop()


def a_training_is_watched():
    here = place()
    s = serve(here)
    job = s.post("/retrain", {"epochs": 20}).expect(200).json["job"]
    stream = s.get(f"/v1/jobs/{job}/stream").expect(200).body.decode()  # ends with the job
    epochs = [json.loads(d) for d in re.findall(r"^event: epoch\ndata: (.*)$", stream, re.M)]
    assert wait(s, "done")["status"] == "done"
    if epochs:  # the job may have been quicker than the stream
        assert set(epochs[0]) == {"epoch", "epochs", "loss", "accuracy", "val_loss", "val_accuracy"}, epochs[0]
        assert [e["epoch"] for e in epochs] == sorted(e["epoch"] for e in epochs) and epochs[-1]["epochs"] == 20
    s.stop()


def enough_uploads_train_by_themselves():
    here = place(conf="trigger = 6\n")
    s = serve(here)
    assert retrain(s, epochs=5)["status"] == "done"
    for take in range(5):
        assert upload(s, sound("clips", 200 + take), kind="clips").expect(200).json["retraining"] is False
    assert upload(s, sound("clips", 210)).expect(200).json["retraining"] is False  # unknown does not count
    assert len(s.get("/models").json["models"]) == 1
    assert upload(s, sound("clips", 205), kind="clips").expect(200).json["retraining"] is True
    status = wait(s, "done")
    for _ in range(200):
        if len(s.get("/models").json["models"]) == 2:
            break
        time.sleep(0.1)
    models = s.get("/models").json["models"]
    assert len(models) == 2 and models[0]["trigger_reason"] == "trigger: 6 new samples", models
    assert s.get("/retrain/trigger", query={"min_new_samples": 1}).json["retrain"] is False
    assert wait(s, "done")["result"]["version"] == 2, status
    s.stop()


def a_killed_training_is_done_by_the_next():
    here = place(takes=16)
    s = serve(here)
    job = s.post("/retrain", {"epochs": 150}).expect(200).json["job"]
    for _ in range(1500):
        if s.get("/retrain/status").json["epoch"] >= 3:
            break
        time.sleep(0.02)
    s.process.send_signal(signal.SIGKILL)
    s.process.wait()
    s = serve(here)
    status = wait(s, "done", "failed", seconds=400)
    assert status["status"] == "done" and status["job"] == job and status["attempt"] == 2, status
    assert [m["version"] for m in s.get("/models").json["models"]] == [1]
    assert len(json.loads((here / "models/retraining_log.json").read_text())["retraining_history"]) == 1
    s.stop()


def a_stopped_server_gives_its_training_back():
    here = place(takes=16)
    s = serve(here)
    job = s.post("/retrain", {"epochs": 150}).expect(200).json["job"]
    for _ in range(1500):
        if s.get("/retrain/status").json["epoch"] >= 3:
            break
        time.sleep(0.02)
    s.stop()
    s = serve(here)
    status = wait(s, "done", "failed", seconds=400)
    assert status["status"] == "done" and status["job"] == job, status
    assert [m["version"] for m in s.get("/models").json["models"]] == [1]
    s.stop()


class Receiver(http.server.BaseHTTPRequestHandler):
    seen, failures = [], 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.seen.append((dict(self.headers), body))
        fail = Receiver.failures > 0
        Receiver.failures -= fail
        self.send_response(500 if fail else 204)
        self.end_headers()

    def log_message(self, *args):
        pass


def whoever_asked_is_told():
    here = place()
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    s = serve(here, "--private-hooks")
    token = s.login("admin", s.password)
    url = f"http://127.0.0.1:{listener.server_port}/hook"
    hook = s.post("/v1/webhooks", {"url": url, "events": ["version.promote", "job.done", "gate.refused"],
                                   "secret": "a secret of enough length"}, token).expect(201).json
    secret = hook.get("secret", "a secret of enough length")
    Receiver.failures = 1  # the first try fails, and comes again 10 s later
    assert retrain(s, epochs=30)["status"] == "done"
    wanted = {"version.promote", "job.done"}
    for _ in range(400):
        good = {h["X-Espy-Event"] for h, _ in Receiver.seen}
        if wanted <= good and len(Receiver.seen) >= 3:
            break
        time.sleep(0.1)
    ids = [h["X-Espy-Delivery"] for h, _ in Receiver.seen]
    assert len(Receiver.seen) == 3 and len(set(ids)) == 2, Receiver.seen
    for head, body in Receiver.seen:
        want = hmac.new(secret.encode(), head["X-Espy-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert head["X-Espy-Signature"] == "sha256=" + want
        told = json.loads(body)
        assert told["event"] == head["X-Espy-Event"] and told["time"] and told["data"], told
    assert retrain(s, epochs=3, min_accuracy=1.0)["status"] == "done"
    listener.shutdown()
    s.stop()


def without_a_right_nothing_is_told():
    here = place(takes=2)
    s = Server(here / "ws", "--sounds-dir", here / "audio", "--models-dir", here / "models")
    one = sound("clips", 0)
    for answer in (upload(s, one, kind="clips"), predict(s, one), s.post("/retrain", {}), s.get("/status"), s.get("/models"),
                   s.get("/training-history"), s.get("/retrain/status"), s.post("/models/x/activate")):
        assert "detail" in answer.expect(401).json
    s.get("/health").expect(200)
    token = s.login("admin", s.password)
    upload(s, one, kind="clips", token=token).expect(200)
    s.stop()


def the_curl_lines_of_the_document_work():
    if not shutil.which("curl"):
        print("   curl is absent")
        return
    here = place(takes=0)
    env = dict(os.environ)
    s = serve(here)
    (here / "new_dog_bark.wav").write_bytes(sound("dog_bark", 0))
    lines = ['''curl -X POST http://localhost:8000/upload \\
  -F "file=@new_dog_bark.wav" \\
  -F "class_name=dog_bark"''', '''curl -X POST http://localhost:8000/retrain \\
  -H "Content-Type: application/json" \\
  -d '{"trigger_reason": "Manual test", "epochs": 50}\'''']
    told = []
    for line in lines:
        done = subprocess.run(["sh", "-c", line.replace(":8000", f":{s.port}")], cwd=here, env=env, capture_output=True, check=True)
        told.append(json.loads(done.stdout))
    assert told[0]["success"] is True and told[0]["class"] == "dog_bark", told
    assert told[1]["success"] is True and told[1]["status"] == "running", told
    assert list((here / "audio/dog_bark").glob("*_new_dog_bark.wav"))
    status = wait(s, "failed")  # one class cannot be learned
    assert status["error"], status
    s.stop()



prepare()
main([an_upload_is_kept, what_does_not_decode_is_refused, other_formats_become_wav, nothing_is_known_before_a_training,
      a_manual_training_is_done_as_asked, without_a_word_the_best_pack_hears,
      the_gate_refuses_and_activate_goes_back, one_at_a_time_and_the_server_answers,
      a_training_is_watched, enough_uploads_train_by_themselves, a_killed_training_is_done_by_the_next,
      a_stopped_server_gives_its_training_back, whoever_asked_is_told, without_a_right_nothing_is_told,
      the_curl_lines_of_the_document_work])
