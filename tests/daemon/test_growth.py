"""What a service keeps in order by itself: the log, the index, what was written long ago."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from syncengine.daemon import Pace
from syncengine.store.journal import KEPT
from tests.daemon.virtual import Machine, run
from tests.harness import picture

CAP = 256 * 1024


def log_bytes(path: Path) -> int:
    """The size of the write-ahead log; 0: there is none."""
    log = path.with_name(path.name + "-wal")
    return log.stat().st_size if log.exists() else 0


def test_a_long_reader_lets_go_and_the_log_is_emptied(machine: Machine) -> None:
    """A snapshot that another process holds keeps the log growing, whatever is done; the first
    turn after its end empties it, and what the snapshot showed stayed as it was."""
    machine.settings = {"log_cap": CAP, "pace": Pace(floor=30, ceiling=30, spread=1)}

    async def test() -> None:
        account = machine.account("alice", index_search=True)
        machine.write("alice", "first")
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            with closing(sqlite3.connect(account.path, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                seen = reader.execute("SELECT count(*) FROM message").fetchone()
                while log_bytes(account.path) <= 2 * CAP:
                    for n in range(60):
                        machine.write("alice", f"m{n} {'x' * 1000}")
                    await asyncio.sleep(40)
                assert reader.execute("SELECT count(*) FROM message").fetchone() == seen
                reader.execute("ROLLBACK")
                await asyncio.sleep(80)
                assert log_bytes(account.path) <= CAP
                found = reader.execute("SELECT count(*) FROM message").fetchone()
                assert found > seen
            copy = service.accounts["alice"].copy
            assert copy is not None
            assert copy.behind == 0, "the index has not caught up"
        assert log_bytes(account.path) == 0

    run(test())


def test_what_was_written_long_ago_is_forgotten(machine: Machine) -> None:
    """Change rows beyond those that are kept, and what is remembered of messages that another
    device deleted, go by themselves; deletions asked for here are remembered (law 4)."""
    machine.settings = {"pace": Pace(floor=30, ceiling=30, spread=1), "audit_every": 30.0}

    async def test() -> None:
        account = machine.account("alice", audit_pages=4)
        ids = [machine.write("alice", f"m{n}") for n in range(5)]
        async with machine.service(account) as service:
            await machine.until(lambda: service.accounts["alice"].last_sync is not None)
            machine.side.world.delete_messages("alice", "bob", ids[1:2], "chat")
            with closing(sqlite3.connect(account.path)) as database:
                database.executemany(
                    "INSERT INTO change (conversation, what) VALUES (1, ?)",
                    [("conversation_changed",)] * (KEPT + 100),
                )
                database.commit()
            await asyncio.sleep(1800)
            assert picture(account.path, "bob") == "[m0 m2 m3 m4]"
            for _ in range(3):
                machine.time.seconds += 3600
                await asyncio.sleep(120)
            await asyncio.sleep(1000)
        with closing(sqlite3.connect(account.path)) as database:
            assert database.execute("SELECT count(*) <= ? FROM change", (KEPT,)).fetchone() == (1,)
            assert database.execute("SELECT count(*) FROM tombstone").fetchone() == (0,)

    run(test())
