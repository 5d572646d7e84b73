"""What must be true of a file and a log that a daemon leaves, however it ended."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.engine.judging import finish, served, visible
from tests.engine.ledger import Ledger, Name
from tests.simulation.oracles import check_sound
from tests.store.damaging import unclaimed


def check_file(url: str, path: Path, ledger: Ledger) -> int | None:
    """Laws 1, 2, 4 and 8: what a death leaves contradicts nothing, what is missing lies in
    a gap, and what was deleted here is not shown. The gaps that are left; None: no file yet."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if not version:
            return None  # it died before there were tables
        check_sound(database)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        (gaps,) = database.execute("SELECT count(*) FROM gap").fetchone()
        for name in ledger.ages:
            assert missing(database, name, served(url, name)) == [], name
    shown = {m for ids in visible(path, verified=False).values() for m in ids}
    assert not ledger.buried() & shown, "deleted here, and shown again"
    return int(gaps)


def missing(database: sqlite3.Connection, name: Name, there: list[str]) -> list[str]:
    """Messages of the server, older than the newest held, that are not here and in no gap."""
    of_it = "JOIN conversation USING (conversation) WHERE conversation_id = ? AND kind = ?"
    sql = f"SELECT message_id, position FROM message {of_it}"
    held: dict[str, int] = dict(database.execute(sql, name).fetchall())
    gaps = database.execute(f"SELECT low, high FROM gap {of_it} AND seam = 0", name).fetchall()
    known = [index for index, message_id in enumerate(there) if message_id in held]
    return unclaimed(there[: known[-1]], held, gaps) if known else []


def left_undone(url: str, path: Path, ledger: Ledger) -> dict[str, set[str]]:
    """What the server has and the copy lacks, and what it should not have any more."""
    shown = {m for ids in visible(path, verified=False).values() for m in ids}
    there = {m for name in ledger.ages for m in served(url, name)}
    found = {"to pull": there - shown, "to delete": there & ledger.to_be_gone()}
    return {what: ids for what, ids in found.items() if ids}


def check_log(log: str) -> None:
    """No fault of its own: only a server, a network or a person may be at fault."""
    lines = [line for line in log.split("\n")[:-1] if line]
    levels = {json.loads(line)["level"] for line in lines}
    assert levels <= {"info", "warning"}, log
    assert "Unexpected" not in log, log
    assert "Traceback" not in log, log


def judge(url: str, path: Path, ledger: Ledger, edited: dict[str, str]) -> None:
    """Read everything again, and compare. `edited`: what such messages must say now."""
    finish(url, path, "keep")
    truth = {name: ids for name in ledger.ages if (ids := served(url, name))}
    left = {message_id for ids in truth.values() for message_id in ids}
    assert not ledger.to_be_gone() & left, "accepted, and still on the server"
    check_file(url, path, ledger)
    assert ledger.everything() - ledger.may_be_gone() <= left, "lost on the server"
    assert visible(path, verified=True) == truth
    said = _texts(path)
    assert {m: said[m] for m in edited if m in left} == {
        m: text for m, text in edited.items() if m in left
    }
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM intent").fetchone() == (0,)


def _texts(path: Path) -> dict[str, str]:
    """What every message that is shown says."""
    with closing(sqlite3.connect(path)) as database:
        sql = "SELECT message_id, text FROM message WHERE hidden IS NULL"
        return dict(database.execute(sql).fetchall())
