"""`syncengine doctor`: every line is ok, warn or fail, with what to do."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from syncengine import WriterLock
from syncengine.cli.checks import Verdict, check_clock, check_disk
from tests.cli.command import Person, opened
from tests.cli.test_account_flag import configured, table
from tests.store.damaging import overwrite, roots, spoil

ALL = ["configuration", "secret", "server", "clock", "disk", "file", "log", "schema", "lock"]


def verdicts(person: Person, code: int = 0) -> dict[str, str]:
    done = person.call("doctor", "--json")
    assert done.code == code, done
    assert done.object["well"] is (code == 0)
    return {each["name"]: each["verdict"] for each in done.object["checks"]}


def test_all_is_well(alice: Person) -> None:
    """Exit 0, a line for each check, and nothing to do; the file is as before."""
    before = alice.db.read_bytes()
    alice.db.chmod(0o600)
    assert verdicts(alice) == dict.fromkeys([*ALL, "pages"], "ok")
    lines = alice.call("doctor").out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("ok ") for line in lines)
    assert alice.db.read_bytes() == before


def test_with_less_it_says_what_was_not_looked_at(newcomer: Person) -> None:
    """No server, no secret, no file yet: no failure, and how to check the rest."""
    poor = newcomer.but(SYNCENGINE_SERVER=None, SYNCENGINE_PASSWORD=None)
    found = verdicts(poor)
    assert {name for name, what in found.items() if what == "warn"} == {
        "configuration",
        "secret",
        "file",
    }
    assert "server" not in found
    assert "→ Give these flags" in poor.call("doctor").out
    newcomer.but(SYNCENGINE_DB=None, SYNCENGINE_USER=None).call("doctor").refused(2, "--user")


def test_the_server_and_its_answers(alice: Person) -> None:
    """Not there, and not willing: exit 1, each with its hint; plain http beyond this machine."""
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1")
    assert verdicts(away, 1)["server"] == "fail"
    wrong = alice.but(SYNCENGINE_PASSWORD="hunter2")
    assert verdicts(wrong, 1)["server"] == "fail"
    assert "password" in wrong.call("doctor").out
    assert "hunter2" not in wrong.call("doctor").out
    plain = alice.but(SYNCENGINE_SERVER="http://example.org")
    assert "--allow-insecure-http" in plain.call("doctor").out


@pytest.mark.parametrize(
    ("spoilt", "name", "words"),
    [
        (lambda path: spoil(path, roots(path, "message_order")), "pages", "syncengine recover"),
        (lambda path: path.write_bytes(b"Dear diary " * 1000), "schema", "Check its name"),
        (lambda path: os.truncate(path, 8192 * 3), "pages", "recover"),
    ],
)
def test_a_damaged_file(
    alice: Person, spoilt: Callable[[Path], None], name: str, words: str
) -> None:
    """Exit 1, and what to type."""
    spoilt(alice.db)
    assert verdicts(alice, 1)[name] == "fail"
    assert words in alice.call("doctor").out


def test_a_damaged_file_that_a_daemon_has(alice: Person) -> None:
    """What `recover` would be refused, while somebody syncs the file, is not the first advice."""
    spoil(alice.db, roots(alice.db, "message_order"))
    with WriterLock(alice.db).held():
        told = alice.call("doctor").out
    assert "→ A daemon does so by itself" in told


def test_many_damaged_pages(alice: Person) -> None:
    """One is named, the others are counted, on a line that can be read."""
    overwrite(alice.db, roots(alice.db, "message_order", "message"))
    (line,) = [each for each in alice.call("doctor").out.splitlines() if " pages " in each]
    assert re.search(r"damaged: \w.* and \d+ more$", line)
    assert len(line) < 150


def test_a_newer_version_and_an_older_one(alice: Person) -> None:
    """One cannot be written, the other is brought up to date when it is opened."""
    with opened(alice.db) as database:
        database.execute("PRAGMA user_version = 99")
    assert verdicts(alice, 1)["schema"] == "fail"
    with opened(alice.db) as database:
        database.execute("PRAGMA user_version = 6")
    assert verdicts(alice)["schema"] == "ok"
    assert "when it is next opened" in alice.call("doctor").out


def test_who_syncs_and_who_may_read(alice: Person) -> None:
    """The lock's holder is named; a file that others can read is a warning with the command."""
    alice.db.chmod(0o644)
    with WriterLock(alice.db, program="somebody").held():
        out = alice.call("doctor").out
    assert f"somebody, process {os.getpid()}" in out
    assert f"chmod 600 {alice.db}" in out


def test_a_file_of_somebody_else(alice: Person) -> None:
    """Where it never was a copy, nobody is sent to recover it."""
    alice.db.write_text("Dear Alice" * 1000)
    out = alice.call("doctor").out
    assert "no file of syncengine's" in out
    assert "syncengine recover" not in out


def test_a_file_that_could_not_be_made(alice: Person) -> None:
    """Its folder is a file: a failure before a sync fails."""
    (alice.home / "letter").write_text("Dear Alice")
    there_is_none = alice.but(SYNCENGINE_DB=str(alice.home / "letter" / "alice.db"))
    assert verdicts(there_is_none, 1)["file"] == "fail"
    assert "cannot be written" in there_is_none.call("doctor").out


def test_clocks(tmp_path: Path) -> None:
    """Two minutes are nothing; more is a warning that says which way."""
    now = 1_700_000_000_000
    assert check_clock(now, now + 119_000).verdict is Verdict.OK
    assert check_clock(None, now).verdict is Verdict.OK
    assert "ahead" in check_clock(now, now + 3_600_000).words
    late = check_clock(now, now - 3_600_000)
    assert (late.verdict, "3,600 s behind" in late.words) == (Verdict.WARN, True)
    assert late.fix


def test_a_disk_with_little_room(small_disk: Path) -> None:
    """A failure before a sync fails."""
    found = check_disk(small_disk / "new" / "alice.db")
    assert (found.verdict, found.fix) == (Verdict.FAIL, "Free some.")


def test_a_configured_account(alice: Person) -> None:
    """The configuration and where the secret is are named; a missing secret and a refused one
    are failures that say what to type."""
    found = configured(alice, table(alice, "alice", alice.db))
    alice.db.chmod(0o600)
    assert verdicts(found) == dict.fromkeys([*ALL, "pages"], "ok")
    out = found.call("doctor").out
    assert f"alice: alice on {alice.env['SYNCENGINE_SERVER']}, in " in out
    assert "found in the variable SYNCENGINE_PASSWORD_ALICE" in out
    silent = found.but(SYNCENGINE_PASSWORD_ALICE=None)
    assert verdicts(silent, 1)["secret"] == "fail"
    assert "→ Set SYNCENGINE_PASSWORD_ALICE" in silent.call("doctor").out
    wrong = found.but(SYNCENGINE_PASSWORD_ALICE="hunter2")
    assert verdicts(wrong, 1)["server"] == "fail"
    assert "Set SYNCENGINE_PASSWORD_ALICE to another." in wrong.call("doctor").out
    secret = alice.home / "secret"
    secret.touch(0o600)
    secret.write_text("hunter2")
    in_a_file = table(alice, "alice", alice.db).replace('"environment"', f'"file:{secret}"')
    done = configured(alice, in_a_file).call("doctor")
    assert "`syncengine account add alice --force`" in done.out
