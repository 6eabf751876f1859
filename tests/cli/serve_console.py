# SPDX-License-Identifier: Apache-2.0
"""The web console as it is served: who gets the page, with which headers, how large it is, and that it needs nobody
else.  serve_console.py PROGRAM pages|none"""
import gzip
import re
import sys

from serve_support import Server
from support import folder, main

AT = folder()
PAGES = sys.argv[2] == "pages"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Encoding": "gzip"}
LARGEST = 150_000  # bytes, compressed, of what the page loads before it shows anything
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' blob:",
    "media-src": "'self' blob:", "connect-src": "'self'", "worker-src": "'self'",
    "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}


def text(answer):
    assert answer.headers["content-encoding"] == "gzip", answer.headers
    return gzip.decompress(answer.body).decode()


def page(s):
    return s.get("/", headers=BROWSER).expect(200)


def named(html):
    """The files that a page names."""
    return re.findall(r'(?:src|href)="/console/([^"]+)"', html)


def guarded(answer):
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == POLICY, policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["permissions-policy"] == "camera=(self), microphone=(self), geolocation=()"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def programs_get_what_they_got():
    with Server(AT / "programs") as s:
        for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
            answer = s.get("/", headers=accept).expect(200)
            assert answer.headers["content-type"] == "application/json" and answer.json["status"] == "operational"
            assert "Accept" in answer.headers["vary"]
            assert "sandbox" in answer.headers["content-security-policy"]


def a_program_without_pages_has_none():
    with Server(AT / "none") as s:
        assert s.get("/", headers=BROWSER).expect(200).json["status"] == "operational"
        s.get("/console/index.html").expect(404, "not_found")


def browsers_get_the_page():
    with Server(AT / "page") as s:
        answer = page(s)
        html = text(answer)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache" and "Accept" in answer.headers["vary"]
        guarded(answer)
        assert '<html lang="en">' in html and 'id="app"' in html, html
        # the policy would stop them
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|data:", html), html
        head = s.call("HEAD", "/", headers=BROWSER).expect(200)
        assert head.headers["etag"] == answer.headers["etag"] and not head.body
        assert s.call("HEAD", "/").expect(200).headers["content-type"] == "application/json"


def files_are_kept_for_good():
    types = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    with Server(AT / "files") as s:
        files = named(text(page(s)))
        assert any(f.endswith(".js") for f in files), files
        for file in files:
            assert re.fullmatch(r"[\w-]+-[\w-]{8}\.\w+", file), file
            answer = s.get("/console/" + file).expect(200)
            assert text(answer)
            assert answer.headers["content-type"] == types[file.rsplit(".", 1)[1]], answer.headers
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            guarded(answer)


def what_is_known_is_not_sent_again():
    with Server(AT / "known") as s:
        for path, headers in (("/", BROWSER), ("/console/" + named(text(page(s)))[0], {})):
            first = s.get(path, headers=headers).expect(200)
            tag = first.headers["etag"]
            assert re.fullmatch(r'"[0-9a-f]{32}"', tag), tag
            for known in (tag, "W/" + tag, f'"other", {tag}', "*"):
                again = s.get(path, headers={**headers, "If-None-Match": known}).expect(304)
                assert not again.body and again.headers["etag"] == tag
                assert again.headers["cache-control"] == first.headers["cache-control"]
            s.get(path, headers={**headers, "If-None-Match": '"other"'}).expect(200)


def nothing_else_is_there():
    with Server(AT / "else") as s:
        for name in ("nothing.js", "..%2f..%2fetc%2fpasswd", "%00", "index.html%00.js", "INDEX.HTML"):
            assert s.get("/console/" + name).status in (400, 404), name
        s.get("/console/").expect(404)
        s.get("/console").expect(404)
        s.post("/console/index.html").expect(405)


def it_is_small():
    with Server(AT / "small") as s:
        files = [f for f in named(text(page(s))) if f.endswith((".js", ".css"))]
        sizes = {f: len(s.get("/console/" + f).expect(200).body) for f in files}
        print("compressed:", sizes)
        assert sum(sizes.values()) <= LARGEST, sizes


def everything(s):
    """All files, found from the page on by their names in one another."""
    found, waiting = {"/": text(page(s))}, named(text(page(s)))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = text(s.get("/console/" + name).expect(200))
            waiting += re.findall(r"[/\"'](?:console/)?([\w.-]+-[\w-]{8}\.(?:js|css|svg|woff2?))\b", found[name])
    return found


def nothing_needs_more_than_the_policy():
    """No picture written into a file, no fonts, no manifest."""
    with Server(AT / "policy") as s:
        for name, content in everything(s).items():
            assert not re.search(r"data:(?:image|font|text|application)/|@font-face|rel=[\"']?manifest", content), name


def nobody_else_is_asked():
    """The only address in any file is that of XML's namespaces, which nobody asks."""
    with Server(AT / "nobody") as s:
        for name, content in everything(s).items():
            hosts = set(re.findall(r"(?:https?|wss?):(?:\\?/){2}([\w.-]+)", content)) - {"www.w3.org"}
            assert not hosts, f"{name}: {hosts}"
            assert not re.search(r"(?:src|href|url|fetch|import)\W{1,3}//\w", content), name


main([programs_get_what_they_got] + ([
    browsers_get_the_page, files_are_kept_for_good, what_is_known_is_not_sent_again, nothing_else_is_there, it_is_small,
    nothing_needs_more_than_the_policy, nobody_else_is_asked] if PAGES else [a_program_without_pages_has_none]))
