#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/media/data: tiny pictures of known content in every format.

Not run by the tests; needs numpy, Pillow with WebP, and Debian's heif-enc.  test_media.c computes the
same pixels:
  gradient  24x16: r = 10 x, g = 16 y, b = 200 - 4 x
  grey      24x16: 10 x
  checker   24x16: squares of 4 pixels, black first
  alpha     the gradient with alpha = 17 y
"""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
from PIL import Image

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
y, x = np.mgrid[0:16, 0:24]
GRADIENT = np.stack([10 * x, 16 * y, 200 - 4 * x], -1).astype(np.uint8)
GREY = (10 * x).astype(np.uint8)
CHECKER = (((x // 4 + y // 4) & 1) * 255).astype(np.uint8)
ALPHA = np.concatenate([GRADIENT, (17 * y)[..., None]], -1).astype(np.uint8)

# What has to be stored so that applying the EXIF orientation gives the picture back.
STORED = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1), 6: lambda p: p[:, ::-1].swapaxes(0, 1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1), 8: lambda p: p[::-1].swapaxes(0, 1),
}


def path(name):
    return os.path.join(DATA, name)


def exif(orientation, big=False):
    e = Image.Exif()
    if big:
        e.endian = ">"
    e[0x0112] = orientation
    return e


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, interlace=0, before=b""):
    """rows: all filtered scan lines in file order."""
    with open(path(name), "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        f.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)))
        f.write(before)
        f.write(chunk(b"IDAT", zlib.compress(rows, 9)))
        f.write(chunk(b"IEND", b""))


def lines(p):
    return b"".join(b"\0" + row.tobytes() for row in p)


def jpegs():
    p = Image.fromarray(GRADIENT)
    p.save(path("gradient.jpg"), quality=97, subsampling=0)
    p.save(path("subsampled.jpg"), quality=95)
    p.save(path("progressive.jpg"), quality=97, subsampling=0, progressive=True)
    Image.fromarray(GREY).save(path("grey.jpg"), quality=97)
    p.convert("CMYK").save(path("cmyk.jpg"), quality=97)
    for o, stored in STORED.items():
        Image.fromarray(np.ascontiguousarray(stored(GRADIENT))).save(
            path("orient%d.jpg" % o), quality=97, subsampling=0, exif=exif(o, big=o % 2 == 0))
    y, x = np.mgrid[0:96, 0:128]
    smooth = np.stack([x, 2 * y, 255 - x - y // 2], -1).astype(np.uint8)
    Image.fromarray(smooth).save(path("large.jpg"), quality=90)


def pngs():
    png("gradient.png", 24, 16, 8, 2, lines(GRADIENT))
    png("grey.png", 24, 16, 8, 0, lines(GREY))
    wide = (GREY.astype(np.uint16) << 8 | 0x7F).astype(">u2")
    png("grey16.png", 24, 16, 16, 0, lines(wide))
    png("bit1.png", 24, 16, 1, 0, lines(np.packbits(CHECKER // 255, axis=1)))
    png("alpha.png", 24, 16, 8, 6, lines(ALPHA))
    png("alpha16.png", 24, 16, 16, 6, lines((ALPHA.astype(np.uint16) * 257).astype(">u2")))
    palette = chunk(b"PLTE", bytes([0, 0, 0, 255, 255, 255]))
    png("palette.png", 24, 16, 8, 3, lines((CHECKER // 255)), before=palette)
    # Black squares that the palette makes wholly transparent: all white over white.
    clear = palette + chunk(b"tRNS", b"\0\xff")
    png("palette_clear.png", 24, 16, 8, 3, lines((CHECKER // 255)), before=clear)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(lines(np.ascontiguousarray(GRADIENT[oy::sy, ox::sx])) for ox, oy, sx, sy in passes)
    png("adam7.png", 24, 16, 8, 2, rows, interlace=1)
    tiff = exif(6).tobytes()
    tiff = tiff[6:] if tiff.startswith(b"Exif") else tiff
    stored = np.ascontiguousarray(STORED[6](GRADIENT))
    png("orient6.png", 16, 24, 8, 2, lines(stored), before=chunk(b"eXIf", tiff))


def webps():
    p = Image.fromarray(GRADIENT)
    p.save(path("lossless.webp"), lossless=True)
    p.save(path("lossy.webp"), quality=95)
    Image.fromarray(ALPHA, "RGBA").save(path("alpha.webp"), lossless=True, exact=True)
    Image.fromarray(np.ascontiguousarray(STORED[6](GRADIENT))).save(
        path("orient6.webp"), lossless=True, exif=exif(6))
    p.save(path("animated.webp"), lossless=True, save_all=True,
           append_images=[Image.fromarray(255 - GRADIENT)], duration=100)


def boxes(data):
    """The ISO boxes in data: (type, start of box, start of content, end)."""
    at = 0
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4:at + 8], at, at + 8, at + size
        at += size


def turned(data, quarters):
    """A HEIC file of one item with a rotation property (irot, quarter turns anticlockwise) added."""
    def box(kind, content):
        return struct.pack(">I", 8 + len(content)) + kind + content

    def rebuild(kind, content):
        if kind == b"ipco":
            return content + box(b"irot", bytes([quarters]))
        if kind == b"iprp":
            inner = {k: content[c:e] for k, s, c, e in boxes(content)}
            index = len(list(boxes(inner[b"ipco"]))) + 1
            ipma = bytearray(inner[b"ipma"])  # version and flags, count, then item, count, indices
            assert struct.unpack_from(">II", ipma) == (0, 1)
            ipma[10] += 1
            ipma.append(0x80 | index)
            return box(b"ipco", rebuild(b"ipco", inner[b"ipco"])) + box(b"ipma", bytes(ipma))
        return content

    out = b""
    for kind, start, content, end in boxes(data):
        if kind != b"meta":
            out += data[start:end]
            continue
        grown = 9 + 1  # the irot box and one association
        parts = data[content:content + 4]
        for k, s, c, e in boxes(data[content + 4:end]):
            inner = rebuild(k, data[content + 4 + c:content + 4 + e])
            if k == b"iloc":
                inner = bytearray(inner)  # sizes 4/4/4, one item, method, one extent
                at = len(inner) - 8
                struct.pack_into(">I", inner, at, struct.unpack_from(">I", inner, at)[0] + grown)
                inner = bytes(inner)
            parts += box(k, inner)
        out += box(b"meta", parts)
    return out


def heic(name, p):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "p.png")
        Image.fromarray(p).save(source)
        subprocess.run(["heif-enc", "-q", "90", "-p", "chroma=444", "-o", path(name), source], check=True)


def heics():
    big = np.kron(GRADIENT, np.ones((4, 4, 1), np.uint8))
    heic("large.heic", big)
    heic("turned.heic", np.ascontiguousarray(STORED[6](big)))
    with open(path("turned.heic"), "rb") as f:
        data = f.read()
    with open(path("turned.heic"), "wb") as f:
        f.write(turned(data, 3))


def bmps():
    Image.fromarray(GRADIENT).save(path("gradient.bmp"))
    Image.fromarray(GREY).save(path("grey.bmp"))
    Image.fromarray(CHECKER).convert("1").save(path("bit1.bmp"))
    info = struct.pack("<IiiHHIIiiII", 40, 24, -16, 1, 24, 0, 0, 0, 0, 0, 0)  # rows from the top
    body = np.ascontiguousarray(GRADIENT[:, :, ::-1]).tobytes()
    with open(path("topdown.bmp"), "wb") as f:
        f.write(b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + info + body)


def pnms():
    def plain(kind, p, extra=""):
        text = "P%d\n# made for espy\n24 16\n%s" % (kind, extra)
        return text.encode() + b"\n".join(b" ".join(b"%d" % v for v in row) for row in p)
    bits = 1 - CHECKER // 255
    files = {
        "p1.pbm": plain(1, bits), "p2.pgm": plain(2, GREY, "255\n"),
        "p3.ppm": plain(3, GRADIENT.reshape(16, -1), "255\n"),
        "p4.pbm": b"P4 24 16\n" + np.packbits(bits, axis=1).tobytes(),
        "p5.pgm": b"P5\n24 16\n255\n" + GREY.tobytes(),
        "p5wide.pgm": b"P5\n24 16\n65535\n" + (GREY.astype(np.uint16) * 257).astype(">u2").tobytes(),
        "p6.ppm": b"P6\n24 16 255\n" + GRADIENT.tobytes(),
    }
    for name, data in files.items():
        with open(path(name), "wb") as f:
            f.write(data)


os.makedirs(DATA, exist_ok=True)
for make in (jpegs, pngs, webps, heics, bmps, pnms):
    make()
total = sum(os.path.getsize(path(n)) for n in os.listdir(DATA))
print("%d files, %d bytes" % (len(os.listdir(DATA)), total))
sys.exit(0 if total < 100 << 10 else 1)
