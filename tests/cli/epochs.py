# SPDX-License-Identifier: Apache-2.0
"""`espy train --head mlp` on real recordings: a line per epoch, parameters, what the version records."""
import json
import math
import re
import shutil

from support import SHARED, Run, folder, main, skip

SOUNDS = SHARED / "data" / "sounds"
CLASSES = ("dog_bark", "engine_idling", "gun_shot", "siren")
if not SOUNDS.is_dir() or not (SHARED / "models" / "yamnet_patch_f32.onnx").exists():
    skip("needs ../shared/data/sounds and ../shared/models/yamnet_patch_f32.onnx")
AT = folder()
W = ("--workspace", AT / "w")
LINE = re.compile(r"^Epoch (\d+)/(\d+): loss: \d+\.\d{4}, acc: [01]\.\d{4}, val_loss: \d+\.\d{4}, val_acc: [01]\.\d{4}$")
for name in CLASSES:
    (AT / "sounds" / name).mkdir(parents=True)
    for path in sorted(p for p in (SOUNDS / name).iterdir() if p.suffix in (".ogg", ".wav"))[:14]:
        shutil.copy(path, AT / "sounds" / name)


def train(*options, code=0):
    return Run("train", AT / "sounds", *W, "--head", "mlp", "--force", *options).expect(code)


def version():
    number = Run("versions", *W, "--json").expect(0).json[0]["version"]
    path = next((AT / "w").rglob(f"versions/{number}/version.json"))
    return json.loads(path.read_text())


def a_line_for_each_epoch():
    done = train("--epochs", 6)
    lines = [m for m in map(LINE.match, done.err.splitlines()) if m]
    v = version()
    assert [int(m[1]) for m in lines] == list(range(1, v["epochs"] + 1)), done.err
    assert {m[2] for m in lines} == {"6"} and v["epochs"] == 6
    assert "Parameters: 701,380 total, 699,460 trainable, 697,540 dense" in done.err, done.err
    assert f"best epoch {v['best_epoch']}" in done.err, done.err
    assert "Epoch" not in done.out


def the_version_records_its_epochs():
    v = version()
    assert v["head"] == "mlp" and set(v["history"]) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert all(len(c) == v["epochs"] for c in v["history"].values()), v
    best = v["history"]["val_loss"][v["best_epoch"] - 1]
    assert best == min(v["history"]["val_loss"]) and math.isfinite(best)
    assert math.isclose(v["history"]["learning_rate"][0], 0.001, rel_tol=1e-6)
    assert v["sample_counts"] == {name: 14 for name in CLASSES}, v["sample_counts"]
    assert "Epochs: 6" in Run("versions", *W, "--history").expect(0).out


def quiet_and_json_are_silent():
    assert "Epoch" not in train("--epochs", 2, "--quiet").err
    done = train("--epochs", 2, "--json")
    assert "Epoch" not in done.err and "Parameters" not in done.err and done.json[-1]["head"] == "mlp"


def validation_is_an_option():
    train("--epochs", 3, "--validation", "0.3")
    first = version()["history"]["val_loss"]
    train("--epochs", 3)
    assert first != version()["history"]["val_loss"]
    train("--epochs", 0, code=2)
    train("--validation", 1, code=2)


def another_head_has_no_epochs():
    done = Run("train", AT / "sounds", *W, "--head", "logistic", "--force").expect(0)
    assert "Epoch" not in done.err and "Parameters" not in done.err
    assert "epochs" not in version() and "history" not in version()


main([a_line_for_each_epoch, the_version_records_its_epochs, quiet_and_json_are_silent,
      validation_is_an_option, another_head_has_no_epochs])
