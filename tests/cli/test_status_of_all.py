"""`syncengine status` for several accounts: one table of their files and of the daemon's words."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from syncengine.cli import watching
from syncengine.cli.output import aligned, size, span
from syncengine.cli.overview import Overview, Row, WatchedFiles, row
from syncengine.cli.table import lines
from syncengine.daemon.runtime import Found, owned, write
from syncengine.daemon.standing import Snapshot, Standing
from syncengine.reports import Status
from syncengine.store.lock import WriterLock
from tests.cli.command import PATIENCE, Person, opened, terminal
from tests.cli.screen import Screen
from tests.cli.test_account_flag import configured, table
from tests.store.damaging import pages, spoil

ROW = [
    "account",
    "file",
    "state",
    "last_sync",
    "next_sync",
    "error",
    "message",
    "hint",
    "error_since",
    "failures",
    "requests_today",
    "received_today",
    "needs_person",
    "whole",
    "conversations",
    "messages",
    "gaps",
    "seams",
    "never_synced",
    "verified_since",
    "pending",
    "refused",
    "held_back",
]
NOW = 1_700_000_000_000


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def person(alice: Person) -> Person:
    """Two accounts; one has its copy, the other none yet."""
    found = configured(
        alice, table(alice, "alice", alice.db), table(alice, "other", alice.home / "other.db")
    )
    return found.but(XDG_STATE_HOME=str(alice.home / "state"))


def state(person: Person) -> Path:
    return person.home / "state" / "syncengine"


def standing(person: Person, name: str, **more: Any) -> Standing:
    return Standing(name=name, path=str(person.home / f"{name}.db"), **more)


def snapshot(*accounts: Standing, **more: Any) -> Snapshot:
    day = datetime.now().astimezone().date().isoformat()
    usual = {"pid": 4711, "since": now() - 1000, "written": now(), "day": day}
    return Snapshot(accounts=accounts, **{**usual, **more})


@contextmanager
def daemon(person: Person, said: Snapshot) -> Iterator[None]:
    """One that runs, and says that."""
    with owned(state(person)):
        write(state(person), said)
        yield


def ended(person: Person, said: Snapshot) -> None:
    """One that has ended, after it had said that."""
    with daemon(person, said):
        pass


def cells(line: str) -> list[str]:
    return [each.strip() for each in line.split("  ") if each.strip()]


def test_a_table_where_no_daemon_ever_ran(person: Person) -> None:
    """What the files say, and that no daemon says anything; nothing is made by looking."""
    done = person.run("status")
    assert (done.code, done.err) == (0, "")
    daemon_line, head, first, second = done.out.splitlines()
    assert daemon_line == "daemon: none has run here; `syncengine daemon` starts one"
    columns = ["account", "state", "synced", "next", "copy", "verified", "outbox", "today"]
    assert cells(head) == columns
    assert cells(first)[:2] == ["alice", "-"]
    assert cells(first)[3:5] == ["-", "whole"]
    assert cells(first)[-2:] == ["empty", "-"]
    assert cells(second) == ["other", "-", "-", "-", "none yet", "-", "-", "-"]
    assert not state(person).exists()
    assert not (person.home / "other.db").exists()


def test_the_table_as_one_object(person: Person) -> None:
    """With `--json`: exactly the fields that programs rely on; what is not known is null."""
    done = person.run("status", "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.object) == ["daemon", "accounts"]
    assert done.object["daemon"] == {"running": False, "pid": None, "since": None, "written": None}
    alice, other = done.object["accounts"]
    assert list(alice) == list(other) == ROW
    assert (alice["whole"], alice["messages"], alice["gaps"], alice["pending"]) == (
        True,
        1479,
        0,
        0,
    )
    assert type(alice["last_sync"]) is int
    assert type(alice["verified_since"]) is int
    known = {name: value for name, value in other.items() if value not in (None, False, 0)}
    assert known == {"account": "other", "file": str(person.home / "other.db")}


def test_what_a_running_daemon_says(person: Person) -> None:
    """State, next sync, what today cost; an error with its hint, and since when. Where the
    credentials are refused a person has to do something: exit 1."""
    well = standing(
        person,
        "alice",
        state="waiting",
        next_sync=now() + 50_500,
        requests_today=12,
        received_today=34_000,
    )
    refused = standing(
        person,
        "other",
        state="unauthorized",
        error="Unauthorized",
        message="wrong password \x1b[31m",
        hint="Give another.",
        error_since=now(),
        failures=3,
    )
    with daemon(person, snapshot(well, refused)):
        done = person.call("status")
        objects = person.call("status", "--json").object
    assert done.code == 1
    first, _, alice, other, error, hint = done.out.splitlines()
    assert "running since" in first
    assert first.endswith(", process 4711")
    assert "12 req, 34 kB" in cells(alice)
    assert {"waiting", "in 50 s"} <= set(cells(alice)) or {"waiting", "in 49 s"} <= set(
        cells(alice)
    )
    assert cells(other)[1] == "unauthorized"
    assert error.startswith("other: wrong password �[31m (since ")
    assert error.endswith(", 3 times in a row)")
    assert hint == "  hint: Give another."
    alice_json, other_json = objects["accounts"]
    assert (alice_json["needs_person"], other_json["needs_person"]) == (False, True)
    assert (other_json["error"], other_json["hint"]) == ("Unauthorized", "Give another.")
    assert objects["daemon"]["running"] is True


def test_a_daemon_that_is_dead_is_said_to_be(person: Person) -> None:
    """Its last words are no present: no state, no next sync; what failed then is still told,
    until somebody synced since; the requests of another day are not today's."""
    stopped = standing(
        person,
        "alice",
        state="stopped",
        next_sync=now() + 50_000,
        requests_today=12,
        error="StoreCorrupt",
        message="damaged",
        hint="Repair it.",
        error_since=5,
    )
    ended(person, snapshot(stopped, written=now()))
    done = person.call("status")
    assert done.code == 1
    assert done.out.startswith("daemon: not running, last heard of at 20")
    assert "alice: damaged (since 1970-01-01 00:00)\n  hint: Repair it.\n" in done.out
    (alice, _) = person.call("status", "--json").object["accounts"]
    assert (alice["state"], alice["next_sync"], alice["requests_today"]) == (None, None, 12)
    ended(person, snapshot(stopped, written=1000, day="1970-01-01"))
    done = person.call("status", "--json")
    assert done.code == 0
    (alice, _) = done.object["accounts"]
    assert (alice["error"], alice["requests_today"], alice["needs_person"]) == (None, 0, False)


def test_the_only_file_is_damaged_and_the_daemon_says_what_it_does(person: Person) -> None:
    """Why it cannot be read, and when it is tried again, for as long as that daemon runs; else
    the error alone, which says what a daemon would do."""
    spoil(person.home / "alice.db", range(2, pages(person.home / "alice.db")))
    named = person.but(SYNCENGINE_ACCOUNT="alice")
    alone = named.call("status")
    alone.refused(5, "`syncengine recover`")
    assert "by itself" in alone.err
    told = {"error": "StoreCorrupt", "message": "damaged again", "hint": "Check the disk."}
    said = snapshot(standing(person, "alice", state="retrying", **told))
    with daemon(person, said):
        done = named.call("status")
        as_json = json.loads(named.call("status", "--json").err)
    assert (done.code, done.err) == (5, "error: damaged again\nhint: Check the disk.\n")
    assert (as_json["error"], as_json["hint"]) == ("StoreCorrupt", "Check the disk.")
    assert named.call("status").err == alone.err
    other = {**told, "error": "Unauthorized"}
    with daemon(person, snapshot(standing(person, "alice", state="unauthorized", **other))):
        assert named.call("status").err == alone.err


def test_an_account_that_the_daemon_does_not_know(person: Person) -> None:
    """It was added since: how to tell the daemon is said."""
    with daemon(person, snapshot(standing(person, "alice"))):
        done = person.call("status")
    assert done.code == 0
    assert "other: not known to the daemon yet\n" in done.out
    assert "`systemctl --user reload syncengine` or `kill -HUP 4711`" in done.out


def test_no_network_is_one_line(person: Person) -> None:
    """Network gone is a state: one error for all accounts that have it, and nobody is needed."""
    gone = {"state": "away", "error": "Unreachable", "message": "no network", "hint": "Wait."}
    both = [standing(person, name, error_since=1000, **gone) for name in ("alice", "other")]
    with daemon(person, snapshot(*both)):
        done = person.call("status")
    assert done.code == 0
    assert done.out.count("no network") == done.out.count("hint") == 1
    assert "alice, other: no network (since 1970-01-01 00:00)\n" in done.out


def test_a_file_that_cannot_be_read(person: Person) -> None:
    """It is said beside the others, which are shown as ever; exit 1."""
    (person.home / "other.db").write_bytes(b"Dear Alice" * 1000)
    done = person.call("status")
    assert done.code == 1
    assert "other: " in done.out
    assert "  hint: " in done.out
    assert [cells(line)[4] for line in done.out.splitlines()[2:4]] == ["whole", "unreadable"]
    assert person.call("status", "--json").object["accounts"][1]["error"] == "StoreCorrupt"


def test_removals_that_wait_and_deletions_that_are_refused(person: Person) -> None:
    """Law 10: what only a person can decide is a line with its command; the first makes the
    exit code 1."""
    line = ("delete", "bob", "--all", "--keep-messages", "--yes", "--account", "alice")
    assert person.but(SYNCENGINE_PASSWORD_ALICE=None).call(*line).code == 0
    assert "1 waiting" in person.call("status").out
    with opened(person.home / "alice.db") as database:
        database.execute("UPDATE intent SET state = 'refused'")
    done = person.call("status")
    assert done.code == 0
    assert "alice: 1 deletion refused by the server\n" in done.out
    assert "`syncengine outbox --account alice`" in done.out
    one = Row(name="alice", file=Path("/a"), copy=a_copy(held_back=60, held_back_conversations=1))
    assert one.needs_person
    drawn = "\n".join(lines(overview_of(one), NOW))
    assert "alice: 60 messages in 1 conversation kept, though gone on the server" in drawn
    assert "`syncengine verify --account alice --accept`" in drawn


def test_who_syncs_without_a_daemon(person: Person) -> None:
    """A `syncengine sync` under way is seen by its lock."""
    with WriterLock(person.home / "alice.db").held():
        (alice, other) = person.call("status", "--json").object["accounts"]
    assert (alice["state"], other["state"]) == ("syncing", None)


def test_all_of_one(alice: Person) -> None:
    """`--all` makes a table of any number; it goes with nothing that names one."""
    one = configured(alice, table(alice, "alice", alice.db))
    assert "account  state" in one.call("status", "--all").out
    assert "account  state" not in one.call("status").out
    for flag, value in (("--account", "alice"), ("--db", str(alice.db)), ("--user", "alice")):
        one.call("status", "--all", flag, value).refused(2, f"--all and {flag} exclude each other")
    one.call("status", "--all", "--conversations").refused(2, "--conversations has no meaning")
    none = alice.but(XDG_CONFIG_HOME=str(alice.home / "nowhere"), SYNCENGINE_DB=None)
    none.call("status", "--all").refused(2, "there is no configuration in", "account add")


def test_one_account_with_what_the_daemon_says_of_it(person: Person) -> None:
    """Named, it is the copy in figures and the daemon's words beside them."""
    failing = standing(
        person,
        "alice",
        state="retrying",
        next_sync=now() + 3_600_000,
        error="ServerFault",
        message="it fails",
        hint="Wait.",
        error_since=1000,
        requests_today=7,
        received_today=900,
    )
    with daemon(person, snapshot(failing)):
        done = person.call("status", "--account", "alice")
        value = person.call("status", "--account", "alice", "--json").object
    words = " ".join(done.out.split())
    assert "daemon running since" in words
    assert "state retrying; next sync in 59 min" in words
    assert "error it fails (since 1970-01-01 00:00) Wait. today 7 req, 900 B" in words
    assert value["messages"] == 1479
    assert value["daemon"]["account"]["error"] == "ServerFault"
    ended(person, snapshot(well_again(failing)))
    assert (
        person.call("status", "--account", "alice", "--json").object["daemon"]["running"] is False
    )


def well_again(found: Standing) -> Standing:
    """The same, that went well in the end."""
    return evolve(found, state="waiting", error=None, message="", hint="", error_since=None)


# Watching


def drawn(shown: bytes) -> str:
    return "\n".join(Screen(120).write(shown.decode()).lines)


def test_watched_on_a_terminal_it_is_redrawn_in_place(person: Person) -> None:
    """What changes takes the old one's place; Ctrl-C ends it with 0 and no traceback."""
    first = snapshot(standing(person, "alice", state="waiting"))
    with daemon(person, first), terminal(person, "status", "--watch", size=(24, 120)) as screen:
        screen.wait_for("waiting")
        write(state(person), snapshot(standing(person, "alice", state="retrying")))
        screen.wait_for("retrying")
        screen.wait_for("not known")
        screen.interrupt()
        done = screen.finish()
    assert done.code == 0
    assert "Traceback" not in done.out
    picture = drawn(done.out.encode())
    assert picture.count("account  state") == 1
    assert "waiting" not in picture
    assert "retrying" in picture


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("flags", [("--json",), ()])
def test_watched_by_a_program_it_is_told_changes_only(person: Person, flags: Sequence[str]) -> None:
    """One line, or one block, for each change; Ctrl-C ends it with 0 and says nothing."""
    same = snapshot(standing(person, "alice", state="waiting"))
    with daemon(person, same):
        process = person.start("status", "--watch", *flags)
        with process:
            seen = read_line(process)
            other = snapshot(standing(person, "alice", state="away"), since=same.since)
            write(state(person), other)
            while '"away"' not in seen and " away " not in seen:
                seen += read_line(process)
            if not flags:
                while not seen.endswith("\n\n"):
                    seen += read_line(process)
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err, rest) == (0, "", "")
    assert seen.count("retrying") == 0
    assert seen.count("process 4711" if not flags else '"daemon"') == 2


async def test_what_the_daemon_only_wrote_again_is_no_news(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Law 11: a daemon that is well writes the same each few seconds: nothing is printed."""
    monkeypatch.setattr(watching, "_EVERY", 0.0)
    seen = [{"daemon": {"running": on, "written": at}} for on, at in ((1, 1), (1, 2), (0, 2))]
    looks = iter(seen)

    async def look() -> watching.Look:
        try:
            return watching.Look(next(looks), lambda _: (), needs_person=False)
        except StopIteration:
            raise LookupError from None

    with pytest.raises(LookupError):
        await watching._follow(look, as_json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [seen[0], seen[2]]


async def test_only_what_was_written_is_read_again(person: Person) -> None:
    """A quiet file costs two looks at its names; of many that are written some wait their turn,
    and none waits for ever."""
    paths = [person.home / f"{n}.db" for n in range(5)]
    for path in paths:
        path.write_bytes((person.home / "alice.db").read_bytes())
    files = WatchedFiles(2)
    first = await files.read(paths)
    again = await files.read(paths)
    assert all(one is other for one, other in zip(first, again, strict=True))
    for path in paths:
        os.utime(path, (1, 1))
    fresh = 0
    for _ in range(3):
        before, again = again, await files.read(paths)
        fresh += sum(one is not other for one, other in zip(before, again, strict=True))
    assert fresh == 5
    assert await files.read(paths) == again


# Drawing


def a_copy(**more: Any) -> Status:
    names = ("conversations", "messages", "gaps", "seams", "never_synced", "pending", "refused")
    usual: dict[str, Any] = dict.fromkeys(names, 0)
    usual |= {"path": Path("/a"), "account": None, "listed_at": NOW, "synced_at": NOW}
    return Status(**{**usual, "bytes": 1, "writable": True, "behind": 0, **more})


def overview_of(*rows: Row) -> Overview:
    return Overview(daemon=Found(False, None), accounts=rows)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "whole"),
        ({"gaps": 1}, "1 gap"),
        ({"gaps": 3, "never_synced": 2}, "3 gaps"),
        ({"never_synced": 2}, "2 not begun"),
        ({"seams": 1}, "1 seam"),
        ({"listed_at": None}, "not begun"),
        ({"listed_at": None, "conversations": 1}, "unknown"),
    ],
)
def test_whole_is_what_can_be_proved(more: dict[str, Any], words: str) -> None:
    """Law 2: gaps, seams, what was not begun, and a list that was never read to its end."""
    one = Row(name="a", file=Path("/a"), copy=a_copy(**more))
    _, _, line = lines(overview_of(one), NOW)
    assert cells(line)[4] == words
    assert one.whole == (words == "whole")


def test_a_sync_that_does_not_come_is_seen(tmp_path: Path) -> None:
    """A daemon that hangs owns its lock and says nothing: its next sync is late."""
    late = Standing(name="a", path=str(tmp_path / "a"), next_sync=NOW - 720_000)
    found = Found(True, Snapshot(pid=1, since=1, written=1, accounts=[late]))
    one = row("a", tmp_path / "a", None, found, "2026-01-31")
    assert "12 min late" in "\n".join(lines(overview_of(one), NOW))


TEXT = st.text(st.sampled_from("ab 天气站é🙂👍ñ한"), max_size=12)


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=6))
def test_columns_stay_straight_in_every_script(rows: list[list[str]]) -> None:
    """Chinese characters and emoji take two columns: the next cell begins where it does in
    every other line."""
    wide = [max(cell_len(each[column]) for each in rows) for column in range(2)]
    for cell, line in zip(rows, aligned(rows), strict=True):
        start = f"{cell[0]}{' ' * (wide[0] - cell_len(cell[0]))}  {cell[1]}"
        assert line.startswith(start.rstrip())
        whole = f"{start}{' ' * (wide[1] - cell_len(cell[1]))}  {cell[2]}"
        assert line == whole.rstrip()
        assert cell_len(whole) == wide[0] + wide[1] + 4 + cell_len(cell[2])


def test_durations_and_sizes_are_short() -> None:
    """The largest unit that says enough."""
    assert [span(s) for s in (-5, 0.4, 99, 100, 5999, 6000, 172_799, 172_800)] == [
        "0 s",
        "0 s",
        "99 s",
        "1 min",
        "99 min",
        "1 h",
        "47 h",
        "2 d",
    ]
    assert [size(n) for n in (0, 999, 1500, 2_500_000, 3_000_000_000)] == [
        "0 B",
        "999 B",
        "2 kB",
        "2.5 MB",
        "3.0 GB",
    ]
