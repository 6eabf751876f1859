# SPDX-License-Identifier: Apache-2.0
"""The client against a real server.  ESPY_URL and ESPY_PASSWORD (of "admin") say where it is, ESPY_PHOTOS is a
folder of photos per person; without them these tests are skipped."""
import datetime
import io
import os
import pathlib
import sys
import threading
import time
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from espy_client import (Client, Conflict, Forbidden, Invalid, JobFailed, NotFound, Unauthenticated)  # noqa: E402
import check_openapi  # noqa: E402

URL = os.environ.get("ESPY_URL")
PASSWORD = os.environ.get("ESPY_PASSWORD", "")
PHOTOS = pathlib.Path(os.environ.get("ESPY_PHOTOS", "/nonexistent"))


def photos(person):
    return sorted(person.iterdir())


@unittest.skipUnless(URL, "needs a server: ESPY_URL")
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.espy = Client(URL, user="admin", password=PASSWORD)
        cls.addClassCleanup(cls.espy.close)

    def new(self, modality="face", **more):
        """A collection of this test's own."""
        return self.espy.collections.create(f"{self.id()} {time.monotonic_ns()}", modality=modality, **more)


class Document(Case):
    def test_client_and_document_agree(self):
        faults, operations = check_openapi.check(self.espy.openapi())
        self.assertEqual(faults, [])
        self.assertGreater(operations, 60)

    def test_the_server(self):
        self.assertEqual(self.espy.health().status, "ok")
        self.assertEqual(self.espy.ready().status, "ok")
        self.assertIn("# TYPE", self.espy.metrics())


class People(Case):
    def test_who_am_i(self):
        me = self.espy.auth.me()
        self.assertEqual((me.user.name, me.user.role), ("admin", "admin"))
        self.assertIn("admin", me.may)
        self.assertTrue(self.espy.auth.login("admin", PASSWORD).access)
        for more in {}, {"key": "espy_no"}:
            with Client(URL, **more) as nobody, self.assertRaises(Unauthenticated):
                nobody.auth.me()

    def test_users(self):
        user = self.espy.users.create("ann", "ann-has-a-word", "instructor", email="ann@example.org", detail={"a": [1]})
        self.assertEqual((user.role, user.detail, user.enabled), ("instructor", {"a": [1]}, True))
        self.assertIsInstance(user.created, datetime.datetime)
        with self.assertRaises(Conflict):
            self.espy.users.create("ann", "ann-has-a-word", "student")
        with self.assertRaises(Invalid) as raised:
            self.espy.users.create("ben", "short", "student")
        self.assertIn("password", raised.exception.details)
        self.assertEqual(self.espy.users.change(user, full_name="Ann").full_name, "Ann")
        with Client(URL, user="ann", password="ann-has-a-word") as ann:
            mine = ann.collections.create("ann's")
            self.assertEqual([one.id for one in ann.collections.list()], [mine.id])
            with self.assertRaises(Forbidden):
                ann.users.list().first()
            ann.auth.change_password("ann-has-a-word", "ann-has-another")
            with self.assertRaises(Unauthenticated):
                ann.auth.me()
        self.assertEqual([one.name for one in self.espy.users.list(role="instructor")], ["ann"])
        self.espy.users.delete(user)
        with self.assertRaises(NotFound):
            self.espy.users.get(user)

    def test_keys(self):
        here, there = self.new(), self.new()
        key = self.espy.keys.create("camera", ["read", "identify"], collection=here, expires_days=1)
        self.assertEqual((key.scopes, key.collection), (["read", "identify"], here.id))
        with Client(URL, key=key.key) as camera:
            self.assertEqual(camera.collections.get(here).name, here.name)
            with self.assertRaises(NotFound):
                camera.collections.get(there)
            with self.assertRaises(Forbidden):
                camera.labels.create(here, "x")
        self.assertIn(key.id, [one.id for one in self.espy.keys.list()])
        self.espy.keys.delete(key)
        self.assertNotIn(key.id, [one.id for one in self.espy.keys.list()])

    def test_webhooks(self):
        with self.assertRaises(Invalid):
            self.espy.webhooks.create("http://127.0.0.1/hook")
        hook = self.espy.webhooks.create("https://hooks.example.org/espy", events=["backup.made"])
        self.assertTrue(hook.secret)
        self.assertEqual([(one.events, one.secret) for one in self.espy.webhooks.list()], [(["backup.made"], None)])
        changed = self.espy.webhooks.change(hook, url="https://hooks.example.org/other", enabled=False)
        self.assertEqual((changed.id, changed.url, changed.events, changed.enabled, changed.secret),
                         (hook.id, "https://hooks.example.org/other", ["backup.made"], False, None))
        self.espy.webhooks.delete(hook)
        self.assertEqual(self.espy.webhooks.list(), [])


class Things(Case):
    def test_collections(self):
        one = self.new(description="first")
        self.assertEqual((one.modality, one.description, one.live, one.counts.labels), ("face", "first", None, 0))
        with self.assertRaises(Conflict):
            self.espy.collections.create(one.name)
        with self.assertRaises(Invalid):
            self.new(encoder="no-such-pack")
        self.assertEqual(self.espy.collections.change(one, description="", active=False).active, False)
        self.assertIn(one.id, [c.id for c in self.espy.collections.list(modality="face", search=self.id(), limit=1)])
        self.espy.collections.delete(one)
        with self.assertRaises(NotFound):
            self.espy.collections.get(one)
        self.assertIn(one.id, [c.id for c in self.espy.collections.deleted(limit=1)])
        self.assertEqual(self.espy.collections.restore(one.id).name, one.name)
        self.assertNotIn(one.id, [c.id for c in self.espy.collections.deleted()])

    def test_labels(self):
        here = self.new()
        ada = self.espy.labels.create(here, "STU001", name="Ada", detail={"year": 2})
        for number in range(2, 6):
            self.espy.labels.create(here, f"STU00{number}")
        pages = self.espy.labels.list(here, limit=2)
        self.assertEqual([one.code for one in pages], [f"STU00{n}" for n in range(1, 6)])
        self.assertEqual(pages.total, 5)
        changed = self.espy.labels.change(ada, name="Ada L.", email="ada@example.org")
        self.assertEqual(changed.detail, {"year": 2})
        self.assertEqual(self.espy.undo(here, event=changed.event).action, "label.rename")
        self.assertEqual(self.espy.labels.change(ada, name="Ada L.").name, "Ada L.")
        self.espy.labels.delete(ada)
        self.assertEqual(self.espy.undo(here).action.split(".")[0], "label")
        self.assertEqual(self.espy.labels.get(ada).name, "Ada L.")
        with self.assertRaises(Invalid):
            self.espy.labels.erase(ada, "wrong")
        self.assertTrue(self.espy.labels.erase(ada, "STU001").token)
        with self.assertRaises(NotFound):
            self.espy.labels.get(ada)

    def test_sessions(self):
        here = self.new()
        ada = self.espy.labels.create(here, "STU001")
        one = self.espy.sessions.create(here, "Monday", date="2026-09-07", start_time="09:00", detail={"room": 1})
        self.assertEqual((one.state, one.date, one.detail), ("open", "2026-09-07", {"room": 1}))
        marked = self.espy.attendance.mark(one, ada, note="came late")
        self.assertEqual((marked.present, marked.day), (True, "2026-09-07"))
        listed = self.espy.attendance.list(here, from_="2026-09-07", to="2026-09-07").first()
        self.assertEqual((listed.code, listed.manual, listed.note), ("STU001", True, "came late"))
        cell, = self.espy.attendance.presence(here, sessions=[one])
        self.assertEqual((cell.label, cell.said, cell.present), (ada.id, True, True))
        self.espy.attendance.unmark(one, ada)
        with self.assertRaises(NotFound):
            self.espy.attendance.unmark(one, ada)
        self.assertEqual(self.espy.sessions.change(one, state="closed").state, "closed")
        self.assertEqual([s.name for s in self.espy.sessions.list(here, state="closed")], ["Monday"])
        self.espy.sessions.delete(one)
        with self.assertRaises(NotFound):
            self.espy.sessions.get(one)

    def test_events(self):
        here, heard = self.new(), threading.Event()
        self.espy.labels.create(here, "a")
        first = self.espy.labels.create(here, "b")
        self.espy.labels.change(first, code="c")
        events = list(self.espy.events.list(collection=here, limit=1))
        self.assertGreaterEqual(len(events), 3)
        self.assertEqual(list(self.espy.events.list(collection=here, order="newest", limit=1)), events[::-1])
        renamed = list(self.espy.events.list(collection=here, undoable=True))
        self.assertEqual([(e.action, e.label, e.undoable) for e in renamed], [("label.rename", first.id, True)])
        stream = self.espy.events.stream(collection=here, since=events[0].id - 1)
        self.assertEqual(next(stream).id, events[0].id)
        stream.close()

        def later():
            for event in self.espy.events.stream(collection=here):
                if event.label == first.id:
                    return heard.set()
        listener = threading.Thread(target=later, daemon=True)
        listener.start()
        for number in range(50):
            self.espy.labels.change(first, code=f"d{number}")
            if heard.wait(0.2):
                break
        self.assertTrue(heard.is_set())
        listener.join(10)


@unittest.skipUnless(PHOTOS.is_dir(), "needs photos: ESPY_PHOTOS")
class Faces(Case):
    def test_the_road(self):
        espy, here = self.espy, self.new()
        people = sorted(PHOTOS.iterdir())[:3]
        for person in people:
            done = espy.media.upload(here, photos(person)[:4], label=person.name)
            self.assertEqual((done.added, done.refused), (4, 0), done)
        again = espy.media.upload(here, photos(people[0])[0], label=people[0].name)
        self.assertEqual(again.items[0].status, "known")
        torn = espy.media.upload(here, [("torn.jpg", b"\xff\xd8\xff\xe0 torn")])
        self.assertEqual((torn.items[0].status, torn.items[0].good), ("unreadable", False))

        one = espy.media.list(here).first()
        self.assertEqual(espy.media.get(one).digest, one.digest)
        self.assertGreater(len(espy.media.content(one)), 100)
        labels = {label.code: label for label in espy.labels.list(here)}
        ada = labels[people[0].name]
        faces = list(espy.samples.list(here, label=ada, labelled=True, sort="score"))
        self.assertEqual(len(faces), 4)
        self.assertEqual(espy.samples.get(faces[0]).code, people[0].name)
        self.assertEqual(espy.samples.picture(faces[0])[:3], b"\xff\xd8\xff")
        small = espy.samples.picture(faces[0], size=48)
        self.assertLess(len(small), len(espy.media.picture(faces[0].media)))
        vector = espy.samples.embedding(faces[0])
        self.assertEqual(len(vector.embedding), vector.dimension)
        self.assertEqual(espy.samples.similar(faces[0], k=1)[0].code, people[0].name)

        self.assertTrue(espy.trigger(here, min_new_samples=1).retrain)
        with self.assertRaises(NotFound):
            espy.identify(here, photos(people[0])[4])
        job = espy.jobs.wait(espy.train(here, head="svm", seed=1, reason="test"))
        self.assertEqual((job.kind, job.state, job.result["version"]), ("train", "done", 1))
        self.assertIn(job.id, [j.id for j in espy.jobs.list(collection=here, kind="train", state="done")])
        self.assertIsInstance(espy.jobs.log(job), str)
        versions = espy.versions.list(here)
        self.assertEqual((versions.live, versions.items[0].head, versions.previous), (1, "svm", None))
        self.assertEqual(espy.versions.get(here, 1).digest, versions.items[0].digest)

        answer = espy.identify(here, photos(people[0])[0])
        best = max(answer.samples, key=lambda s: s.similarity or 0)
        self.assertEqual((answer.decision, best.decision, best.label), ("faces", "known", people[0].name))
        self.assertGreater(best.candidates[0].probability, 0)
        by_vector = espy.identify(here, embedding=vector.embedding).samples[0]
        self.assertEqual(by_vector.label, people[0].name)
        self.assertTrue(espy.verify(here, photos(people[0])[0], label=people[0].name).match)
        self.assertFalse(espy.verify(here, photos(people[0])[0], other=photos(people[1])[0]).match)
        self.assertEqual(espy.search(here, photos(people[0])[0], k=2).samples[0].neighbours[0].code, people[0].name)
        self.assertEqual(len(espy.detect(photos(people[0])[0]).samples[0].points), 5)
        embedded = espy.embed(photos(people[0])[0])
        self.assertEqual(len(embedded.samples[0].embedding), embedded.dimension)
        for number in range(1, 5):
            seen = espy.live.frame(here, "door", photos(people[0])[0])
            self.assertEqual((seen.frame, seen.samples[0].track.frames), (number, number))

        espy.jobs.wait(espy.train(here, head="prototypes"))
        self.assertEqual(espy.versions.rollback(here, reason="test").live, 1)
        self.assertEqual(espy.versions.activate(here, 2).live, 2)
        with self.assertRaises(NotFound):
            espy.versions.activate(here, 99)

        said = espy.samples.label(here, faces[:1], label="SOMEBODY", name="Some Body")
        self.assertEqual(said.samples, 1)
        espy.undo(here)
        self.assertEqual(espy.samples.get(faces[0]).code, people[0].name)
        self.assertEqual(espy.labels.split(ada, faces[:2], "TWIN").code, "TWIN")
        twin = next(one for one in espy.labels.list(here) if one.code == "TWIN")
        merged = espy.labels.merge(twin, ada)  # what was split off is not given back without a word
        self.assertEqual((merged.label, merged.moved + merged.left), (ada.id, 2))
        espy.samples.reject(here, faces[:1], people[0].name)
        self.assertIsNone(espy.samples.get(faces[0]).label)
        espy.media.delete(one)
        with self.assertRaises(NotFound):
            espy.media.get(one)

    def test_groups(self):
        espy, here = self.espy, self.new()
        people = sorted(PHOTOS.iterdir())[:3]
        monday = espy.sessions.create(here, "Monday", date="2026-09-07")
        sent = list(espy.media.upload_all(here, [p for person in people for p in photos(person)[:3]], session=monday))
        self.assertEqual(len(sent), 9)
        job = espy.cluster(here, session="Monday")
        said = [message.event for message in espy.jobs.stream(job)]
        self.assertTrue({"state", "end"} & set(said), said)
        done = espy.jobs.wait(job)
        self.assertGreaterEqual(done.result["clusters"], 3)
        groups = sorted(espy.labels.list(here, grouped=True), key=lambda one: -one.samples)
        espy.labels.change(groups[0], code="STU001", name="Ada")
        tuesday = espy.sessions.create(here, "Tuesday", date="2026-09-08")
        list(espy.media.upload_all(here, [p for person in people for p in photos(person)[3:5]], session=tuesday))
        espy.jobs.wait(espy.assign(here, session="Tuesday"))
        seen = {(p.label, p.session) for p in espy.attendance.presence(here) if p.present}
        self.assertIn((groups[0].id, monday.id), seen)
        self.assertIn((groups[0].id, tuesday.id), seen)

    def test_an_archive(self):
        here, packed = self.new(), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for person in sorted(PHOTOS.iterdir())[:2]:
                for photo in photos(person)[:2]:
                    archive.write(photo, f"{person.name}/{photo.name}")
            archive.writestr("STU009_Torn/torn.jpg", b"\xff\xd8\xff\xe0 torn")
        done = self.espy.media.import_zip(here, ("photos.zip", packed.getvalue()))
        self.assertEqual((done.added, done.known, done.refused), (4, 0, 1), done)
        self.assertIn("torn.jpg", done.items[0].file)
        self.assertGreaterEqual(self.espy.labels.list(here).total, 2)

    def test_a_job_that_fails(self):
        here = self.new()
        with self.assertRaises(JobFailed) as raised:
            self.espy.jobs.wait(self.espy.train(here))
        self.assertEqual(raised.exception.job.state, "failed")
        with self.assertRaises(Conflict):
            self.espy.jobs.cancel(raised.exception.job)


if __name__ == "__main__":
    unittest.main()
