#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns students from a folder with one folder of photos each, and says who is in others.

    retrain_students.py URL FOLDER [PHOTO ...]

Run it again after photos were added: what is known is not encoded twice, and the new version answers if it is as
good as the gate demands."""
from common import arguments, collection, connect, run, upload_folders


def main():
    parser = arguments(__doc__)
    parser.add_argument("folder", help="one folder of photos per student: STU001, ...")
    parser.add_argument("photos", nargs="*", help="who is in these?")
    parser.add_argument("--collection", default="students")
    given = parser.parse_args()
    with connect(given) as espy:
        students = collection(espy, given.collection, "face", given.encoder)
        upload_folders(espy, students, given.folder)
        job = espy.jobs.wait(espy.train(students, head="svm", reason="students' photos"))
        print(f"version {job.result['version']}: {job.result['labels']} students, {job.result['samples']} faces,",
              f"accuracy {job.result['accuracy']:.3f}" if job.result["accuracy"] is not None else "nothing held back")
        for photo in given.photos:
            answer = espy.identify(students, photo)
            said = [f"{s.label} ({s.similarity:.2f})" if s.decision == "known" else s.decision for s in answer.samples]
            print(f"{photo}: {', '.join(said) or 'no face'}")


run(main)
