#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns the characters of a story as prototypes, from a folder of pictures each, and finds them in a scene.

    characters.py URL FOLDER SCENE [SCENE ...]"""
from common import arguments, collection, connect, run, upload_folders


def main():
    parser = arguments(__doc__)
    parser.add_argument("folder", help="one folder of pictures per character")
    parser.add_argument("scenes", nargs="+", help="who is in these?")
    parser.add_argument("--collection", default="story")
    given = parser.parse_args()
    with connect(given) as espy:
        story = collection(espy, given.collection, "face", given.encoder)
        upload_folders(espy, story, given.folder)
        job = espy.jobs.wait(espy.train(story, head="prototypes"))
        print(f"version {job.result['version']}: {job.result['labels']} characters")
        for scene in given.scenes:
            answer = espy.identify(story, scene)
            print(f"{scene}: {len(answer.samples)} faces")
            for face in answer.samples:
                x, y, w, h = face.box
                who = face.name if face.decision == "known" else face.decision
                best = face.candidates[0] if face.candidates else None
                near = f", most like {best.label} ({best.similarity:.2f})" if best else ""
                print(f"  {who} at {x:.0f},{y:.0f} ({w:.0f}x{h:.0f}){near}")


run(main)
