# SPDX-License-Identifier: Apache-2.0
"""People and keys: the commands `user` and `key`, and /v1/auth, /v1/users, /v1/keys, /v1/webhooks of a server."""
import re
import time

from serve_support import Server
from support import Run, folder, main

AT = folder()
W = ("--workspace", AT / "w")
SECRETS = set()


def secret(text):
    """Noted, so that the end can see that the server's log never had it."""
    SECRETS.add(text)
    return text


def commands():
    """Accounts and keys by the program alone, before any server was started."""
    Run("init", AT / "w").expect(0)
    own = secret("Blue-Lamp-Seven")
    Run("user", "add", "root", *W, "--role", "admin", "--full-name", "The Root", stdin=own.encode() + b"\n").expect(0, "can log in")
    Run("user", "add", "root", *W, stdin=b"another-one\n").expect(1, "root")
    Run("user", "add", "x", *W, "--role", "king", stdin=b"another-one\n").expect(2, "no role")
    Run("user", "add", "x", *W, stdin=b"short\n").expect(2, "8 to 1024")
    Run("user", "add", "x", *W, stdin=b"").expect(2, "no password")
    Run("user", "add", "ann", *W, "--email", "ann@x.org", stdin=secret("ann-has-a-word").encode()).expect(0)
    Run("user", "add", "ben", *W, stdin=secret("ben-has-a-word").encode()).expect(0)
    names = [one["name"] for one in Run("user", "list", *W, "--json").expect(0).json]
    assert names == ["root", "ann", "ben"], names
    assert [one["name"] for one in Run("user", "list", *W, "--json", "--role", "admin").json] == ["root"]
    Run("user", "list", *W).expect(0, "instructor")
    Run("user", "role", "root", "student", *W).expect(1, "last")
    Run("user", "disable", "root", *W).expect(1, "last")
    Run("user", "delete", "root", *W).expect(1, "last")
    Run("user", "role", "nobody", "admin", *W).expect(1, "espy user list")
    Run("user", "role", "ben", "student", *W).expect(0, "student now")
    Run("user", "password", "nobody", *W, stdin=b"whatever-it-is").expect(1, "no account")
    Run("user", "disable", "ben", *W).expect(0)
    Run("user", "enable", "ben", *W).expect(0)
    made = Run("key", "add", "camera", *W, "--user", "ann", "--scopes", "read,identify", "--json").expect(0).json[0]
    assert re.fullmatch(r"espy_[\w-]{43}", made["key"]), made
    secret(made["key"])
    Run("key", "add", "x", *W, "--user", "nobody").expect(1, "no account")
    Run("key", "add", "x", *W, "--user", "ann", "--scopes", "read,fly").expect(2, "fly")
    Run("key", "add", "x", *W, "--user", "ann", "--collection", "none").expect(1)
    listed = Run("key", "list", *W, "--user", "ann", "--json").expect(0).json
    assert [one["name"] for one in listed] == ["camera"] and listed[0]["scopes"] == ["read", "identify"], listed
    assert made["key"] not in Run("key", "list", *W).expect(0, "camera").out
    Run("key", "revoke", "99", *W).expect(1, "no key 99")
    Run("key", "revoke", "camera", *W).expect(2, "number")


def log_in():
    """The right and the wrong password, tokens that end with the account or its password."""
    s = SERVER
    assert "administrator is" not in "".join(s.said), "accounts are there: none is made"
    answer = s.post("/v1/auth/login", {"name": "root", "password": "Blue-Lamp-Seven"}).expect(200).json
    assert answer["user"]["role"] == "admin" and answer["expires_in"] > 0 and "csrf" not in answer
    token = secret(answer["access"])
    assert "password" not in answer["user"], answer
    s.post("/v1/auth/login", {"name": "root", "password": "wrong-word"}).expect(401, "wrong_password")
    s.post("/v1/auth/login", {"name": "nobody", "password": "wrong-word"}).expect(401, "wrong_password")
    bad = s.post("/v1/auth/login", {"name": "root", "pass": "x"}).expect(400).json["error"]
    assert set(bad["details"]) == {"pass", "password"}, bad
    me = s.get("/v1/auth/me", token).expect(200).json
    assert me["user"]["name"] == "root" and me["may"] == ["read", "identify", "enroll", "admin"] and me["csrf"] is None
    s.get("/v1/auth/me").expect(401, "unauthenticated")
    s.get("/v1/auth/me", token + "x").expect(401)
    s.get("/v1/auth/me", headers={"Authorization": "Basic cm9vdDp4"}).expect(401)


def rate_limit():
    """After some failures the account has to wait, also with the right password; others do not."""
    s = SERVER
    statuses = [s.post("/v1/auth/login", {"name": "ben", "password": f"guess-{n}"}).status for n in range(8)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    blocked = s.post("/v1/auth/login", {"name": "ben", "password": "ben-has-a-word"}).expect(429)
    assert int(blocked.headers["retry-after"]) >= 1
    s.login("ann", "ann-has-a-word")


def accounts():
    """Administrators make, change and delete accounts; nobody else does."""
    s, root, ann = SERVER, SERVER.login("root", "Blue-Lamp-Seven"), SERVER.login("ann", "ann-has-a-word")
    new = {"name": "cleo", "password": secret("cleo-has-a-word"), "role": "instructor", "full_name": "Cleo",
           "email": "cleo@x.org", "detail": {"department": "Law"}}
    cleo = s.post("/v1/users", new, root).expect(201).json
    assert cleo["detail"] == {"department": "Law"} and cleo["enabled"], cleo
    s.post("/v1/users", new, root).expect(409, "conflict")
    s.post("/v1/users", dict(new, name="c2", role="king"), root).expect(400, "role")
    s.post("/v1/users", dict(new, name="c2", password="short"), root).expect(400, "password")
    s.post("/v1/users", dict(new, name="c2", email=None, detail={"x": "y" * 70000}), root).expect(400, "detail")
    s.post("/v1/users", new, ann).expect(403)
    s.post("/v1/users", new).expect(401)
    s.get("/v1/users", ann).expect(403)
    page = s.get("/v1/users", root, query={"limit": 2}).expect(200).json
    assert len(page["items"]) == 2 and page["total"] == 4 and page["next_cursor"], page
    rest = s.get("/v1/users", root, query={"limit": 2, "cursor": page["next_cursor"]}).json
    assert [one["name"] for one in page["items"] + rest["items"]] == ["root", "ann", "ben", "cleo"]
    assert rest["next_cursor"] is None
    path = f"/v1/users/{cleo['id']}"
    assert s.get(path, root).expect(200).json == cleo
    s.get("/v1/users/999", root).expect(404)
    s.get("/v1/users/x", root).expect(404)
    changed = s.patch(path, {"full_name": "Cleo C", "email": "", "detail": {}}, root).expect(200).json
    assert (changed["full_name"], changed["email"], changed["detail"]) == ("Cleo C", None, {}), changed
    token = s.login("cleo", "cleo-has-a-word")
    s.patch(path, {"enabled": False}, root).expect(200)
    s.get("/v1/auth/me", token).expect(401)
    s.post("/v1/auth/login", {"name": "cleo", "password": "cleo-has-a-word"}).expect(401)
    s.patch(path, {"enabled": True, "password": secret("cleo-has-another")}, root).expect(200)
    s.get("/v1/auth/me", token).expect(401)
    token = s.login("cleo", "cleo-has-another")
    s.put("/v1/auth/password", {"current": "wrong", "password": "long-enough"}, token).expect(400, "current")
    s.put("/v1/auth/password", {"current": "cleo-has-another", "password": "short"}, token).expect(400, "password")
    s.put("/v1/auth/password", {"current": "cleo-has-another", "password": secret("cleo-chose-this")}, token).expect(204)
    s.get("/v1/auth/me", token).expect(401)
    s.login("cleo", "cleo-chose-this")
    me = s.get("/v1/auth/me", root).json["user"]["id"]
    for change in ({"role": "student"}, {"enabled": False}):
        s.patch(f"/v1/users/{me}", change, root).expect(409)
    s.delete(f"/v1/users/{me}", root).expect(409)
    s.delete(path, root).expect(204)
    s.delete(path, root).expect(404)
    s.post("/v1/auth/login", {"name": "cleo", "password": "cleo-chose-this"}).expect(401)


def cookies():
    """A page's session: scripts do not see the token, and what changes something needs the csrf value."""
    s = SERVER
    answer = s.post("/v1/auth/login", {"name": "ann", "password": "ann-has-a-word", "cookie": True}).expect(200)
    assert "access" not in answer.json, answer.json
    cookie = answer.cookies[0]
    for part in ("espy_session=", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie, cookie
    own = {"Cookie": cookie.split(";")[0]}
    secret(own["Cookie"].split("=", 1)[1])
    assert "Secure" not in cookie, cookie
    proxied = s.post("/v1/auth/login", {"name": "ann", "password": "ann-has-a-word", "cookie": True}, headers={"X-Forwarded-Proto": "https"})
    assert "; Secure" in proxied.cookies[0], proxied.cookies
    csrf = answer.json["csrf"]
    assert s.get("/v1/auth/me", headers=own).expect(200).json["csrf"] == csrf
    new = {"name": "page", "scopes": ["read"]}
    s.post("/v1/keys", new, headers=own).expect(403, "csrf")
    s.post("/v1/keys", new, headers=dict(own, **{"X-CSRF-Token": "x" * 43})).expect(403, "csrf")
    key = s.post("/v1/keys", new, headers=dict(own, **{"X-CSRF-Token": csrf})).expect(201).json
    secret(key["key"])
    s.get("/v1/auth/me", own["Cookie"].split("=", 1)[1]).expect(401)  # a cookie is no bearer token
    out = s.post("/v1/auth/logout").expect(204)
    assert "Max-Age=0" in out.cookies[0] and "espy_session=;" in out.cookies[0], out.cookies
    assert out.headers["clear-site-data"] == '"cache"', out.headers


def keys():
    """What a key may, whose it is, and when it ends."""
    s, ann, root = SERVER, SERVER.login("ann", "ann-has-a-word"), SERVER.login("root", "Blue-Lamp-Seven")
    read = s.post("/v1/keys", {"name": "reader", "scopes": ["read"]}, ann).expect(201).json
    assert read["key"].startswith("espy_") and read["scopes"] == ["read"] and read["expires"] is None, read
    secret(read["key"])
    listed = s.get("/v1/keys", ann).expect(200).json["items"]
    assert read["id"] in [one["id"] for one in listed] and all("key" not in one for one in listed), listed
    s.post("/v1/keys", {"name": "x", "scopes": ["fly"]}, ann).expect(400, "scopes")
    s.post("/v1/keys", {"name": "x", "scopes": []}, ann).expect(400, "scopes")
    s.post("/v1/keys", {"name": "x", "scopes": ["read"], "collection": "none"}, ann).expect(404)
    s.post("/v1/keys", {"name": "x", "scopes": ["read"], "owner": 1}, ann).expect(403)
    s.get("/v1/keys", ann, query={"owner": 1}).expect(403)
    s.get("/metrics", read["key"]).expect(200)
    s.get("/metrics", headers={"X-Api-Key": read["key"]}).expect(200)
    s.get("/v1/webhooks", read["key"]).expect(403)  # needs the scope enroll
    s.get("/v1/auth/me", read["key"]).expect(403)  # no key speaks for the account
    s.get("/v1/keys", read["key"]).expect(403)
    more = s.post("/v1/keys", {"name": "x", "scopes": ["admin", "read"]}, ann).expect(201).json
    s.get("/v1/users", secret(more["key"])).expect(403)  # its owner may not either
    s.get("/metrics", "espy_" + "x" * 43).expect(401)
    short = s.post("/v1/keys", {"name": "short", "scopes": ["read"], "expires_days": 0.001}, ann).expect(201).json
    assert short["expires"], short
    s.delete(f"/v1/keys/{read['id']}", SERVER.login("ann", "ann-has-a-word")).expect(204)
    s.get("/metrics", read["key"]).expect(401)
    own = s.post("/v1/keys", {"name": "root's", "scopes": ["admin"]}, root).expect(201).json
    listed = s.get("/v1/keys?owner=0", root).expect(200).json["items"]
    assert {own["id"], more["id"]} <= {k["id"] for k in listed} and len({k["owner"] for k in listed}) == 2, listed
    assert {k["owner"] for k in s.get("/v1/keys", root).json["items"]} == {own["owner"]}
    s.get("/v1/keys?owner=0", ann).expect(403)
    s.post("/v1/keys", {"name": "nobody's", "scopes": ["read"], "owner": 0}, root).expect(400, "owner")
    s.delete(f"/v1/keys/{own['id']}", ann).expect(404)
    s.get("/v1/users", secret(own["key"])).expect(200)
    s.delete(f"/v1/keys/{more['id']}", root).expect(204)
    made = s.post("/v1/collections", {"name": "hall", "modality": "sound", "encoder": "melstats"}, root).expect(201).json
    bound = s.post("/v1/keys", {"name": "one hall's", "scopes": ["admin", "read"], "collection": "hall"}, root).expect(201).json
    assert bound["collection"] == made["id"], bound
    s.get("/v1/collections/hall", secret(bound["key"])).expect(200)
    s.get("/v1/users", bound["key"]).expect(403)  # accounts are of no collection


def once():
    """A creating request that is sent again with the same key is done once."""
    s, root = SERVER, SERVER.login("root", "Blue-Lamp-Seven")
    new = {"name": "dora", "password": secret("dora-has-a-word"), "role": "student"}
    same = {"Idempotency-Key": "one-two-three"}
    first = s.post("/v1/users", new, root, headers=same).expect(201)
    again = s.post("/v1/users", new, root, headers=same).expect(201)
    assert first.json == again.json and again.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers
    s.post("/v1/users", dict(new, name="dora2"), root, headers=same).expect(409, "key_reused")
    s.post("/v1/users", new, root, headers={"Idempotency-Key": "four"}).expect(409, "conflict")
    s.post("/v1/users", dict(new, name="dora3"), root, headers={"Idempotency-Key": "four"}).expect(201)
    s.post("/v1/users", new, root, headers={"Idempotency-Key": "a b"}).expect(400)
    key = {"name": "k", "scopes": ["read"]}
    made = s.post("/v1/keys", key, root, headers={"Idempotency-Key": "k1"}).expect(201).json
    told = s.post("/v1/keys", key, root, headers={"Idempotency-Key": "k1"}).expect(201).json
    assert secret(made["key"]) and told["key"] is None and told["id"] == made["id"], (made, told)
    for file in (AT / "w").glob("store.db*"):
        assert made["key"].encode() not in file.read_bytes(), "a key is in the store"


def webhooks():
    s, ann, root = SERVER, SERVER.login("ann", "ann-has-a-word"), SERVER.login("root", "Blue-Lamp-Seven")
    hook = {"url": "https://hooks.example.org/espy", "events": ["version.publish", "job.end"]}
    made = s.post("/v1/webhooks", hook, ann).expect(201).json
    assert len(secret(made["secret"])) >= 32 and made["events"] == hook["events"] and made["enabled"], made
    listed = s.get("/v1/webhooks", ann).expect(200).json["items"]
    assert [one["url"] for one in listed] == [hook["url"]] and "secret" not in listed[0], listed
    for url in ("ftp://x.org/", "http://127.0.0.1/x", "http://user:pw@x.org/", "http://localhost/", "x"):
        s.post("/v1/webhooks", {"url": url}, ann).expect(400, "url")
    s.post("/v1/webhooks", {"url": hook["url"], "events": ["a b"]}, ann).expect(400, "events")
    s.post("/v1/webhooks", {"url": hook["url"], "secret": "short"}, ann).expect(400, "secret")
    s.post("/v1/webhooks", {"url": hook["url"], "collection": "none"}, ann).expect(404)
    assert s.get("/v1/webhooks", root).json["items"] == []
    other = s.post("/v1/webhooks", hook, root).expect(201).json
    secret(other["secret"])
    listed = s.get("/v1/webhooks?owner=0", root).expect(200).json["items"]
    assert [one["id"] for one in listed] == [made["id"], other["id"]] and listed[0]["owner"] != listed[1]["owner"], listed
    s.get("/v1/webhooks?owner=0", ann).expect(403)
    s.delete(f"/v1/webhooks/{other['id']}", ann).expect(404)
    s.delete(f"/v1/webhooks/{made['id']}", ann).expect(204)
    s.delete(f"/v1/webhooks/{made['id']}", ann).expect(404)


def trust():
    """--trust-loopback: an administrator without an account, on this machine alone."""
    s = Server(AT / "w", "--trust-loopback")
    try:
        me = s.get("/v1/auth/me").expect(200).json
        assert me["user"]["id"] is None and me["user"]["role"] == "admin", me
        s.get("/v1/users").expect(200)
        s.post("/v1/keys", {"name": "x", "scopes": ["read"]}).expect(400, "owner")
        s.post("/v1/keys", {"name": "x", "scopes": ["read"], "owner": 1}).expect(201)
        s.put("/v1/auth/password", {"current": "whatever-x", "password": "whatever-y"}).expect(409)
        s.get("/v1/users", headers={"Origin": "https://evil.example"}).expect(401)
        s.get("/v1/users", headers={"Host": "evil.example"}).expect(401)
        s.get("/v1/users", headers={"X-Forwarded-For": "8.8.8.8"}).expect(401)
    finally:
        s.stop()


def first_start():
    """Without an administrator the first start makes one, whose password is shown once and is good."""
    Run("user", "add", "ann", "--workspace", AT / "fresh", stdin=b"ann-has-a-word").expect(0)
    s = Server(AT / "fresh")
    token = s.login("admin", s.password)
    assert s.get("/v1/auth/me", token).expect(200).json["user"]["role"] == "admin"
    s.stop()
    again = Server(AT / "fresh")
    time.sleep(0.2)
    assert "password" not in "".join(again.said)
    again.stop()


def silence():
    """Nothing that is secret was ever said in the server's log."""
    said = SERVER.stop()
    assert len(SECRETS) > 12 and "route=/v1/auth/login" in said
    for one in SECRETS:
        assert one not in said, f"the log says {one}"


commands()
SERVER = Server(AT / "w")
try:
    main([log_in, rate_limit, accounts, cookies, keys, once, webhooks, silence, trust, first_start])
finally:
    SERVER.process.kill()
