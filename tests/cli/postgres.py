# SPDX-License-Identifier: Apache-2.0
"""The program on PostgreSQL: a workspace without a file of its own, two folders on one database, backups,
moving there and back."""
import pathlib
import shutil
import sqlite3
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from pg_server import ask, schema, server
from support import Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
URL = server()
PHOTOS = AT / "photos"
PEOPLE = some_people(FACES / "lfw10", PHOTOS, 5, 3, "STU{number:03d}_Person {number}")


def answers(workspace, **more):
    """What identify says of all photos, without what differs by folder."""
    return [{k: v for k, v in line.items() if k != "seconds"}
            for line in Run("identify", PHOTOS, "--workspace", workspace, "--json", **more).expect(0).json]


def test_file_workspace():
    """What everything else is compared with."""
    Run("train", PHOTOS, "--workspace", AT / "file").expect(0)
    assert (AT / "file" / "store.db").is_file()


def test_database_workspace():
    url = schema(URL, "w")
    said = Run("init", AT / "a", "--store", url).expect(0, "new workspace")
    password = URL.split("@")[0].rsplit(":", 1)[-1]
    assert password not in said.out + said.err and "postgresql://" in said.out
    assert oct((AT / "a" / "espy.conf").stat().st_mode & 0o777) == "0o600"
    Run("init", AT / "a", "--store", url).expect(1, "is there already")
    Run("train", PHOTOS, "--workspace", AT / "a").expect(0)
    assert not (AT / "a" / "store.db").exists() and not (AT / "a" / "media").exists()
    assert ask(url, "SELECT count(*) FROM labels") == str(len(PEOPLE))
    assert int(ask(url, "SELECT count(*) FROM media_bytes")) == 3 * len(PEOPLE)
    assert answers(AT / "a") == answers(AT / "file")
    # another machine: an empty folder, the address from its environment
    assert answers(AT / "b", env={"ESPY_STORE": url}) == answers(AT / "file")
    assert not (AT / "b" / "store.db").exists()
    # the cache is a cache
    shutil.rmtree(AT / "a" / "collections")
    assert answers(AT / "a") == answers(AT / "file") and (AT / "a" / "collections").is_dir()
    Run("doctor", "--workspace", AT / "a").expect(0, "whole")
    versions = Run("versions", "--workspace", AT / "a", "--json").expect(0).json
    assert versions[0]["version"] == 1


def test_shared_media():
    url = schema(URL, "m")
    Run("init", AT / "m", "--store", url, "--media-dir", AT / "shared media").expect(0)
    Run("train", PHOTOS, "--workspace", AT / "m").expect(0)
    assert ask(url, "SELECT count(*) FROM media_bytes") == "0"
    assert sum(p.is_file() for p in (AT / "shared media").rglob("*")) == 3 * len(PEOPLE)
    Run("doctor", "--workspace", AT / "m").expect(0, "whole")


def test_export_there_and_back():
    there, back = schema(URL, "x"), AT / "back"
    out = Run("export", "--to", there, "--workspace", AT / "file", "--json").expect(0).json[0]
    assert out["media"] == 3 * len(PEOPLE) and out["missing"] == 0
    Run("export", "--to", there, "--workspace", AT / "file").expect(1, "holds something already")
    moved = Run("export", "--to", back, "--workspace", AT / "c", "--json",
                env={"ESPY_STORE": there}).expect(0).json[0]
    assert moved["digest"] == out["digest"] and moved["rows"] == out["rows"]
    assert answers(back) == answers(AT / "file")
    with sqlite3.connect(back / "store.db") as db, sqlite3.connect(AT / "file" / "store.db") as old:
        for table in ("labels", "samples", "events", "versions", "embeddings"):
            assert db.execute(f"SELECT * FROM {table}").fetchall() == \
                old.execute(f"SELECT * FROM {table}").fetchall()
    Run("export", "--workspace", AT / "file").expect(2, "--to")
    Run("export", "x.onnx", "--to", there, "--workspace", AT / "file").expect(2, "--to")


def test_backup_and_restore():
    url = schema(URL, "w2")
    for source, env in ((AT / "file", {}), (AT / "a", {})):
        made = AT / f"{source.name}.tar"
        out = Run("backup", made, "--workspace", source, "--json", env=env).expect(0).json[0]
        with tarfile.open(made) as tar:
            assert tar.getnames()[0] == "store.json" and tar.getnames()[-1] == "SHA256SUMS"
        target = AT / f"restored {source.name}"
        done = Run("restore", made, "--workspace", target, "--json").expect(0).json[0]
        assert done["digest"] == out["digest"]
        assert answers(target) == answers(AT / "file")
        Run("restore", made, "--workspace", target).expect(1, "holds something already")
    Run("init", AT / "r", "--store", url).expect(0)
    Run("restore", AT / "file.tar", "--workspace", AT / "r").expect(0, "read back and compared")
    assert answers(AT / "r") == answers(AT / "file")
    whole = (AT / "file.tar").read_bytes()
    (AT / "cut.tar").write_bytes(whole[:len(whole) // 2])
    Run("restore", AT / "cut.tar", "--workspace", AT / "empty").expect(1, "cut off")
    at = len(whole) // 2  # in some photo
    (AT / "bad.tar").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
    Run("restore", AT / "bad.tar", "--workspace", AT / "empty").expect(1, "is damaged")
    (AT / "no.tar").write_text("hello")
    Run("restore", AT / "no.tar", "--workspace", AT / "empty").expect(1)
    Run("restore", AT / "file.tar", "--workspace", AT / "empty").expect(0)
    Run("backup", AT / "no such folder" / "x.tar", "--workspace", AT / "file").expect(1)


def test_no_server():
    for url, words in (("postgresql://me:hunter2@localhost:1/espy", "check the address"),
                       ("mysql://me:hunter2@localhost/espy", "postgresql://")):
        said = Run("versions", "--workspace", AT / "file", env={"ESPY_STORE": url})
        assert said.code in (1, 2) and words in said.err and "hunter2" not in said.err, said.err
    Run("init", AT / "n", "--store", "mysql://x").expect(2, "postgresql://")
    assert not (AT / "n").exists()


main([test_file_workspace, test_database_workspace, test_shared_media, test_export_there_and_back,
      test_backup_and_restore, test_no_server])
