# SPDX-License-Identifier: Apache-2.0
"""AttendanSee's interface as its clients use it: every route, bad input, the three workflows, two teachers who do not
see each other, and what the described system's own tests expect."""
import atexit
import concurrent.futures
import json
import re
import sqlite3
import struct
import time

from serve_support import Server
from support import SHARED, Run, folder, main, shared_faces, skip

FACES = shared_faces()
if not (SHARED / "models" / "edgeface_xxs_deq.onnx").is_file():
    skip("needs the pack edgeface (../shared/models)")
if not [m for m in Run("models", "list", "--json").json if m["pack"] == "face-api" and m["installed"]]:
    skip("needs the pack face-api")
AT = folder()
API = "/api/attendance/"
PEOPLE = ["Ariel_Sharon", "Colin_Powell", "Hugo_Chavez", "Jacques_Chirac", "Tony_Blair"]
ARC = {"embedding_model": "arcface"}
S = Server(AT / "w")
atexit.register(S.process.kill)
TOKENS = {}
C = {}  # ids that later cases need


def ask(method, path, body=None, who="ann", **more):
    return S.call(method, path if path.startswith("/") else API + path, body, TOKENS.get(who), **more)


def ok(method, path, body=None, status=200, **more):
    answer = ask(method, path, body, **more).expect(status)
    return answer.json if answer.body else None


def upload(session, photo, status=201, **more):
    return ok("POST", "images/", form={"session": session}, files=[("original_image_path", photo.name, photo.read_bytes())],
              status=status, **more)


def photos(person, first, n):
    return sorted((FACES / "lfw10" / person).iterdir())[first:first + n]


def wrong(method, path, body, field, status=400, **more):
    """Refused with {field: [messages]}."""
    told = ask(method, path, body, **more).expect(status).json
    assert isinstance(told.get(field), list) and told[field], told


def logins():
    admin = S.post("/api/auth/jwt/create/", {"username": "admin", "password": S.password}).expect(200).json
    assert set(admin) == {"access", "refresh"}
    TOKENS["admin"] = admin["access"]
    for name in ("ann", "ben"):
        made = ok("POST", "/api/auth/users/", {"username": name, "password": name + "-password", "email": name + "@x.org",
                                               "first_name": name.title(), "last_name": "Teacher"}, 201, who="admin")
        assert made["username"] == name and made["is_staff"] is False and "password" not in made
        TOKENS[name] = S.post("/api/auth/jwt/create", {"username": name, "password": name + "-password"}).json["access"]
    wrong("POST", "/api/auth/users/", {"username": "ann", "password": "another-one"}, "username", who="admin")
    wrong("POST", "/api/auth/users/", {"username": "cy", "password": "short"}, "password", who="admin")
    wrong("POST", "/api/auth/users/", {}, "username", who="admin")
    ask("POST", "/api/auth/users/", {"username": "cy", "password": "long-enough"}).expect(403)
    ask("GET", "/api/auth/users/").expect(403)
    assert ok("GET", "/api/auth/users/", who="admin")["count"] == 3
    bad = S.post("/api/auth/jwt/create/", {"username": "ann", "password": "wrong"}).expect(401).json
    assert bad == {"detail": "No active account found with the given credentials"}
    wrong("POST", "/api/auth/jwt/create/", {"username": "ann"}, "password")
    fresh = S.post("/api/auth/jwt/refresh/", {"refresh": admin["refresh"]}).expect(200).json
    assert set(fresh) == {"access"}
    S.post("/api/auth/jwt/refresh/", {"refresh": admin["access"]}).expect(401)
    for token in admin.values():
        assert S.post("/api/auth/jwt/verify/", {"token": token}).expect(200).json == {}
    assert "detail" in S.post("/api/auth/jwt/verify/", {"token": "a.b.c"}).expect(401).json
    me = ok("GET", "/api/auth/users/me/")
    assert me["username"] == "ann" and me["email"] == "ann@x.org" and me["last_name"] == "Teacher"
    assert ok("PATCH", "/api/auth/users/me/", {"email": "ann@y.org"})["email"] == "ann@y.org"
    wrong("PATCH", "/api/auth/users/me/", {"email": "ben@x.org"}, "email")
    wrong("POST", "/api/auth/users/set_password/", {"current_password": "no", "new_password": "ben-password-2"},
          "current_password", who="ben")
    old = TOKENS["ben"]
    ok("POST", "/api/auth/users/set_password/", {"current_password": "ben-password", "new_password": "ben-password-2"},
       204, who="ben")
    S.get("/api/auth/users/me/", token=old).expect(401)
    TOKENS["ben"] = S.post("/api/auth/jwt/create/", {"username": "ben", "password": "ben-password-2"}).json["access"]
    assert "detail" in S.get(API + "classes/").expect(401).json
    S.get(API + "classes/", headers={"Authorization": "JWT " + TOKENS["ann"]}).expect(200)


def classes():
    made = ok("POST", "classes/", {"name": "Math 101", "description": "numbers"}, 201)
    assert made["owner"] == "ann" and made["is_active"] is True and made["student_count"] == 0, made
    C["class"] = made["id"]
    assert made["name"] == "Math 101" and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", made["created_at"])
    one = f"classes/{made['id']}/"
    assert ok("GET", one) == made
    assert ok("GET", one.rstrip("/")) == made
    assert ok("PATCH", one, {"description": "more numbers"})["description"] == "more numbers"
    put = ok("PUT", one, {"name": "Math 102", "is_active": False})
    assert put["name"] == "Math 102" and put["is_active"] is False and put["description"] == "more numbers"
    ok("PATCH", one, {"name": "Math 101", "is_active": True})
    wrong("PUT", one, {"description": "x"}, "name")
    wrong("POST", "classes/", {"name": ""}, "name")
    wrong("POST", "classes/", {"name": "x" * 256}, "name")
    same = ok("POST", "classes/", {"name": "Math 101"}, 201, who="ben")
    assert same["name"] == "Math 101 (2)", "names of classes may be the same, collections' names not"
    C["of_ben"] = same["id"]
    assert [c["id"] for c in ok("GET", "classes/")["results"]] == [made["id"]]
    assert ok("GET", "classes/", who="admin")["count"] == 2, "staff sees everything"
    gone = ok("POST", "classes/", {"name": "Gone"}, 201)["id"]
    ok("DELETE", f"classes/{gone}/", status=204)
    assert ask("GET", f"classes/{gone}/").expect(404).json == {"detail": "Not found."}
    ask("POST", one, {}).expect(405)
    ask("GET", "classes/abc/").expect(404)
    ask("POST", "classes/", b"{", headers={"Content-Type": "application/json"}).expect(400)


def students():
    c = C["class"]
    made = ok("POST", "students/", {"class_enrolled": c, "first_name": "Ann", "last_name": "Mary Lee", "student_id": "S1",
                                    "email": "a@x.org"}, 201)
    assert (made["first_name"], made["last_name"], made["full_name"]) == ("Ann", "Mary Lee", "Ann Mary Lee")
    assert made["student_id"] == "S1" and made["class_name"] == "Math 101" and made["email"] == "a@x.org"
    one = f"students/{made['id']}/"
    assert ok("GET", one) == made
    bare = ok("POST", "students/", {"class_enrolled": c, "first_name": "Bo", "last_name": "Lee"}, 201)
    assert bare["student_id"] == "Bo_Lee", bare
    wrong("POST", "students/", {"class_enrolled": c, "first_name": "Bo", "last_name": "Lee"}, "non_field_errors")
    wrong("POST", "students/", {"class_enrolled": c, "first_name": "B", "last_name": "L", "student_id": "S1"}, "student_id")
    wrong("POST", "students/", {"class_enrolled": c, "last_name": "L"}, "first_name")
    wrong("POST", "students/", {"class_enrolled": C["of_ben"], "first_name": "B", "last_name": "L"}, "class_enrolled")
    assert ok("PATCH", one, {"last_name": "Lee"})["full_name"] == "Ann Lee"
    assert ok("PATCH", one, {"student_id": "S9", "email": None})["student_id"] == "S9"
    assert not ok("GET", one)["email"]
    wrong("PATCH", one, {"first_name": "Bo"}, "non_field_errors")
    wrong("PATCH", one, {"class_enrolled": C["of_ben"]}, "class_enrolled")
    assert ok("PUT", one, {"class_enrolled": c, "first_name": "Anna", "last_name": "Lee"})["student_id"] == "S9"
    table = "first,last,id\nCy,Young,S3\n Di , Old ,\nBo,Lee,S4\nCy,Young,S5\nEd,New,S3\n\n".encode()
    bulk = f"classes/{c}/bulk-upload-students/"
    told = ok("POST", bulk, form={"has_header": "true"}, files=[("file", "list.csv", table)], status=201)
    assert told["total_created"] == 2 and told["total_skipped"] == 3, told
    assert [s["full_name"] for s in told["created"]] == ["Cy Young", "Di Old"]
    assert {s["reason"] for s in told["skipped"]} == {"Student already exists in this class",
                                                     "Another student of the class has this number"}
    ask("POST", bulk, files=[("file", "list.xlsx", b"PK\3\4" + b"0" * 50)]).expect(415, "CSV")
    ask("POST", bulk, files=[("file", "list.csv", b"a,b\nOnly\n")]).expect(400, "Row 2")
    ask("POST", bulk, files=[("file", "list.csv", b"a,b\n")]).expect(400, "No valid student data")
    ask("POST", bulk, files=[("file", "list.csv", b"a,b\n\xff,x\n")]).expect(400, "UTF-8")
    ask("POST", bulk, files=[("file", "list.csv", b"h,h\n" + b"A,B\n" * 1001)]).expect(400, "1000")
    wrong("POST", bulk, None, "file", files=[("file", "list.csv", b"x" * (5 << 20) + b"yy")])
    wrong("POST", bulk, {}, "file")
    listed = ok("GET", "students/", query={"class_id": c, "page_size": 10000})
    assert listed["count"] == 4 and listed["next"] is None and len(listed["results"]) == 4
    many = "".join(f"P{i},Q{i},\n" for i in range(40)).encode()
    ok("POST", bulk, form={"has_header": "false"}, files=[("file", "list.csv", many)], status=201)
    first = ok("GET", "students/", query={"class_id": c})
    assert first["count"] == 44 and len(first["results"]) == 20 and first["previous"] is None
    assert first["next"].startswith("http://127.0.0.1:") and "class_id=" in first["next"], first["next"]
    second = ok("GET", re.sub(r"http://[^/]+", "", first["next"]))
    assert len(second["results"]) == 20 and "page=1" in second["previous"]
    third = ok("GET", re.sub(r"http://[^/]+", "", second["next"]))
    ids = [s["id"] for page in (first, second, third) for s in page["results"]]
    assert len(set(ids)) == 44 and third["next"] is None
    assert ask("GET", "students/", query={"page": 9}).expect(404).json == {"detail": "Invalid page."}
    wrong("GET", "students/", None, "page_size", query={"page_size": 10001})
    wrong("GET", "students/", None, "page", query={"page": 0})
    assert ok("GET", "students/", who="ben")["count"] == 0
    assert len(ok("GET", f"classes/{c}/students/")) == 44
    for one in ids:
        ok("DELETE", f"students/{one}/", status=204)
    ask("GET", f"students/{ids[0]}/").expect(404)
    assert ok("GET", f"classes/{c}/")["student_count"] == 0


def one_of_many_at_once():
    """Of equal students that come at the same time one is made, with a number and without."""
    c = ok("POST", "classes/", {"name": "crowded"}, 201)["id"]
    for number, person in enumerate(({}, {"student_id": "n"})):
        body = {"class_enrolled": c, "first_name": "Crowd", "last_name": str(number), **person}
        with concurrent.futures.ThreadPoolExecutor(8) as many:
            got = sorted(answer.status for answer in many.map(lambda _: ask("POST", "students/", body), range(24)))
        assert got == [201] + 23 * [400], got
    ask("DELETE", f"classes/{c}/").expect(204)


def a_term_of_sessions():
    """What a list tells of each session does not read the whole class each time: 300 x 100 marks took seconds."""
    c = ok("POST", "classes/", {"name": "term"}, 201)["id"]
    store = sqlite3.connect(next((AT / "w").glob("*.db")), timeout=20)
    with store:
        for i in range(300):
            store.execute("INSERT INTO sessions (collection, name, created) VALUES (?, ?, ?)", (c, f"s{i}", time.time()))
        for i in range(100):
            store.execute("INSERT INTO labels (collection, code, name, created) VALUES (?, ?, ?, ?)", (c, f"l{i}", f"l{i}", 1))
        store.execute("INSERT INTO attendance (session, label, day, present, source, time) SELECT s.id, l.id, '2026-01-01', 1,"
                      " 'manual', 1 FROM sessions s, labels l WHERE s.collection = ? AND l.collection = ?", (c, c))
    store.close()
    begin = time.monotonic()
    told = ok("GET", f"sessions/?class_id={c}&page_size=1000")
    took = time.monotonic() - begin
    assert told["count"] == 300 and {row["attendance_count"] for row in told["results"]} == {100}
    assert took < 2, took
    ask("DELETE", f"classes/{c}/").expect(204)


def sessions():
    c = C["class"]
    made = ok("POST", "sessions/", {"class_session": c, "name": "Week 1", "date": "2026-09-07", "start_time": "09:30",
                                    "notes": "the first", "course": "Algebra", "year": "2", "session_type": "lab"}, 201)
    assert made["start_time"] == "09:30:00" and made["end_time"] is None and made["is_processed"] is False
    assert made["course"] == "Algebra" and made["section_id"] is None and made["status"] == "active"
    assert made["attendance_count"] == 0 and made["class_name"] == "Math 101"
    C["week1"] = made["id"]
    one = f"sessions/{made['id']}/"
    assert ok("GET", one) == made
    changed = ok("PATCH", one, {"end_time": "11:00:30", "start_time": None, "course": None})
    assert changed["end_time"] == "11:00:30" and changed["start_time"] is None and changed["course"] is None
    assert changed["year"] == "2"
    ok("PUT", one, {"class_session": c, "name": "Week 1", "date": "2026-09-07"})
    wrong("POST", "sessions/", {"class_session": c, "name": "Week 1", "date": "2026-09-07"}, "non_field_errors")
    for field, value in (("date", "7.9.2026"), ("date", "2026-13-01"), ("start_time", "9:30"), ("end_time", "25:00"),
                         ("class_session", C["of_ben"]), ("class_session", "x"), ("name", "")):
        wrong("POST", "sessions/", {"class_session": c, "name": "W", "date": "2026-09-08"} | {field: value}, field)
    wrong("POST", "sessions/", {"class_session": c, "name": "W"}, "date")
    C["week2"] = ok("POST", "sessions/", {"class_session": c, "name": "Week 2", "date": "2026-09-14"}, 201)["id"]
    assert [s["id"] for s in ok("GET", "sessions/", query={"class_id": c})["results"]] == [C["week2"], C["week1"]]
    assert ok("GET", "sessions/", query={"date_to": "2026-09-10"})["count"] == 1
    assert ok("GET", "sessions/", who="ben")["results"] == []
    assert len(ok("GET", f"classes/{c}/sessions/")) == 2
    gone = ok("POST", "sessions/", {"class_session": c, "name": "Gone", "date": "2026-09-07"}, 201)["id"]
    ok("DELETE", f"sessions/{gone}/", status=204)
    ask("GET", f"sessions/{gone}/").expect(404)
    for route in ("cluster-crops", "assign-crops"):
        empty = ok("POST", f"sessions/{C['week1']}/{route}/", {})
        assert empty["status"] == {"cluster-crops": "no_crops", "assign-crops": "no_unidentified_crops"}[route], empty
    ask("POST", f"sessions/{C['week1']}/aggregate-crops/", {}).expect(400, "Session has no images")


def images():
    week1 = C["week1"]
    photo = photos(PEOPLE[0], 9, 1)[0]
    made = upload(week1, photo)
    assert made["session"] == week1 and made["is_processed"] is False and made["processed_image_path"] is None
    assert made["session_name"] == "Week 1" and made["face_crop_count"] == 0
    one = f"images/{made['id']}/"
    assert ok("GET", one) == made
    assert ask("GET", one + "original/").expect(200).body == photo.read_bytes()
    ask("GET", one + "processed/").expect(404)
    wrong("POST", "images/", None, "original_image_path", form={"session": week1}, files=[("original_image_path", "x.jpg", b"no")])
    wrong("POST", "images/", None, "original_image_path", form={"session": week1})
    wrong("POST", "images/", None, "session", form={"session": 999999},
          files=[("original_image_path", "x.jpg", photo.read_bytes())])
    told = ask("POST", "images/", form={"session": C["week2"]}, files=[("original_image_path", "x", photo.read_bytes())])
    assert "another session" in told.expect(400).json["original_image_path"][0]
    ask("POST", f"sessions/{week1}/aggregate-crops/", {}).expect(400, "not yet processed")
    for field, value in (("confidence_threshold", 1.1), ("rectangle_thickness", 11), ("rectangle_color", [0, 255]),
                         ("rectangle_color", [0, 256, 0]), ("detector_backend", "magic")):
        wrong("POST", one + "process-image/", {field: value}, field)
    done = ok("POST", one + "process-image/", {"rectangle_color": [0, 0, 255], "rectangle_thickness": 5})
    assert done["status"] == "completed" and done["faces_detected"] == len(done["crops_created"]) >= 1, done
    assert done["image_id"] == made["id"] and done["session_id"] == week1 and done["class_id"] == C["class"]
    again = ask("POST", one + "process-image/", {}).expect(400).json
    assert set(again) == {"error", "image_id", "processed_date"}, again
    now = ok("GET", one)
    assert now["is_processed"] is True and now["processing_date"] and now["face_crop_count"] == done["faces_detected"]
    assert ok("GET", f"sessions/{week1}/")["is_processed"] is True
    crops = ok("GET", one + "face_crops/")
    assert {c["id"] for c in crops} == set(done["crops_created"])
    crop = crops[0]
    x, y, w, h = map(int, crop["coordinates"].split(","))
    assert crop["coordinates_dict"] == {"x": x, "y": y, "width": w, "height": h} and w > 10
    assert crop["embedding_model"] is None and crop["is_identified"] is False and 0 < crop["confidence_score"] <= 1
    plain = ask("GET", one + "processed/", query={"apply_background_effect": "false"}).expect(200)
    marked = ask("GET", re.sub(r"http://[^/]+", "", done["processed_image_url"])).expect(200)
    assert plain.headers["content-type"] == marked.headers["content-type"] == "image/jpeg"
    assert plain.body[:2] == marked.body[:2] == b"\xff\xd8" and plain.body != marked.body
    picture = ask("GET", f"face-crops/{crop['id']}/picture/").expect(200).body
    assert picture[:2] == b"\xff\xd8" and len(picture) < len(marked.body)
    none = ok("POST", one + "reprocess-image/", {"confidence_threshold": 1})
    assert none["faces_detected"] == 0 and ok("GET", one + "face_crops/") == []
    ask("GET", f"face-crops/{crop['id']}/").expect(404)
    back = ok("POST", one + "reprocess-image/", {})
    assert back["faces_detected"] == done["faces_detected"]
    keep = back["crops_created"][0]
    ok("PATCH", f"face-crops/{keep}/", {"student": ok("POST", "students/", {"class_enrolled": C["class"], "first_name": "K",
                                                                         "last_name": "P"}, 201)["id"]})
    assert ok("POST", one + "reprocess-image/", {})["crops_created"] == back["crops_created"]
    assert ok("GET", f"face-crops/{keep}/")["student_name"] == "K P", "a crop that is found again keeps its student"
    other = upload(week1, photos(PEOPLE[0], 8, 1)[0])["id"]
    assert ok("GET", "images/", query={"session_id": week1, "is_processed": "false"})["count"] == 1
    assert len(ok("GET", f"sessions/{week1}/images/")) == 2
    assert ok("POST", f"images/{other}/mark_processed/", {})["is_processed"] is True
    for i in (other, made["id"]):
        ok("DELETE", f"images/{i}/", status=204)
    ask("GET", one).expect(404)
    assert ok("GET", "images/")["count"] == 0 and ok("GET", "face-crops/")["count"] == 0
    for s in ok("GET", "students/")["results"]:
        ok("DELETE", f"students/{s['id']}/", status=204)


def process(session, files, **more):
    ids = []
    for photo in files:
        image = upload(session, photo, **more)["id"]
        ids += ok("POST", f"images/{image}/process-image/", {}, **more)["crops_created"]
    return ids


def person_of(crop):
    """Whose photo a crop is of: the files' names tell it."""
    return C["whose"][crop["image"]]


def first_session():
    """Workflow 1: process, cluster, rename; who was there under the new names."""
    c, week1 = C["class"], C["week1"]
    C["whose"] = {}
    for person in PEOPLE:
        for photo in photos(person, 0, 3):
            image = upload(week1, photo)["id"]
            C["whose"][image] = person
            ok("POST", f"images/{image}/process-image/", {})
    dry = ok("POST", f"sessions/{week1}/cluster-crops/", ARC | {"create_students": False})
    assert dry["students_created"] == dry["crops_assigned"] == 0 and dry["clusters_found"] >= 5
    assert ok("GET", f"classes/{c}/")["student_count"] == 0
    only = ok("POST", f"sessions/{week1}/cluster-crops/", ARC | {"assign_crops": False})
    assert only["students_created"] == only["clusters_found"] and only["crops_assigned"] == 0
    assert ok("GET", f"classes/{c}/statistics/")["identified_faces"] == 0
    told = ok("POST", f"sessions/{week1}/cluster-crops/", ARC)
    total = ok("GET", "face-crops/", query={"session_id": week1})["count"]
    assert told["status"] == "success" and told["session_id"] == week1 and told["session_name"] == "Week 1"
    assert told["total_crops"] == told["valid_crops"] == told["crops_assigned"] == total, told
    assert set(told["cluster_sizes"]) == {str(i) for i in range(told["clusters_found"])}
    assert sum(told["cluster_sizes"].values()) == total and sorted(told["cluster_sizes"].values())[-5:] == [3] * 5
    assert told["embedding_model"] == "arcface" and told["parameters"]["max_clusters"] == 50
    again = ok("POST", f"sessions/{week1}/cluster-crops/", ARC)
    assert again["clusters_found"] == told["clusters_found"] and again["students_created"] == 0, "it is repeatable"
    names = {s["full_name"] for s in ok("GET", f"classes/{c}/students/")}
    assert "Unknown Class_Math_101_Session_Week_1_Cluster_1" in names or \
        "Unknown Class_Math_101_Week_1_Cluster_1" in names, names
    crops = ok("GET", f"sessions/{week1}/face-crops/", query={"sort_by": "name"})
    assert crops["total_crops"] == crops["identified_crops"] == total
    groups = {}
    for crop in crops["face_crops"]:
        groups.setdefault(crop["student"], []).append(person_of(crop))
    C["students"] = {}
    for student, whose in groups.items():
        if len(whose) == 3:
            assert len(set(whose)) == 1, groups
            first, last = whose[0].split("_")
            told = ok("PATCH", f"students/{student}/", {"first_name": first, "last_name": last})
            assert told["full_name"] == whose[0].replace("_", " ")
            C["students"][whose[0]] = student
    assert set(C["students"]) == set(PEOPLE)
    there = ok("GET", f"sessions/{week1}/attendance/")
    present = {s["name"] for s in there["attendance"] if s["present"]}
    assert {p.replace("_", " ") for p in PEOPLE} <= present and there["present_count"] == len(present)


def later_session():
    """Workflow 2: the next session's crops are assigned; a stranger is not; the rest by hand."""
    c, week2 = C["class"], C["week2"]
    strangers = sorted((FACES / "unknown").iterdir())[:5]
    for person in PEOPLE:
        for photo in photos(person, 3, 3):
            image = upload(week2, photo)["id"]
            C["whose"][image] = person
            ok("POST", f"images/{image}/process-image/", {})
    for photo in strangers:
        image = upload(week2, photo)["id"]
        C["whose"][image] = None
        ok("POST", f"images/{image}/process-image/", {})
    total = ok("GET", "face-crops/", query={"session_id": week2})["count"]
    dry = ok("POST", f"sessions/{week2}/assign-crops/", ARC | {"auto_commit": False})
    assert dry["assigned"] == 0 and dry["matched"] > 10 and dry["total_crops"] == total
    assert ok("GET", "face-crops/", query={"session_id": week2, "is_identified": "true"})["count"] == 0
    told = ok("POST", f"sessions/{week2}/assign-crops/", ARC | {"k": 7})
    assert told["status"] == "completed" and told["session_id"] == week2 and told["total_crops"] == total
    assert told["total_crops"] == told["assigned"] + told["no_match"] + told["errors"], told
    assert told["parameters"]["k"] == 7 and told["parameters"]["use_voting"] is True
    assert told["parameters"]["embedding_model"] == "arcface" and len(told["results"]) == total
    crops = ok("GET", f"sessions/{week2}/face-crops/", query={"is_identified": "true"})["face_crops"]
    named = {i: p for p, i in C["students"].items()}
    right = sum(named.get(k["student"]) == person_of(k) for k in crops if k["student"] in named)
    assert right >= 12 and all(person_of(k) for k in crops if k["student"] in named), [(k["student_name"], person_of(k)) for k in crops]
    rest = ok("GET", f"sessions/{week2}/face-crops/", query={"is_identified": "false"})["face_crops"]
    assert rest, "strangers stay without a student"
    crop = rest[0]["id"]
    one = f"face-crops/{crop}/"
    tony = C["students"]["Tony_Blair"]
    assert ok("PATCH", one, {"student": tony})["student_name"] == "Tony Blair"
    assert ok("PATCH", one, {})["student"] == tony
    assert ok("PATCH", one, {"student": None})["is_identified"] is False
    wrong("PATCH", one, {"student": 999999}, "student")
    assert ok("POST", one + "assign-to-student/", {"student_id": tony})["student_name"] == "Tony Blair"
    already = ok("POST", one + "assign/", {})
    assert already["status"] == "already_identified" and already["student_id"] == tony
    assert ok("POST", one + "unidentify/", {})["student"] is None
    made = ok("POST", one + "create-and-assign-student/", {"first_name": "New", "last_name": "Face"})
    assert made["assigned"] is True and made["student"]["full_name"] == "New Face"
    wrong("POST", one + "create-and-assign-student/", {"first_name": "New", "last_name": "Face"}, "non_field_errors")
    ok("POST", one + "unidentify/", {})
    candidate = crops[0]
    told = ok("POST", one + "assign-from-candidate/", {"candidate_crop_id": candidate["id"]})
    assert told["student_id"] == candidate["student"]
    ok("POST", one + "unidentify/", {})
    wrong("POST", one + "assign-from-candidate/", {"candidate_crop_id": rest[1]["id"]}, "candidate_crop_id")
    wrong("POST", one + "assign-from-candidate/", {"candidate_crop_id": 999999}, "candidate_crop_id")
    mine = next(k for k in crops if person_of(k) == "Tony_Blair" and k["student"] == tony)
    one = f"face-crops/{mine['id']}/"
    ok("POST", one + "unidentify/", {})
    found = ok("POST", one + "assign/", ARC | {"auto_commit": False})
    assert found["status"] == "match_found" and found["student_id"] == tony and 0 < found["confidence"] <= 1
    assert 1 <= len(found["k_nearest"]) <= 5 and found["k_nearest"][0]["student_name"] == "Tony Blair"
    assert ok("GET", one)["is_identified"] is False
    nothing = ok("POST", one + "assign/", ARC | {"similarity_threshold": 0.99})
    assert nothing["status"] == "no_match" and nothing["confidence"] == 0 and nothing["k_nearest"]
    assert ok("POST", one + "assign/", ARC)["status"] == "assigned"
    assert ok("POST", one + "assign/", ARC)["status"] == "already_identified"
    for field, value in (("k", 0), ("k", 21), ("similarity_threshold", 1.1), ("embedding_model", "vgg"), ("use_voting", "maybe")):
        wrong("POST", f"sessions/{week2}/assign-crops/", {field: value}, field)
        wrong("POST", one + "assign/", {field: value}, field)
    near = ok("GET", one + "similar-faces/", query={"k": 3, "embedding_model": "arcface"})
    assert near["crop_id"] == mine["id"] and len(near["neighbors"]) == 3
    assert near["neighbors"][0]["similarity"] >= near["neighbors"][2]["similarity"]
    known = ok("GET", one + "similar-faces/", query={"include_unidentified": "false"})["neighbors"]
    assert len(known) == 10 and all(k["is_identified"] for k in known)
    wrong("GET", one + "similar-faces/", None, "k", query={"k": 51})
    summary = ok("POST", f"sessions/{week2}/aggregate-crops/", ARC)
    assert summary["status"] == "aggregation_completed" and summary["statistics"]["total_crops"] == total


def whole_class():
    """Workflow 3: the class anew; one person of two sessions is one student, named ones stay."""
    c = C["class"]
    before = {s["id"]: s["full_name"] for s in ok("GET", f"classes/{c}/students/")}
    left = ok("POST", f"classes/{c}/cluster-crops/", ARC | {"create_students": False})
    unknown = ok("GET", "face-crops/", query={"class_id": c, "is_identified": "false"})["count"]
    assert left["total_crops"] == unknown and left["class_name"] == "Math 101" and "session_id" not in left
    told = ok("POST", f"classes/{c}/cluster-crops/", ARC | {"include_identified": True})
    assert told["status"] == "success" and told["total_crops"] > left["total_crops"]
    after = {s["id"]: s["full_name"] for s in ok("GET", f"classes/{c}/students/")}
    for student in C["students"].values():
        assert after[student] == before[student], "named students are kept"
        report = ok("GET", f"students/{student}/attendance/")
        assert report["attended_sessions"] == 2 and report["attendance_rate"] == 100, report
    few = ok("POST", f"classes/{c}/cluster-crops/", ARC | {"max_clusters": 2, "create_students": False})
    assert few["clusters_found"] <= left["clusters_found"]
    counts = [ok("POST", f"sessions/{C['week1']}/cluster-crops/",
                 ARC | {"similarity_threshold": t, "create_students": False, "max_clusters": 200})["clusters_found"]
              for t in (0.3, 0.5, 0.7, 0.9)]
    assert counts == sorted(counts), counts
    noise = ok("POST", f"classes/{c}/cluster-crops/", ARC | {"method": "dbscan", "create_students": False, "include_identified": True})
    assert noise["noise"] > 0 and noise["parameters"]["method"] == "dbscan", noise
    for field, value in (("max_clusters", 0), ("max_clusters", 201), ("similarity_threshold", -0.1), ("method", "kmeans"),
                         ("embedding_model", "facenet512"), ("create_students", 3)):
        wrong("POST", f"classes/{c}/cluster-crops/", {field: value}, field)
        wrong("POST", f"sessions/{C['week1']}/cluster-crops/", {field: value}, field)
    assert ok("POST", f"classes/{c}/assign-crops/", ARC)["status"] in ("completed", "no_unidentified_crops")


def attendance():
    c, week1, week2 = C["class"], C["week1"], C["week2"]
    tony, hugo = C["students"]["Tony_Blair"], C["students"]["Hugo_Chavez"]
    report = ok("GET", f"classes/{c}/attendance-report/")
    assert [s["id"] for s in report["sessions"]] == [week1, week2] and report["total_sessions"] == 2
    assert report["date_range"] == {"from": "2026-09-07", "to": "2026-09-14"}
    row = {r["student_id"]: r for r in report["attendance_matrix"]}[tony]
    assert row["first_name"] == "Tony" and row["attendance_rate"] == 100 and row["attended_sessions"] == 2
    assert [k["session_id"] for k in row["session_attendance"]] == [week1, week2]
    assert all(k["present"] and k["detection_count"] >= 2 for k in row["session_attendance"]), row
    assert ok("GET", f"classes/{c}/attendance-report/", query={"date_from": "2026-09-10"})["total_sessions"] == 1
    mark = f"sessions/{week2}/mark-attendance/"
    told = ok("POST", mark, {"student_id": tony, "is_present": False, "note": "left early"})
    assert told["status"] == "success" and told["is_present"] is False and told["created"] is True
    there = {s["id"]: s for s in ok("GET", f"sessions/{week2}/attendance/")["attendance"]}
    assert there[tony]["present"] is False and there[tony]["is_manual"] is True and there[tony]["detection_count"] >= 2
    listed = ok("GET", f"sessions/{week2}/manual-attendance/")["manual_attendance"]
    assert len(listed) == 1 and listed[0]["note"] == "left early" and listed[0]["student_name"] == "Tony Blair"
    ok("POST", f"sessions/{week2}/manual-attendance/", {"student_id": tony})
    assert {s["id"]: s for s in ok("GET", f"sessions/{week2}/attendance/")["attendance"]}[tony]["present"] is True
    assert ok("POST", f"sessions/{week2}/unmark-attendance/", {"student_id": tony})["removed"] == 1
    assert ok("GET", f"sessions/{week2}/manual-attendance/")["manual_attendance"] == []
    wrong("POST", mark, {"student_id": 999999}, "student_id")
    wrong("POST", mark, {}, "student_id")
    week3 = ok("POST", "sessions/", {"class_session": c, "name": "Week 3", "date": "2026-09-21"}, 201)["id"]
    assert ok("GET", f"classes/{c}/attendance-report/")["total_sessions"] == 2
    assert ok("GET", f"classes/{c}/attendance-report/", query={"include_unprocessed": "true"})["total_sessions"] == 3
    ok("POST", f"sessions/{week3}/mark-attendance/", {"student_id": hugo})
    assert ok("GET", f"classes/{c}/attendance-report/")["total_sessions"] == 3, "somebody said who was there"
    assert ok("GET", f"sessions/{week3}/")["attendance_count"] == 1
    detail = ok("GET", f"students/{hugo}/detail-report/")
    assert detail["statistics"]["attended_sessions"] == 3 and detail["student"]["full_name"] == "Hugo Chavez"
    crops = [s for s in detail["sessions"] if s["session_id"] == week1][0]["face_crops"]
    assert len(crops) == 3 and all(k["student"] == hugo for k in crops)
    total = ok("POST", f"classes/{c}/aggregate-class/", {"date_to": "2026-09-14"})
    assert {r["student_id"]: r for r in total["student_statistics"]}[hugo]["attended_sessions"] == 2
    stats = ok("GET", f"classes/{c}/statistics/")
    assert stats["session_count"] == 3 and stats["total_images"] == stats["processed_images"] == 35
    assert stats["total_face_crops"] >= 35 and stats["identified_faces"] <= stats["total_face_crops"]
    like = ok("GET", f"students/{hugo}/similar-faces/", query={"k": 5, "embedding_model": "arcface"})
    assert len(like["neighbors"]) <= 5 and like["merge_suggestions"] and not any(n["is_identified"] for n in like["neighbors"])
    extra = ok("POST", "students/", {"class_enrolled": c, "first_name": "Hugo", "last_name": "Twice"}, 201)["id"]
    ok("PATCH", f"face-crops/{crops[0]['id']}/", {"student": extra})
    merged = ok("POST", f"students/{extra}/merge/", {"target_student_id": hugo})
    assert merged["status"] == "success" and merged["statistics"]["face_crops_transferred"] == 1
    assert merged["source_student"]["full_name"] == "Hugo Twice" and merged["target_student"]["id"] == hugo
    ask("GET", f"students/{extra}/").expect(404)
    wrong("POST", f"students/{hugo}/merge/", {"target_student_id": hugo}, "target_student_id")
    wrong("POST", f"students/{hugo}/merge/", {"target_student_id": 999999}, "target_student_id")


def learned():
    """The students that were named are learned from like any label: the class answers who it is."""
    Run("train", "--collection", "Math 101", "--workspace", AT / "w").expect(0)
    told = ask("POST", f"/v1/collections/{C['class']}/identify",
               files=[("file", "x.jpg", photos("Tony_Blair", 7, 1)[0].read_bytes())]).expect(200).json
    assert any(one["name"] == "Tony Blair" for one in told["samples"]), told


def embeddings():
    c = ok("POST", "classes/", {"name": "Vectors"}, 201)["id"]
    session = ok("POST", "sessions/", {"class_session": c, "name": "S", "date": "2026-01-01"}, 201)["id"]
    ids = process(session, photos("Colin_Powell", 0, 8))[:10]
    one = f"face-crops/{ids[0]}/generate-embedding/"
    told = ok("POST", one, {})
    assert told["status"] == "success" and told["embedding_model"] == "facenet" and told["embedding_dimension"] == 128, told
    assert set(told) == {"status", "crop_id", "embedding_model", "embedding_dimension", "message"}
    assert ok("POST", one, {})["status"] == "already_exists"
    assert ok("POST", one, {"force_regenerate": True})["status"] == "success"
    assert ok("GET", f"face-crops/{ids[0]}/")["embedding_model"] == "facenet"
    arc = ok("POST", one, {"model_name": "arcface"})
    assert arc["status"] == "success" and arc["embedding_dimension"] == 512 and arc["embedding_model"] == "arcface"
    wrong("POST", one, {"model_name": "facenet512"}, "model_name")
    ask("POST", "face-crops/999999/generate-embedding/", {}).expect(404)
    batch = "face-crops/generate-embeddings-batch/"
    told = ok("POST", batch, {"face_crop_ids": ids})
    assert (told["total"], told["success"], told["skipped"], told["errors"]) == (len(ids), len(ids) - 1, 1, 0), told
    assert told["status"] == "completed" and told["model_name"] == "facenet"
    assert told["results"][0] == {"crop_id": ids[0], "status": "skipped", "message": "Embedding already exists"}
    assert told["results"][1] == {"crop_id": ids[1], "status": "success", "embedding_dimension": 128}
    wrong("POST", batch, {"face_crop_ids": []}, "face_crop_ids")
    wrong("POST", batch, {}, "face_crop_ids")
    wrong("POST", batch, {"face_crop_ids": ["x"]}, "face_crop_ids")
    ask("POST", batch, {"face_crop_ids": [999998, 999999]}).expect(404)
    part = ok("POST", batch, {"face_crop_ids": [ids[0], 999999]})
    assert part["total"] == 2 == part["success"] + part["skipped"] + part["errors"] and part["errors"] == 1
    foreign = ok("POST", "classes/", {"name": "Ben's"}, 201, who="ben")["id"]
    other = ok("POST", "sessions/", {"class_session": foreign, "name": "S", "date": "2026-01-01"}, 201, who="ben")["id"]
    of_ben = process(other, photos("Tony_Blair", 0, 1), who="ben")
    mixed = ok("POST", batch, {"face_crop_ids": [ids[1], of_ben[0]]})
    assert mixed["errors"] == 1 and mixed["results"][1]["status"] == "error"
    ask("POST", batch, {"face_crop_ids": of_ben}).expect(404)
    assert ok("GET", f"face-crops/{of_ben[0]}/", who="ben")["embedding_model"] is None
    # a photo that is damaged on the disk counts as an error
    image = ok("GET", f"face-crops/{ids[-1]}/")["image"]
    store = sqlite3.connect(AT / "w" / "store.db")
    digest = store.execute("SELECT digest FROM media WHERE id = ?", (image,)).fetchone()[0]
    store.close()
    media = AT / "w" / "media" / digest[:2] / digest
    kept = media.read_bytes()
    media.write_bytes(kept[:100])
    broken = ok("POST", batch, {"face_crop_ids": ids, "model_name": "arcface"})
    assert broken["errors"] >= 1 and broken["total"] == broken["success"] + broken["skipped"] + broken["errors"]
    assert ok("POST", f"face-crops/{ids[-1]}/assign/", ARC)["status"] == "embedding_failed"
    media.write_bytes(kept)
    # nobody is identified yet
    assert ok("POST", f"face-crops/{ids[0]}/assign/", {})["status"] == "no_reference_data"
    nobody = ok("POST", f"sessions/{session}/assign-crops/", {})
    assert nobody["skipped"] == nobody["total_crops"] and nobody["assigned"] == 0
    # facenet is the model when none is named, and its own threshold suits it
    told = ok("POST", f"sessions/{session}/cluster-crops/", {})
    assert told["embedding_model"] == "facenet" and told["parameters"]["similarity_threshold"] > 0.6, told
    victim = ids[1]
    ok("DELETE", f"face-crops/{victim}/", status=204)
    ask("GET", f"face-crops/{victim}/").expect(404)


def isolation():
    """Nothing of ann's is there for ben, by any route."""
    crop = ok("GET", "face-crops/", query={"class_id": C["class"]})["results"][0]
    ids = {"classes": C["class"], "students": C["students"]["Tony_Blair"], "sessions": C["week1"], "images": crop["image"],
           "face-crops": crop["id"]}
    doc = S.get("/openapi.json").expect(200).json
    tried = 0
    for path, methods in doc["paths"].items():
        if not path.startswith(API) or "{id}" not in path:
            continue
        kind = path[len(API):].split("/")[0]
        if kind not in ids:
            continue
        for method, route in methods.items():
            body = {}
            for name, field in route.get("requestBody", {}).get("content", {}).get("application/json", {}) \
                    .get("schema", {}).get("properties", {}).items():
                body[name] = {"integer": 1, "boolean": True, "number": 0.5, "array": [0, 255, 0]}.get(
                    field.get("type"), field.get("enum", ["2026-01-01"])[0])
            if "time" in str(body.keys()):
                body = {k: v for k, v in body.items() if "time" not in k}
            if path.endswith("bulk-upload-students/"):
                body["file"] = "YSxiCg=="
            answer = ask(method.upper(), path.format(id=ids[kind]), body or None, who="ben")
            assert answer.status == 404, (method, path, answer.status, answer.body)
            S.call(method.upper(), path.format(id=ids[kind]), body or None).expect(401)
            tried += 1
    assert tried > 45, tried
    for kind in ids:
        listed = ok("GET", kind + "/", query={"page_size": 1000}, who="ben")["results"]
        assert all(item["id"] != ids[kind] for item in listed)
    assert ok("GET", f"classes/{C['class']}/", who="admin")["owner"] == "ann"
    assert ok("GET", "face-crops/", query={"class_id": C["class"]}, who="ben")["count"] == 0
    key = Run("key", "add", "one", "--workspace", AT / "w", "--user", "ann", "--scopes", "read,enroll", "--collection",
              "Vectors", "--json").expect(0).json[0]["key"]
    seen = S.get(API + "classes/", token=key).expect(200).json
    assert [k["name"] for k in seen["results"]] == ["Vectors"]
    S.get(API + f"classes/{C['class']}/", token=key).expect(404)
    assert S.get(API + "face-crops/", token=key, query={"class_id": C["class"]}).expect(200).json["count"] == 0
    S.post(API + "classes/", {"name": "x"}, key).expect(403)
    S.get("/api/auth/users/me/", token=key).expect(403)
    # what is no face is no class, and SmartAttendance's sessions are seen by whom they are
    noises = ok("POST", "/v1/collections", {"name": "noises", "modality": "sound"}, 201)["id"]
    ok("POST", f"/v1/collections/{noises}/labels", {"code": "dog"}, 201)
    ask("GET", f"classes/{noises}/").expect(404)
    for kind in ("classes", "students"):
        listed = ok("GET", kind + "/", query={"page_size": 1000})["results"]
        assert all(item.get("class_enrolled", item["id"]) != noises for item in listed)
    opened = ok("POST", "start-session", {"name": "Lab", "session_type": "lab", "time_block": "morning", "section_id": "A",
                                          "year": "2", "course": "Physics"}, 201)["session_id"]
    mine = {s["id"]: s for s in ok("GET", "sessions", query={"page_size": 1000})["results"]}
    assert mine[opened]["course"] == "Physics" and mine[opened]["status"] == "active" and mine[opened]["section_id"] == "A"
    assert ok("GET", f"sessions/{opened}/")["year"] == "2"
    assert opened not in {s["id"] for s in ok("GET", "sessions/", who="ben", query={"page_size": 1000})["results"]}
    ask("GET", f"sessions/{opened}/", who="ben").expect(404)
    ask("PATCH", f"sessions/{opened}/", {"name": "x"}, who="ben").expect(404)


def oracles_and_size():
    """Vectors put into the store by hand: the original's own examples, and 100 crops against 2000."""
    class_ = ok("POST", "classes/", {"name": "Oracles"}, 201)["id"]
    session = ok("POST", "sessions/", {"class_session": class_, "name": "O", "date": "2026-01-01"}, 201)["id"]
    image = upload(session, photos("Hugo_Chavez", 9, 1)[0])["id"]
    ok("POST", f"images/{image}/mark_processed/", {})
    store = sqlite3.connect(AT / "w" / "store.db", timeout=30)
    digest = store.execute("SELECT encoder_digest FROM collections WHERE id = ?", (class_,)).fetchone()[0]
    labels = {}

    def label(name):
        if name not in labels:
            first, last = name.split(" ")
            labels[name] = ok("POST", "students/", {"class_enrolled": class_, "first_name": first, "last_name": last}, 201)["id"]
        return labels[name]

    def put(vectors, students, media):
        """A crop for each vector, on a media of its own where a student is told; ids."""
        ids = []
        for v, student in zip(vectors, students):
            row = store.execute(
                "INSERT INTO media (collection, digest, bytes, source, created, probe, session) SELECT collection, ?, bytes,"
                " source, created, 0, session FROM media WHERE id = ? RETURNING id",
                (f"{len(ids):08x}{time.time_ns():056x}", media)).fetchone()[0]
            sample = store.execute(
                "INSERT INTO samples (media, detector_digest, box_x, box_y, box_w, box_h, whole, score, sharpness, created,"
                " label, labelled_by) VALUES (?, 'd', 1, 1, 50, 50, 0, 0.9, 9, 1, ?, ?) RETURNING id",
                (row, student, "user" if student else None)).fetchone()[0]
            norm = sum(x * x for x in v) ** 0.5
            store.execute("INSERT INTO embeddings (sample, encoder_digest, vector) VALUES (?, ?, ?)",
                          (sample, digest, struct.pack(f"<{len(v)}f", *[x / norm for x in v])))
            ids.append(sample)
        store.commit()
        return ids

    wide = [0.0] * 509
    named = [label("Stu One"), label("Stu Two")]
    refs = [(.9, .1, 0), (.85, .15, 0), (.88, .12, 0), (.8, .2, 0)]
    put([[*v, *wide] for v in refs], [named[0], named[0], named[0], named[1]], image)
    query = put([[1, 0, 0, *wide]], [None], image)[0]
    told = ok("POST", f"face-crops/{query}/assign/", ARC | {"k": 4, "similarity_threshold": 0.7})
    assert told["status"] == "assigned" and told["student_id"] == named[0] and len(told["k_nearest"]) == 4, told
    assert told["k_nearest"][0]["student_id"] == named[0]

    def at(cosine, k):
        """A vector of this cosine to the query, apart from the others."""
        v = [0.0] * 512
        v[100], v[101 + k] = cosine, (1 - cosine * cosine) ** 0.5
        return v

    def told_of(votes, **body):
        """What a query is told beside neighbours of (student, cosine)."""
        one = ok("POST", "classes/", {"name": "Votes"}, 201)["id"]
        of = ok("POST", "sessions/", {"class_session": one, "name": "V", "date": "2026-01-01"}, 201)["id"]
        photo = upload(of, photos("Hugo_Chavez", 6, 1)[0])["id"]
        ok("POST", f"images/{photo}/mark_processed/", {})
        ids = {s: ok("POST", "students/", {"class_enrolled": one, "first_name": f"S{s}", "last_name": "V"}, 201)["id"]
               for s in dict(votes)}
        put([at(c, k) for k, (_, c) in enumerate(votes)], [ids[s] for s, _ in votes], photo)
        told = ok("POST", f"face-crops/{put([at(1, 0)], [None], photo)[0]}/assign/", ARC | body)
        return told["status"], {v: k for k, v in ids.items()}.get(told["student_id"]), round(told["confidence"], 4)

    votes = [(1, .85), (1, .80), (2, .90), (2, .88)]
    assert told_of(votes, k=4, similarity_threshold=0.7) == ("assigned", 2, .89)
    differ = [(1, .90), (2, .85), (2, .80)]
    assert told_of(differ, k=3, similarity_threshold=0.7) == ("assigned", 2, .825)
    assert told_of(differ, k=3, similarity_threshold=0.7, use_voting=False) == ("assigned", 1, .90)
    four = [(1, .90), (2, .89), (3, .88), (4, .87), (1, .86)]
    assert told_of(four, k=2, similarity_threshold=0.7)[:2] == ("assigned", 1), "similar students still yield a decision"
    assert told_of(four, similarity_threshold=0.95)[0] == "no_match"
    dims = 512
    people = 200

    def face(person, wobble):
        v = [0.0] * dims
        v[10 + person] = 1.0
        v[10 + (person + 37 * wobble) % 500] += 0.3
        return v

    reference = ok("POST", "classes/", {"name": "Large"}, 201)["id"]
    big = ok("POST", "sessions/", {"class_session": reference, "name": "R", "date": "2026-01-01"}, 201)["id"]
    new = ok("POST", "sessions/", {"class_session": reference, "name": "N", "date": "2026-01-02"}, 201)["id"]
    class_ = reference
    rows = "".join(f"Person{i},Large,\n" for i in range(people)).encode()
    made = ok("POST", f"classes/{reference}/bulk-upload-students/", form={"has_header": "false"},
              files=[("file", "p.csv", rows)], status=201)["created"]
    of = [s["id"] for s in made]
    image = upload(big, photos("Hugo_Chavez", 8, 1)[0])["id"]
    ok("POST", f"images/{image}/mark_processed/", {})
    put([face(i % people, 1 + i // people) for i in range(2000)], [of[i % people] for i in range(2000)], image)
    image = upload(new, photos("Hugo_Chavez", 7, 1)[0])["id"]
    ok("POST", f"images/{image}/mark_processed/", {})
    asked = put([face(i, 11) for i in range(100)], [None] * 100, image)
    store.close()
    begun = time.monotonic()
    told = ok("POST", f"sessions/{new}/assign-crops/", ARC | {"similarity_threshold": 0.6})
    seconds = time.monotonic() - begun
    assert told["assigned"] == 100 and [r["student_id"] for r in told["results"]] == of[:100], told
    print(f"100 crops against 2000 references: {seconds:.2f} s", asked[0])


def documents():
    """Every route has its answer's schema, and answers follow it."""
    doc = S.get("/openapi.json").expect(200).json
    mine = [p for p in doc["paths"] if p.startswith((API, "/api/auth/jwt", "/api/auth/users"))]
    assert len(mine) > 40, mine
    for path, schema in (("classes/", "SeeClasses"), ("students/", "SeeStudents"), ("sessions/", "SeeSessions"),
                         ("images/", "SeeImages"), ("face-crops/", "SeeCrops")):
        told = ok("GET", path)
        assert set(told) == set(doc["components"]["schemas"][schema]["properties"])
        item = doc["components"]["schemas"][schema]["properties"]["results"]["items"]["$ref"].split("/")[-1]
        assert set(told["results"][0]) == set(doc["components"]["schemas"][item]["properties"]), item
    json.dumps(doc)
    S.stop()


main([logins, classes, students, one_of_many_at_once, a_term_of_sessions, sessions, images, first_session, later_session, whole_class, attendance, learned, embeddings, isolation,
      oracles_and_size, documents])
