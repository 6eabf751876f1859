#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends recordings of sound classes, learns them when enough is new, shows each epoch, can go back.

    sounds.py URL FOLDER [--least N] [--epochs N]    a folder per class goes up; learns when N are new, or nothing was learned
    sounds.py URL --rollback                         the version before answers again
    sounds.py URL --versions                         what was learned"""
from common import arguments, collection, connect, run, upload_folders


def learn(espy, sounds, given):
    job = espy.train(sounds, head="mlp", epochs=given.epochs, reason="new recordings")
    for message in espy.jobs.stream(job):
        if message.event == "epoch":
            print("epoch {epoch}/{epochs}: loss {loss:.4f}, validation accuracy {val_accuracy:.3f}"
                  .format_map(message.data))
    done = espy.jobs.wait(job)
    print(f"version {done.result['version']}, accuracy {done.result['accuracy']}")


def main():
    parser = arguments(__doc__)
    parser.add_argument("folder", nargs="?", help="one folder of recordings per class")
    parser.add_argument("--collection", default="sounds")
    parser.add_argument("--least", type=int, default=100, help="new recordings that are enough")
    parser.add_argument("--epochs", type=int, help="at most")
    parser.add_argument("--rollback", action="store_true")
    parser.add_argument("--versions", action="store_true")
    given = parser.parse_args()
    with connect(given) as espy:
        sounds = collection(espy, given.collection, "sound", given.encoder)
        if given.folder:
            upload_folders(espy, sounds, given.folder)
            due = espy.trigger(sounds, min_new_samples=given.least)
            print(f"{due.new_samples} new recordings; {'learning' if due.retrain else 'not enough'}")
            if due.retrain:
                learn(espy, sounds, given)
        if given.rollback:
            now = espy.versions.rollback(sounds, reason="by hand")
            print(f"version {now.live} answers; before it was {now.previous}")
        if given.versions:
            all_of = espy.versions.list(sounds)
            for version in all_of.items:
                print(f"{version.version:4} {version.head} {version.created:%Y-%m-%d %H:%M}",
                      "live" if version.version == all_of.live else "")


run(main)
