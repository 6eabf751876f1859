# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for tests of the program: pg_virtualenv's, or the one that ESPY_TEST_POSTGRES names."""
import atexit
import os
import shutil
import subprocess

from support import skip

TELL = "echo postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE; exec cat >/dev/null"


def server():
    """Its address; skips the test where there is none.  It lives until our end of the pipe closes."""
    given = os.environ.get("ESPY_TEST_POSTGRES")
    if given:
        return given
    if not shutil.which("pg_virtualenv"):
        skip("no pg_virtualenv (Debian packages postgresql and postgresql-common)")
    for attempt in range(3):  # tests run beside each other: each tries a port of its own
        options = f"-e UTF8 --locale=C.UTF-8 -p {20000 + (os.getpid() * 3 + attempt) % 12000}"
        running = subprocess.Popen(["pg_virtualenv", "-t", "-c", options, "sh", "-c", TELL],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        atexit.register(lambda held=running: (held.stdin.close(), held.wait()))
        for line in running.stdout:
            if line.startswith("postgresql://"):
                return line.strip()
    skip("pg_virtualenv started no server")
    return None


def schema(url, name):
    """The address of a new schema."""
    subprocess.run(["psql", "-q", url, "-c", f"CREATE SCHEMA {name}"], check=True)
    return f"{url}?options=-csearch_path%3D{name}"


def ask(url, sql):
    return subprocess.run(["psql", "-qAt", url, "-c", sql], check=True, capture_output=True,
                          text=True).stdout.strip()
