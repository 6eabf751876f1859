# SPDX-License-Identifier: Apache-2.0
"""The peer of serve_vs_fastapi.py: who is in a picture, by FastAPI, ONNX Runtime, OpenCV and numpy.

The same networks and the same steps as espy's mobilefacenet pack: decode, SCRFD-500M, alignment by five points,
MobileFaceNet, the nearest labels.  Settings come by environment:
FACES_GALLERY (npz of "vectors" and "labels"), FACES_THREADS (1 or 2, of one network run), FACES_INLINE (1: run
in the event loop, for a process per core; 0: in threads), FACES_TIGHT (1: the network sees the picture in its
own shape, as with espy; 0: 640 x 640 for every picture, as InsightFace does).
"""
import asyncio
import concurrent.futures
import os

import cv2
import numpy as np
import orjson
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from photos_vs_python import Peer

NEAREST = 5
cv2.setNumThreads(1)
threads = int(os.environ["FACES_THREADS"])
inline = os.environ["FACES_INLINE"] == "1"
peer = Peer({1: "files", 2: "stages"}[threads], os.environ["FACES_TIGHT"] == "1", False)
gallery = np.load(os.environ["FACES_GALLERY"])
vectors, labels = np.ascontiguousarray(gallery["vectors"].T), gallery["labels"].tolist()
pool = concurrent.futures.ThreadPoolExecutor(max(1, 2 // threads))
app = FastAPI()


def nearest(similarities):
    """The labels with the nearest samples, best first."""
    out, seen = [], set()
    few = np.argpartition(-similarities, min(64, similarities.size - 1))[:64]
    for i in few[np.argsort(-similarities[few])]:
        if labels[i] not in seen:
            seen.add(labels[i])
            out.append({"label": labels[i], "similarity": float(similarities[i])})
        if len(out) == NEAREST:
            break
    return out


def answer(body):
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise HTTPException(400, "not a picture")
    boxes, crops = peer.find(image)
    samples = []
    for box, similarities in zip(boxes, peer.embed(crops) @ vectors if crops else ()):
        candidates = nearest(similarities)
        known = candidates[0]["similarity"] >= 0.4
        samples.append({"box": [float(v) for v in box], "decision": "known" if known else "unknown",
                        "label": candidates[0]["label"] if known else None, "candidates": candidates})
    return {"samples": samples}


@app.get("/healthz")
async def health():
    return {"status": "ok"}


@app.post("/identify")
async def identify(request: Request):
    body = await request.body()
    said = answer(body) if inline else await asyncio.get_running_loop().run_in_executor(pool, answer, body)
    return Response(orjson.dumps(said), media_type="application/json")
