# SPDX-License-Identifier: Apache-2.0
"""SmartAttendance's interface of a running server, as its pages use it: log in, hold a session, recognise faces of
real photos, records and exports, students and their faces, administrators, every status of bad input."""
import base64
import contextlib
import csv
import datetime
import io
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import xml.etree.ElementTree
import zipfile
import zlib

from serve_support import Server
from support import SHARED, SOURCE, Run, folder, main, shared_faces, skip, some_people

FACES = shared_faces()
if not (SHARED / "models" / "mobilefacenet.onnx").is_file():
    skip("needs ../shared/models")
AT = folder()
WS = AT / "w"
ADMIN, TEACHER, OTHER = "the-admins-word", "the-teachers-word", "the-others-word"
START = {"name": "Algebra", "course": "Maths", "session_type": "lab", "time_block": "morning", "section_id": "A1",
         "year": "2"}
SEEN = {}  # what later cases need of earlier ones


def people():
    return sorted(p for p in (FACES / "lfw10").iterdir() if p.is_dir())


def photo(person, number):
    return sorted(people()[person].iterdir())[number].read_bytes()


def stranger():
    return sorted((FACES / "unknown").iterdir())[0].read_bytes()


def wall(side=200):
    """A grey picture without anything on it."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\xa0\xa4\xa8" * side for _ in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def learn():
    some_people(FACES / "lfw10", AT / "d", 5, 7, rename="STU00{number}_{name}")
    Run("train", AT / "d", "--workspace", WS, "--encoder", "mobilefacenet").expect(0)
    for name, role, word in (("boss", "admin", ADMIN), ("teacher", "instructor", TEACHER), ("other", "instructor", OTHER)):
        Run("user", "add", name, "--role", role, "--full-name", name.title(), "--workspace", WS, stdin=word.encode()).expect(0)


def login(name, word, server=None):
    return (server or SERVER).post("/api/auth/login", {"username": name, "password": word}).expect(200).json["access_token"]


def start(token, **more):
    answer = SERVER.post("/api/attendance/start-session", dict(START, **more), token).expect(201).json
    assert answer["session_id"] == answer["session"]["id"] and answer["session"]["status"] == "active", answer
    return answer["session_id"]


def recognize(token, session, image, status=200, server=None):
    return (server or SERVER).post("/api/attendance/recognize", token=token, form={"session_id": session},
                                   files=[("image", "frame.jpg", image)]).expect(status).json


# -- logging in ------------------------------------------------------------------------------------

def log_in():
    s = SERVER
    s.get("/api/attendance/test-ping").expect(200, "pong")
    answer = s.post("/api/auth/login", {"username": "teacher", "password": TEACHER}).expect(200).json
    assert set(answer) == {"access_token", "user"} and answer["user"]["role"] == "instructor", answer
    assert (answer["user"]["username"], answer["user"]["name"]) == ("teacher", "Teacher"), answer
    SEEN["teacher_id"] = answer["user"]["id"]
    wrong = s.post("/api/auth/login", {"username": "teacher", "password": "x" * 9}).expect(401).json
    assert set(wrong) == {"error", "message"}, wrong
    s.post("/api/auth/login", {"username": "teacher"}).expect(400, "error")
    s.call("POST", "/api/auth/login", b"username=teacher&password=" + TEACHER.encode(),
           headers={"Content-Type": "application/x-www-form-urlencoded"}).expect(200)
    s.get("/api/auth/me").expect(401, "error")
    assert s.get("/api/auth/me", answer["access_token"]).expect(200).json == answer["user"]
    statuses = [s.post("/api/auth/login", {"username": "ghost", "password": f"guess-{n}"}).status for n in range(8)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses


# -- faces -----------------------------------------------------------------------------------------

def detect():
    """A photo's faces as file, as form text, as JSON, as the whole body; none on a wall."""
    s, token = SERVER, login("teacher", TEACHER)
    path, text = "/api/attendance/detect-face", base64.b64encode(photo(0, 9)).decode()
    answers = [s.post(path, token=token, files=[("image", "a.jpg", photo(0, 9))]),
               s.post(path, token=token, form={"image": text}),
               s.post(path, {"image": text}, token),
               s.post(path, {"image": "data:image/jpeg;base64," + text}, token),
               s.call("POST", path, photo(0, 9), token, headers={"Content-Type": "image/jpeg"})]
    found = [a.expect(200).json for a in answers]
    assert all(one == found[0] for one in found), found
    assert found[0]["status"] == "success" and found[0]["count"] == len(found[0]["faces"]) >= 1, found[0]
    box = found[0]["faces"][0]["bbox"]
    assert set(box) == {"x", "y", "w", "h"} and box["w"] > 30 and box["h"] > 30, box
    assert len(found[0]["faces"][0]["landmarks"]) == 5, found[0]
    none = s.post(path, token=token, files=[("image", "wall.png", wall())]).expect(200).json
    assert none == {"status": "no_face", "faces": [], "count": 0}, none
    s.post(path, {}, token).expect(400, "image")
    s.post(path, {"image": "%%%"}, token).expect(400, "image")
    s.post(path, token=token, files=[("image", "x.jpg", b"not a picture")]).expect(400, "cannot be read")
    s.post(path, token=token, files=[("image", "x.jpg", photo(0, 9)[:500])]).expect(400)
    s.post(path, {"image": text}).expect(401)


def script():
    """S0's script finds the faces of a photo, says "no_face" for a wall, and what to do where it cannot."""
    if not shutil.which("curl"):
        print("   (no curl: passed over)")
        return
    (AT / "wall.png").write_bytes(wall())
    (AT / "face.jpg").write_bytes(photo(0, 9))
    tool = SOURCE / "scripts" / "test_detect_face_endpoint"

    def run(*args, **env):
        full = dict(os.environ, ESPY_URL=f"http://127.0.0.1:{SERVER.port}", ESPY_TOKEN="", ESPY_ACCOUNT="", **env)
        done = subprocess.run([tool, *args], env=full, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    account = {"ESPY_ACCOUNT": "teacher:" + TEACHER}
    for env in (account, {"ESPY_TOKEN": login("teacher", TEACHER)}):
        full = {"ESPY_TOKEN": "", "ESPY_ACCOUNT": "", **env}
        done = subprocess.run([tool, AT / "face.jpg"], capture_output=True, text=True, check=False,
                              env=dict(os.environ, ESPY_URL=f"http://127.0.0.1:{SERVER.port}", **full))
        assert done.returncode == 0 and '"success"' in done.stdout and '"bbox"' in done.stdout, done
    done = subprocess.run([tool, AT / "wall.png"], capture_output=True, text=True, check=False,
                          env=dict(os.environ, ESPY_URL=f"http://127.0.0.1:{SERVER.port}", **account))
    assert done.returncode == 0 and '"no_face"' in done.stdout, done
    code, said = run(str(AT / "face.jpg"))
    assert code == 1 and "log in first" in said, said
    done = subprocess.run([tool], capture_output=True, text=True, check=False,
                          env=dict(os.environ, ESPY_URL=f"http://127.0.0.1:{SERVER.port}", **account))
    assert done.returncode == 0 and "is there" in done.stdout, done
    done = subprocess.run([tool, AT / "face.jpg"], capture_output=True, text=True, check=False,
                          env=dict(os.environ, ESPY_URL="http://127.0.0.1:9"))
    assert done.returncode == 1 and "no server answers" in done.stderr, done


# -- a session -------------------------------------------------------------------------------------

def session():
    """Log in as instructor, start a session, recognise: one row a day for each student."""
    s, token = SERVER, login("teacher", TEACHER)
    id = SEEN["session"] = start(token)
    first = recognize(token, id, photo(0, 9))
    assert first["status"] == "recognized" and first["student_id"] == "STU001" and first["new_entry"] is True, first
    assert first["student_name"] and 0 < first["confidence"] <= 1 and first["bbox"]["w"] > 30, first
    again = recognize(token, id, photo(0, 8))
    assert again["status"] == "already_marked" and again["updated"] is True and "new_entry" not in again, again
    assert recognize(token, id, photo(1, 9))["student_id"] == "STU002"
    unknown = recognize(token, id, stranger())
    assert unknown["status"] == "unknown" and "student_id" not in unknown, unknown
    assert recognize(token, id, wall())["status"] == "no_face"
    text = base64.b64encode(photo(0, 9)).decode()
    assert s.post("/api/attendance/recognize", {"image": text, "session_id": str(id)}, token).expect(200).json["status"] == "already_marked"
    shown = s.get(f"/api/attendance/session/{id}", token).expect(200).json
    assert shown["count"] == 2 and shown["session"]["attendance_count"] == 2, shown
    assert {row["student_id"] for row in shown["attendance"]} == {"STU001", "STU002"}, shown
    row = shown["attendance"][0]
    assert row["student_name"] and row["timestamp"].endswith("Z") and 0 < row["confidence"] <= 1, row
    for field in ("course", "section_id", "year", "session_type", "time_block"):
        assert shown["session"][field] == START[field], shown["session"]
    assert (shown["session"]["instructor_name"], shown["session"]["instructor_id"]) == ("Teacher", SEEN["teacher_id"])


def refusals():
    s, token = SERVER, login("teacher", TEACHER)
    id = start(token)
    assert s.get(f"/api/attendance/session/{id}", token).json["session"]["name"] == "Algebra (2)"
    recognize(token, 999999, photo(0, 9), 404)
    recognize(token, "x", photo(0, 9), 400)
    recognize(token, id, b"not a picture", 400)
    s.post("/api/attendance/recognize", {"session_id": id}, token).expect(400, "image")
    s.post("/api/attendance/recognize", token=token, files=[("image", "a.jpg", photo(0, 9))]).expect(400, "session_id")
    for missing in ("session_type", "time_block", "section_id", "year"):
        s.post("/api/attendance/start-session", {k: v for k, v in START.items() if k != missing}, token).expect(400, missing)
    s.post("/api/attendance/start-session", dict(START, session_type="party"), token).expect(400, "lab|theory")
    s.post("/api/attendance/start-session", START).expect(401)
    ended = s.post("/api/attendance/end-session", {"session_id": id}, token).expect(200).json
    assert ended["session"]["status"] == "ended" and ended["session"]["end_time"], ended
    s.post("/api/attendance/end-session", {"session_id": id}, token).expect(400, "ended")
    recognize(token, id, photo(0, 9), 400)
    s.post("/api/attendance/end-session", {"session_id": 999999}, token).expect(404)
    s.call("GET", "/api/attendance/recognize").expect(405)
    s.get("/api/instructor/nothing").expect(404, "error")


def isolation():
    """Another instructor sees neither the session nor its rows; an administrator sees all."""
    s, other, boss, id = SERVER, login("other", OTHER), login("boss", ADMIN), SEEN["session"]
    recognize(other, id, photo(0, 9), 404)
    s.get(f"/api/attendance/session/{id}", other).expect(404)
    s.post("/api/attendance/end-session", {"session_id": id}, other).expect(403)
    assert s.get("/api/instructor/records", other).expect(200).json == {"records": [], "count": 0, "total": 0}
    assert s.get("/api/attendance/session/%d" % id, boss).expect(200).json["count"] == 2
    assert s.get("/api/admin/attendance/all", boss).expect(200).json["total"] == 2
    for path in ("/api/admin/stats", "/api/admin/instructors", "/api/admin/settings", "/api/admin/attendance/all"):
        s.get(path, other).expect(403)
        s.get(path).expect(401)


def records():
    """Filters, and the same rows as CSV and as a spreadsheet."""
    s, token = SERVER, login("teacher", TEACHER)
    path = "/api/instructor/records"
    all_rows = s.get(path, token).expect(200).json
    assert all_rows["count"] == all_rows["total"] == 2, all_rows
    today = all_rows["records"][0]["date"]
    assert today in (datetime.date.today().isoformat(), (datetime.date.today() - datetime.timedelta(1)).isoformat())
    for query, count in (({"student_id": "STU001"}, 1), ({"student_id": "NOBODY"}, 0), ({"session_id": SEEN["session"]}, 2),
                         ({"start_date": today, "end_date": today}, 2), ({"end_date": "2001-01-01"}, 0)):
        assert s.get(path, token, query=query).expect(200).json["count"] == count, query
    for query in ({"start_date": "yesterday!"}, {"start_date": "2026-13-01"}, {"session_id": "x"}):
        s.get(path, token, query=query).expect(400, "error")
    file = s.get(path + "/export/csv", token).expect(200)
    assert file.headers["content-type"].startswith("text/csv") and "attachment" in file.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(file.body.decode())))
    assert rows[0] == ["Date", "Time", "Student ID", "Student Name", "Session", "Confidence", "Status"], rows[0]
    assert len(rows) == 3 and {row[2] for row in rows[1:]} == {"STU001", "STU002"}, rows
    assert all(re.fullmatch(r"\d+\.\d\d%", row[5]) and row[6] == "present" and row[4] == "Algebra" for row in rows[1:])
    one = list(csv.reader(io.StringIO(s.get(path + "/export/csv", token, query={"student_id": "STU002"}).body.decode())))
    assert len(one) == 2, one
    sheet = s.get(path + "/export/excel", token).expect(200)
    assert sheet.headers["content-disposition"].endswith('.xlsx"')
    assert sheet_rows(sheet.body) == rows, sheet_rows(sheet.body)
    boss = login("boss", ADMIN)
    assert s.get("/api/admin/attendance/export/csv", boss).expect(200).body == file.body
    assert sheet_rows(s.get("/api/admin/attendance/export/excel", boss).expect(200).body) == rows


def sheet_rows(data):
    """The cells of the first sheet of an .xlsx file."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        sheet = xml.etree.ElementTree.fromstring(file.read("xl/worksheets/sheet1.xml"))
        shared = []
        if "xl/sharedStrings.xml" in file.namelist():
            strings = xml.etree.ElementTree.fromstring(file.read("xl/sharedStrings.xml"))
            shared = ["".join(t.text or "" for t in one.iter("{%s}t" % space["m"])) for one in strings.findall("m:si", space)]
    rows = []
    for row in sheet.iter("{%s}row" % space["m"]):
        cells = []
        for cell in row:
            value = cell.find("m:v", space)
            if cell.get("t") == "s":
                cells.append(shared[int(value.text)])
            else:
                cells.append("".join(t.text or "" for t in cell.iter("{%s}t" % space["m"])) or (value.text if value is not None else ""))
        rows.append(cells)
    return rows


def instructor():
    s, token = SERVER, login("other", OTHER)
    assert s.get("/api/instructor/info", token).expect(200).json["username"] == "other"
    students = s.get("/api/instructor/students", token).expect(200).json
    assert students["count"] == 5 and students["students"][0]["student_id"] == "STU001", students
    assert students["students"][0]["face_registered"] and students["students"][0]["face_images_count"] == 7
    assert s.get("/api/instructor/students", token, query={"search": "stu003"}).json["count"] == 1
    assert s.get("/api/instructor/sections", token).expect(200).json == {"sections": []}
    before = s.get("/api/instructor/settings", token).expect(200).json
    assert before["confidence_threshold"] is None and 0 < before["face_recognition_threshold"] < 1, before
    s.put("/api/instructor/settings", {"confidence_threshold": 2}, token).expect(400)
    s.put("/api/instructor/settings", {}, token).expect(400)
    # the own threshold counts in the own sessions
    id = start(token, name="Strict")
    assert recognize(token, id, photo(0, 9))["status"] == "recognized"
    after = s.put("/api/instructor/settings", {"confidence_threshold": 1}, token).expect(200).json
    assert after == {"confidence_threshold": 1, "face_recognition_threshold": 1}, after
    assert recognize(token, id, photo(0, 9))["status"] == "unknown"
    assert s.put("/api/instructor/settings", {"confidence_threshold": 0}, token).expect(200).json == before
    s.put("/api/instructor/change-password", {"current_password": "x", "new_password": "another-word"}, token).expect(400)
    s.put("/api/instructor/change-password", {"current_password": OTHER, "new_password": "short"}, token).expect(400)
    s.put("/api/instructor/change-password", {"current_password": OTHER, "new_password": "another-word"}, token).expect(200)
    s.get("/api/auth/me", token).expect(401)
    login("other", "another-word")


# -- students --------------------------------------------------------------------------------------

def students():
    """Registering, the own profile and faces, the own attendance; nobody takes over somebody else."""
    s = SERVER
    new = {"username": "nina", "password": "ninas-own-word", "email": "nina@x.org", "name": "Nina N", "student_id": "STU100",
           "department": "CS", "year": 3}
    made = s.post("/api/auth/register-student", new).expect(201).json["student"]
    assert made["student_id"] == "STU100" and made["year"] == "3" and not made["face_registered"], made
    for change, status in (({}, 409), ({"username": "nina2", "email": "n2@x.org"}, 409), ({"password": "short"}, 400),
                           ({"username": "n3", "email": "n3@x.org", "student_id": "STU001"}, 409),
                           ({"username": "n4", "email": "n4@x.org", "student_id": "Unknown"}, 400),
                           ({"student_id": None}, 400)):
        s.post("/api/auth/register-student", dict(new, **change)).expect(status, "error")
    boss = login("boss", ADMIN)
    names = {one["name"] for one in s.get("/v1/users", boss).json["items"]}
    assert names == {"boss", "teacher", "other", "nina"}, names  # what was refused left nothing
    token = login("nina", "ninas-own-word")
    me = s.get("/api/auth/me", token).expect(200).json
    assert me["role"] == "student" and me["student_id"] == "STU100", me
    assert s.get("/api/students/profile", token).expect(200).json == made
    assert s.get("/api/students/attendance", token).expect(200).json == {"attendance": [], "count": 0, "total": 0}
    files = [("images", f"{n}.jpg", photo(6, n)) for n in range(6)]
    done = s.post("/api/students/register-face", token=token,
                  files=files + [("images", "wall.png", wall()), ("images", "bad.jpg", b"x"), ("images", "his.jpg", photo(0, 0)),
                                 ("images", "him.jpg", photo(0, 9))]).expect(200).json
    assert done["registered"] == 6 and done["face_images_count"] == 6 and done["face_registered"], done
    assert [one["file"] for one in done["refused"]] == ["wall.png", "bad.jpg", "his.jpg", "him.jpg"], done
    assert "another student's" in done["refused"][3]["reason"], done  # a photo that nobody had registered
    s.post("/api/students/register-face", token=token, files=[("images", "wall.png", wall())]).expect(400, "no face")
    kept = [one["source"] for one in s.get("/v1/collections/faces/media", boss, query={"limit": 1000}).expect(200).json["items"]
            if one["source"].startswith("register-face/")]
    assert sorted(kept) == [f"register-face/STU100/{n}.jpg" for n in range(6)], kept  # nothing that shows no face
    big = s.post("/api/students/register-face", token=token, files=[("images", "a.jpg", photo(6, 0)), ("images", "b.jpg", photo(6, 7) + bytes(12 << 20))])
    assert [one["reason"] for one in big.expect(200).json["refused"]] == ["a picture has at most 12 MiB"], big.json
    s.post("/api/students/register-face", {}, token).expect(400)
    s.post("/api/students/register-face", token=login("teacher", TEACHER), files=files).expect(404)
    for path in ("/api/instructor/records", "/api/instructor/students", "/api/admin/stats", f"/api/attendance/session/{SEEN['session']}"):
        s.get(path, token).expect(403)
    recognize(token, SEEN["session"], photo(0, 9), 403)
    # a training learns the face, the running server answers with it, and the student sees the row
    Run("train", "--workspace", WS, "--quiet").expect(0)
    teacher = login("teacher", TEACHER)
    assert recognize(teacher, SEEN["session"], photo(6, 8))["student_id"] == "STU100"
    own = s.get("/api/students/attendance", token).expect(200).json
    assert own["count"] == 1 and own["attendance"][0]["session_name"] == "Algebra", own
    s.put("/api/admin/settings", {"allow_registration": False}, boss).expect(200)
    s.post("/api/auth/register-student", dict(new, username="x", email="x@x.org", student_id="X1")).expect(403)
    s.put("/api/admin/settings", {"allow_registration": True}, boss).expect(200)


# -- administrators --------------------------------------------------------------------------------

def admin_people():
    s, boss = SERVER, login("boss", ADMIN)
    new = {"username": "ivy", "password": "ivys-own-word", "email": "ivy@x.org", "name": "Ivy", "department": "Law",
           "session_types": ["theory"], "sections": ["B1", "B2"]}
    ivy = s.post("/api/admin/add-instructor", new, boss).expect(201).json["instructor"]
    assert ivy["sections"] == ["B1", "B2"] and ivy["department"] == "Law" and ivy["enabled"], ivy
    s.post("/api/admin/add-instructor", new, boss).expect(409)
    s.post("/api/admin/add-instructor", dict(new, username="x", email="", password="short"), boss).expect(400)
    listed = s.get("/api/admin/instructors", boss).expect(200).json
    assert [one["username"] for one in listed["instructors"]] == ["teacher", "other", "ivy"], listed
    token = login("ivy", "ivys-own-word")
    assert s.get("/api/instructor/sections", token).json == {"sections": ["B1", "B2"]}
    start(token, section_id="B1", session_type="theory", name="Law")
    s.post("/api/attendance/start-session", dict(START, section_id="B1"), token).expect(403)
    s.post("/api/attendance/start-session", dict(START, session_type="theory"), token).expect(403)
    path = f"/api/admin/instructor/{ivy['id']}"
    changed = s.put(path, {"name": "Ivy I", "sections": "C1,C2"}, boss).expect(200).json["instructor"]
    assert changed["name"] == "Ivy I" and changed["sections"] == ["C1", "C2"] and changed["department"] == "Law", changed
    assert s.put(path + "/toggle", None, boss).expect(200).json["instructor"]["enabled"] is False
    s.get("/api/auth/me", token).expect(401)
    assert s.post(path + "/toggle", None, boss).expect(200).json["instructor"]["enabled"] is True
    s.put("/api/admin/instructor/9999", {"name": "x"}, boss).expect(404)
    me = s.get("/v1/auth/me", boss).json["user"]["id"]
    s.delete(f"/api/admin/instructor/{me}", boss).expect(404)  # no instructor
    s.delete(path, boss).expect(200)
    s.delete(path, boss).expect(404)
    stu = s.post("/api/admin/add-student", {"student_id": "STU200", "name": "Otto", "section": "A1"}, boss).expect(201).json["student"]
    assert stu["user_id"] is None and stu["section"] == "A1", stu
    s.post("/api/admin/add-student", {"student_id": "STU201", "name": "P", "username": "p"}, boss).expect(400)
    with_account = s.post("/api/admin/add-student", {"student_id": "STU001", "name": "Ariel S", "username": "ariel",
                                                     "password": "ariels-own-word"}, boss).expect(201).json["student"]
    assert with_account["face_images_count"] == 7 and with_account["name"] == "Ariel S", with_account  # enrolled before
    assert login("ariel", "ariels-own-word")
    assert s.get("/api/instructor/sections", login("teacher", TEACHER)).json == {"sections": ["A1"]}
    assert s.get("/api/admin/students", boss, query={"section": "A1"}).json["count"] == 1
    path = f"/api/admin/student/{stu['id']}"
    changed = s.put(path, {"name": "Otto O", "year": 4, "student_id": "STU222"}, boss).expect(200).json["student"]
    assert (changed["name"], changed["year"], changed["student_id"], changed["section"]) == ("Otto O", "4", "STU222", "A1")
    s.put(path, {"student_id": "STU001"}, boss).expect(409)
    s.put("/api/admin/student/9999", {"name": "x"}, boss).expect(404)
    s.delete(path, boss).expect(200)
    s.delete(path, boss).expect(404)
    # switched off: neither logged in nor marked
    path = f"/api/admin/student/{with_account['id']}/toggle"
    assert s.put(path, None, boss).expect(200).json["student"]["enabled"] is False
    s.post("/api/auth/login", {"username": "ariel", "password": "ariels-own-word"}).expect(401)
    assert recognize(login("teacher", TEACHER), SEEN["session"], photo(0, 9))["status"] == "unknown"
    assert s.post(path, None, boss).expect(200).json["student"]["enabled"] is True
    assert recognize(login("teacher", TEACHER), SEEN["session"], photo(0, 9))["status"] == "already_marked"


def admin_rest():
    s, boss = SERVER, login("boss", ADMIN)
    stats = s.get("/api/admin/stats", boss).expect(200).json
    assert stats["total_students"] == 6 and stats["total_instructors"] == 2 and stats["model_loaded"], stats
    assert stats["today_attendance"] == stats["total_attendance"] == 4, stats
    active = s.get("/api/admin/active-sessions", boss).expect(200).json
    assert active["count"] == stats["active_sessions"] == 3, active
    recent = s.get("/api/admin/recent-sessions", boss).expect(200).json["sessions"]
    assert len(recent) == 4 and recent[0]["id"] > recent[-1]["id"], recent
    assert len(s.get("/api/admin/recent-sessions", boss, query={"limit": 2}).json["sessions"]) == 2
    before = s.get("/api/admin/settings", boss).expect(200).json
    assert before["session_timeout_minutes"] == 120 and before["allow_registration"] is True, before
    s.put("/api/admin/settings", {"face_recognition_threshold": 1.5}, boss).expect(400)
    teacher, id = login("teacher", TEACHER), SEEN["session"]
    low = s.put("/api/admin/settings", {"face_recognition_threshold": 0.99}, boss).expect(200).json
    assert low["face_recognition_threshold"] == 0.99, low
    assert recognize(teacher, id, photo(0, 9))["status"] == "unknown"
    s.put("/api/admin/settings", {"face_recognition_threshold": 0.3}, boss).expect(200)
    assert recognize(teacher, id, photo(0, 9))["status"] == "already_marked"


def debug():
    s, boss = SERVER, login("boss", ADMIN)
    told = s.post("/api/debug/echo", form={"message": "hello"}, files=[("image", "a.png", b"1234")]).expect(200).json
    assert told["method"] == "POST" and told["message"] == "hello" and told["files"][0]["bytes"] == 4, told
    assert s.get("/api/debug/echo", query={"message": "x"}).expect(200).json["message"] == "x"
    before = s.get("/api/attendance/session/%d" % SEEN["session"], boss).json["attendance"]
    tried = s.post("/api/debug/recognition-test", token=boss, files=[("image", "a.jpg", photo(2, 9))]).expect(200).json
    assert tried["status"] == "recognized" and tried["student_id"] == "STU003", tried
    assert s.get("/api/attendance/session/%d" % SEEN["session"], boss).json["attendance"] == before
    s.post("/api/debug/recognition-test", files=[("image", "a.jpg", photo(2, 9))]).expect(401)
    status = s.get("/api/debug/model-status", boss).expect(200).json
    assert status["model_loaded"] and status["version"] == 2 and status["classes"] == 6, status
    assert status["files"] == {"classifier": True, "label_encoder": True, "label_classes": True}, status
    assert status["model_path"].endswith("/versions/2") and status["training_date"] and status["threshold"] == 0.3
    assert s.post("/api/debug/reload-models", None, boss).expect(200).json["version"] == 2
    s.post("/api/debug/reload-models", None, login("teacher", TEACHER)).expect(403)


def upload_model():
    """A classifier that was trained elsewhere answers; what does not fit is refused and changes nothing."""
    s, boss, path = SERVER, login("boss", ADMIN), "/api/admin/upload-model"
    out = AT / "production"
    Run("retrain", "production", "--dataset", AT / "d", "--output", out, "--classifier", "logistic", "--workspace", AT / "elsewhere",
        "--encoder", "mobilefacenet").expect(0)
    pickle = (out / "face_classifier_v1.pkl").read_bytes()

    def send(data, kind, status):
        return s.post(path, token=boss, form={"type": kind}, files=[("file", "model.pkl", data)]).expect(status).json

    for data in (b"", b"garbage", pickle[:200], b"cos\nsystem\n(S'touch /tmp/x'\ntR."):
        send(data, "classifier", 400)
    send(pickle, "network", 400)
    s.post(path, token=login("teacher", TEACHER), form={"type": "classifier"}, files=[("file", "m.pkl", pickle)]).expect(403)
    assert s.get("/api/debug/model-status", boss).json["version"] == 2
    done = send(pickle, "classifier", 200)
    assert done["version"] == 3 and done["classes"] == 5, done
    status = s.get("/api/debug/model-status", boss).json
    assert status["version"] == 3 and status["classifier_type"] == "logistic", status
    tried = s.post("/api/debug/recognition-test", token=boss, files=[("image", "a.jpg", photo(2, 9))]).expect(200).json
    assert tried["student_id"] == "STU003", tried
    # names that are uploaded first replace those in the file, once
    names = (out / "label_encoder_classes.npy").read_bytes()
    send(names, "classes", 200)
    send(b"garbage", "encoder", 400)
    send(b"garbage", "classes", 400)
    Run("retrain", "clean", "--data-dir", AT / "d", "--out-dir", AT / "clean", "--embeds-out", AT / "embeds", "--workspace", AT / "elsewhere",
        "--encoder", "mobilefacenet").expect(0)
    send((AT / "clean" / "label_encoder.pkl").read_bytes(), "encoder", 200)
    assert send((AT / "clean" / "face_classifier_v1.pkl").read_bytes(), "classifier", 200)["version"] == 4
    # one that was trained on embeddings of another encoder is of no use
    if (SHARED / "models" / "edgeface_xxs_deq.onnx").is_file():
        Run("retrain", "production", "--dataset", AT / "d", "--output", AT / "edge", "--workspace", AT / "elsewhere2",
            "--encoder", "edgeface").expect(0)
        refused = send((AT / "edge" / "face_classifier_v1.pkl").read_bytes(), "classifier", 400)
        assert "edgeface" in refused["error"], refused
    # neither is one that knows somebody who is not here, nor one that takes everybody for another
    some_people(FACES / "lfw10", AT / "six", 6, 5, rename="STU00{number}_{name}")
    folders = sorted((AT / "d").iterdir())
    for number, source in enumerate(folders):
        shutil.copytree(source, AT / "mixed" / folders[number - 1].name)
    for data, text in (("six", "STU006"), ("mixed", "another encoder")):
        Run("retrain", "production", "--dataset", AT / data, "--output", AT / (data + ".out"), "--workspace", AT / (data + ".w"),
            "--encoder", "mobilefacenet").expect(0)
        assert text in send((AT / (data + ".out") / "face_classifier_v1.pkl").read_bytes(), "classifier", 422)["error"]
    assert s.get("/api/debug/model-status", boss).json["version"] == 4


def keys():
    """A camera's key marks attendance in its owner's sessions, and no more than its scopes allow."""
    s, token = SERVER, login("teacher", TEACHER)
    camera = s.post("/v1/keys", {"name": "camera", "scopes": ["enroll", "identify"]}, token).expect(201).json["key"]
    assert recognize(camera, SEEN["session"], photo(1, 9))["status"] == "already_marked"
    s.get("/api/instructor/records", camera).expect(403)
    reader = s.post("/v1/keys", {"name": "reader", "scopes": ["read"]}, token).expect(201).json["key"]
    s.get("/api/instructor/records", reader).expect(200)
    recognize(reader, SEEN["session"], photo(1, 9), 403)
    s.get("/api/students/profile", reader).expect(403)
    for word in (camera, reader, TEACHER, ADMIN):
        assert word not in "".join(SERVER.said)


def change(workspace, sql, *values):
    """Changes the store behind the server's back; how many rows."""
    with contextlib.closing(sqlite3.connect(workspace / "store.db", timeout=20)) as store, store:
        return store.execute(sql, values).rowcount


def timeout():
    """A session that is open too long ends by itself."""
    s, boss, token = SERVER, login("boss", ADMIN), login("teacher", TEACHER)
    id = start(token, name="Short")
    s.put("/api/admin/settings", {"session_timeout_minutes": 1}, boss).expect(200)
    assert recognize(token, id, wall())["status"] == "no_face"
    assert change(WS, "UPDATE sessions SET opened = opened - 61 WHERE id = ?", id) == 1
    recognize(token, id, wall(), 400)
    assert s.get(f"/api/attendance/session/{id}", token).json["session"]["status"] == "ended"
    s.put("/api/admin/settings", {"session_timeout_minutes": 120}, boss).expect(200)


def settings_of_the_program():
    """RECOGNITION_THRESHOLD, espy.conf's literal rule, and a server that has learned nothing."""
    shutil.copytree(WS, AT / "w2")
    assert change(AT / "w2", "DELETE FROM settings WHERE name LIKE 'smart.%'") == 4
    for threshold, words in (("0.05", {"recognized", "already_marked"}), ("0.999", {"unknown"})):
        with Server(AT / "w2", env={"RECOGNITION_THRESHOLD": threshold}) as s:
            token = login("teacher", TEACHER, s)
            id = s.post("/api/attendance/start-session", START, token).expect(201).json["session_id"]
            assert recognize(token, id, photo(0, 9), server=s)["status"] in words
            assert s.get("/api/debug/model-status", token).json["threshold"] == float(threshold)
    # the literal rule names strangers once the threshold is low: that is what it is for
    with open(AT / "w2" / "espy.conf", "a", encoding="utf-8") as conf:
        conf.write("literal = yes\nthreshold = 0.05\n")
    with Server(AT / "w2") as s:
        token = login("teacher", TEACHER, s)
        id = s.post("/api/attendance/start-session", START, token).expect(201).json["session_id"]
        assert recognize(token, id, stranger(), server=s)["status"] in ("recognized", "already_marked")
    # what the described trainer left answers, also when another class is made beside it
    Run("retrain", "production", "--dataset", AT / "d", "--output", AT / "p", "--workspace", AT / "s1", "--encoder", "mobilefacenet").expect(0)
    with Server(AT / "s1", "--trust-loopback") as s:
        assert s.get("/api/debug/model-status").expect(200).json["classes"] == 5
        s.post("/v1/collections", {"name": "another", "encoder": "mobilefacenet"}).expect(201)
        assert s.get("/api/debug/model-status").expect(200).json["model_loaded"] is True
        assert s.get("/api/admin/students").expect(200).json["count"] == 5
    with Server(AT / "empty", "--trust-loopback") as s:
        found = s.post("/api/attendance/detect-face", files=[("image", "a.jpg", photo(0, 9))]).expect(200).json
        assert found["count"] >= 1, found
        id = s.post("/api/attendance/start-session", START).expect(201).json["session_id"]
        none = recognize(None, id, photo(0, 9), server=s)
        assert none["status"] == "error" and none["requires_model"] is True and none["error"], none
        status = s.get("/api/debug/model-status").expect(200).json
        assert status["model_loaded"] is False and status["model_path"] is None, status
    with Server(AT / "bare", env={"ESPY_MODELS": str(AT), "HOME": str(AT), "XDG_DATA_HOME": str(AT),
                                   "ESPY_SOURCE_ROOT": str(AT / "nowhere")}) as s:
        token = s.login("admin", s.password)
        answer = s.post("/api/attendance/detect-face", token=token, files=[("image", "a.jpg", photo(0, 9))])
        assert answer.status in (200, 503), answer.body  # 200 where the machine has a pack all the same


def nobodys():
    """What an instructor owns is not the product's: others see nobody in it, and nobody registers into it."""
    ws, ann_word = AT / "own", "anns-own-word"
    Run("init", ws).expect(0)
    for name in ("ann", "bob"):
        Run("user", "add", name, "--role", "instructor", "--workspace", ws, stdin=ann_word.encode()).expect(0)
    with Server(ws) as s:
        ann, bob = (login(name, ann_word, s) for name in ("ann", "bob"))
        s.post("/v1/collections", {"name": "faces", "encoder": "mobilefacenet"}, ann).expect(201)
        s.post("/v1/collections/faces/labels", {"code": "SECRET"}, ann).expect(201)
        assert s.get("/api/instructor/students", bob).expect(200).json["count"] == 0
        new = {"username": "nina", "password": "ninas-own-word", "email": "nina@x.org", "name": "Nina", "student_id": "STU1"}
        s.post("/api/auth/register-student", new).expect(201)
        for token in (ann, bob):
            seen = s.get("/api/instructor/students", token).expect(200).json["students"]
            assert [one["student_id"] for one in seen] == ["STU1"], seen
        assert [one["code"] for one in s.get("/v1/collections/faces/labels", ann).expect(200).json["items"]] == ["SECRET"]
    with open(ws / "espy.conf", "a", encoding="utf-8") as conf:
        conf.write("collection = faces\n")
    with Server(ws) as s:
        s.get("/api/instructor/students", login("bob", ann_word, s)).expect(503, "espy.conf")


def registrations():
    """An entry of the roster is not for whoever comes first; hashing keeps no writer out; an address has 20 tries."""
    with Server(AT / "roster", "--trust-loopback") as s:
        path, new = "/api/auth/register-student", {"username": "eve", "password": "eves-own-word", "email": "eve@x.org", "name": "Eve"}
        otto = s.post("/api/admin/add-student", {"student_id": "STU1", "name": "Otto"}).expect(201).json["student"]
        s.post(path, dict(new, student_id="STU1")).expect(409, "administrator")
        assert s.get("/api/admin/students").json["students"] == [otto]
        s.put(f"/api/admin/student/{otto['id']}", {"student_id": "STU2"}).expect(200)
        s.post(path, dict(new, student_id="STU1")).expect(409)  # marks and pictures under the old code are Otto's
        assert s.get("/v1/users").json["total"] == 1
        with contextlib.closing(sqlite3.connect(AT / "roster" / "store.db", isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")  # another writer: a password is looked at before one waits for it
            s.post(path, dict(new, student_id="STU3", password="short")).expect(400, "password")
            s.post("/api/admin/add-student", {"student_id": "STU3", "name": "x", "username": "x", "password": "short"}).expect(400, "password")
            s.put(f"/api/admin/student/{otto['id']}", {"password": "short"}).expect(400, "password")
        for n in range(17):
            s.post(path, dict(new, student_id="STU3", username=f"u{n}", password="short")).expect(400)
        late = s.post(path, dict(new, student_id="STU3")).expect(429, "registrations")
        assert 0 < int(late.headers["retry-after"]) <= 60, late.headers
        s.post("/api/admin/add-student", {**new, "student_id": "STU3"}).expect(201)


def silence():
    """No password, token or key in the log."""
    said = SERVER.stop()
    assert "route=/api/attendance/recognize" in said
    for word in (ADMIN, TEACHER, OTHER, "another-word", "ninas-own-word", "ivys-own-word", "access_token", "espy_"):
        assert word not in said, f"the log says {word}"


learn()
SERVER = Server(WS)
try:
    main([log_in, detect, script, session, refusals, isolation, records, instructor, students, admin_people, admin_rest, debug,
          upload_model, keys, timeout, silence, settings_of_the_program, nobodys, registrations])
finally:
    SERVER.process.kill()
