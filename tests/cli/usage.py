# SPDX-License-Identifier: Apache-2.0
"""Help, exit statuses, precedence of options, and what needs neither pack nor photo."""
import re

from support import PROGRAM, Run, folder, main


def help_lists_every_command():
    overview = Run("help").expect(0).out
    man = Run("help", "--man").expect(0).out
    for name in ("init", "models list", "train", "retrain clean", "retrain production", "retrain characters", "test characters", "test", "enroll",
                 "identify", "compare", "detect", "embed", "versions", "rollback", "trigger", "evaluate", "doctor", "serve",
                 "user add", "user list", "key add", "key revoke"):
        assert f"  {name} " in overview, name
        assert f"## espy {name}" in man, name
        one = Run("help", *name.split()).expect(0, f"usage: espy {name}").out
        assert Run(*name.split(), "--help").expect(0).out == one


def every_option_has_help():
    man = Run("help", "--man").out
    for option in re.findall(r"^\*--([a-z-]+)\*", man, re.M):
        assert re.search(rf"\*--{option}\*[^\n]*\n\t\S", man), option


def wrong_usage_is_2():
    Run().expect(2)
    Run("frobnicate").expect(2, 'there is no command "frobnicate"')
    Run("identify").expect(2, "usage: espy identify")
    Run("train", "x", "y").expect(2, "usage: espy train")
    Run("train", "x", "--nonsense").expect(2, "no option --nonsense")
    Run("identify", "x", "--threshold").expect(2, "needs a value")
    Run("identify", "x", "--threshold", "7").expect(2, "not a number from 0 to 1")
    Run("identify", "x", "--threshold", "nan").expect(2)
    Run("identify", "x", "--version", "1.5").expect(2, "not a whole number")
    Run("versions", "--quiet=yes").expect(2, "takes no value")
    Run("help", "nonsense").expect(2)


def workspace_is_found():
    at = folder()
    Run("versions", cwd=at).expect(1, "there is no workspace")
    Run("init", cwd=at).expect(0, "new workspace")
    Run("init", cwd=at).expect(0, "unchanged")
    deep = at / "a" / "b"
    deep.mkdir(parents=True)
    Run("versions", cwd=deep).expect(1, 'there is no collection "faces"')
    Run("versions", "--workspace", at / "elsewhere", cwd=deep).expect(1, "there is no workspace")
    Run("versions", cwd=deep, env={"ESPY_WORKSPACE": str(at / "nowhere")}).expect(1, "nowhere")


def settings_are_checked():
    at = folder()
    Run("init", at / "w").expect(0)
    (at / "w" / "espy.conf").write_text("threads = many\n")
    Run("versions", "--workspace", at / "w").expect(2, "many")
    Run("versions", "--workspace", at / "w", "--threads", "1").expect(1, "no collection")
    (at / "w" / "espy.conf").write_text("what is this\n")
    Run("versions", "--workspace", at / "w").expect(1, "line 1")


def damaged_store_is_named():
    at = folder()
    Run("init", at).expect(0)
    (at / "store.db").write_bytes(b"this is not a database, not at all" * 100)
    Run("versions", "--workspace", at).expect(1, "store.db")


def unwritable_place():
    Run("init", "/proc/espy-test").expect(1, "/proc/espy-test")


main([help_lists_every_command, every_option_has_help, wrong_usage_is_2, workspace_is_found, settings_are_checked,
      damaged_store_is_named, unwritable_place])
