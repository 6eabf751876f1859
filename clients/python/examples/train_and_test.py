#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns from one folder of photos per person, and tries a test set at several thresholds.

    train_and_test.py URL TRAIN TEST

TEST has a folder per person, too; folders that TRAIN does not have are strangers, whom no threshold may name."""
import pathlib

from common import arguments, collection, connect, media_in, run, upload_folders

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


def largest(answer):
    return max(answer.samples, key=lambda s: s.box[2] * s.box[3], default=None)


def main():
    parser = arguments(__doc__)
    parser.add_argument("train", help="one folder of photos per person")
    parser.add_argument("test", help="the same, of other photos")
    parser.add_argument("--collection", default="tested")
    given = parser.parse_args()
    with connect(given) as espy:
        people = collection(espy, given.collection, "face", given.encoder)
        upload_folders(espy, people, given.train)
        version = espy.jobs.wait(espy.train(people, head="svm")).result["version"]
        known = {label.code for label in espy.labels.list(people)}
        print(f"version {version} knows {len(known)} people")
        print("threshold  right  unknown  wrong  strangers named")
        for threshold in THRESHOLDS:
            right = unknown = wrong = named = 0
            for folder in sorted(p for p in pathlib.Path(given.test).iterdir() if p.is_dir()):
                for photo in media_in(folder):
                    face = largest(espy.identify(people, photo, threshold=threshold))
                    label = face.label if face and face.decision == "known" else None
                    if folder.name not in known:
                        named += label is not None
                    else:
                        right += label == folder.name
                        unknown += label is None
                        wrong += label not in (None, folder.name)
            print(f"{threshold:9.2f}  {right:5}  {unknown:7}  {wrong:5}  {named:15}")


run(main)
