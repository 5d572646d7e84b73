"""The log: readable for people and programs, and nothing in it that is nobody's business."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from syncengine.daemon.logs import LEVELS, Names, logging_to, shortened
from syncengine.errors import ConfigError
from tests.harness import Side

OURS = logging.getLogger("syncengine.daemon")
SECRET = "p4ssw0rd-of-alice"
HOSTILE = [
    "dear diary, I love Mallory",
    "two\nlines {'level': 'error'}",
    "\x1b[2J\x1b]0;owned\x07 clear",
    "%s %(password)s {0.__class__}",
    "\u202etxt.exe \udc00 half",
]


class Screen(io.StringIO):
    """A stream that believes to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@contextmanager
def logged(**settings: Any) -> Iterator[io.StringIO]:
    """A log, and what stands in it afterwards."""
    stream = settings.pop("stream", None) or io.StringIO()
    with logging_to(stream, **settings):
        yield stream


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a JSON log."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_where_no_person_looks() -> None:
    """One object a line: a UTC time, the level, whose it is, words, and known fields only."""
    with logged() as stream:
        extra = {"account": "alice", "seconds": 0.25, "messages_added": 3, "password": SECRET}
        OURS.info("synced", extra=extra)
    (line,) = objects(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "syncengine.daemon",
        "message": "synced",
        "account": "alice",
        "seconds": 0.25,
        "messages_added": 3,
    }


def test_lines_on_a_terminal() -> None:
    """The same for a person."""
    with logged(stream=Screen()) as stream:
        OURS.warning("the server is away", extra={"account": "alice", "wait": 30})
    line = stream.getvalue()
    assert line.endswith("Z warning alice: the server is away (wait=30)\n")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_a_record_is_one_line_that_nothing_obeys(text: str, stream: type[io.StringIO]) -> None:
    """Whatever a server or a file made of it: no second line, no escape, no broken JSON."""
    with logged(stream=stream()) as log:
        OURS.error("it said %s", text, extra={"error": text, "account": text[:8]})
        OURS.error(text, 1, 2)  # values that do not fit
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert "\x1b" not in log.getvalue()
    assert "\u202e" not in log.getvalue()


def test_levels() -> None:
    """What is below is not written; an unknown one is an error that names them all."""
    for name, number in LEVELS.items():
        with logged(level=name) as stream:
            for level in LEVELS.values():
                OURS.log(level, "x")
        assert len(objects(stream)) == sum(1 for level in LEVELS.values() if level >= number)
    with pytest.raises(ConfigError, match="no log level 'loud'") as caught, logged(level="loud"):
        pass
    assert "debug, info, warning, error" in caught.value.hint


def test_afterwards_the_process_is_as_before() -> None:
    """Handlers and levels are given back."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("syncengine").level)
    with logged(level="debug"):
        pass
    assert (root.handlers, root.level, logging.getLogger("syncengine").level) == before


def test_ids_are_shortened() -> None:
    """In the account's field and wherever a text names it; short names stay readable."""
    long = "+8613800001234@example"
    names = Names()
    names.learn([long, "alice", "organisation#app"])
    with logged(names=names) as stream:
        OURS.info("GET /%s/users/%s", "organisation#app", long, extra={"account": long})
        OURS.info("x", extra={"account": "alice"})
    first, second = objects(stream)
    assert first["account"] == shortened(long) != long
    assert long not in stream.getvalue()
    assert "organisation" not in stream.getvalue()
    assert second["account"] == "alice"
    assert len({shortened(f"{long}{n}") for n in range(20)}) == 20


def test_an_exception_shows_where_and_not_what() -> None:
    """A traceback's values may be anything; the class and the places are enough to begin."""
    with logged() as stream:
        try:
            raise ValueError(HOSTILE[0])
        except ValueError:
            OURS.exception("it failed")
    (line,) = objects(stream)
    assert line["exception"] == "ValueError"
    assert line["at"][-1].startswith("test_logs.py:")
    assert HOSTILE[0] not in stream.getvalue()


def test_other_libraries_say_no_values() -> None:
    """Their warnings come without what was put into them, their details not at all."""
    library = logging.getLogger("aiosqlite")
    library.setLevel(logging.DEBUG)
    try:
        with logged(level="debug") as stream:
            library.debug("executing %s", HOSTILE[0])
            library.warning("failed: %s", HOSTILE[0])
            library.error(f"Task exception was never retrieved\nfuture: {HOSTILE[0]!r}")
    finally:
        library.setLevel(logging.NOTSET)
    messages = [line["message"] for line in objects(stream)]
    assert messages == ["failed: %s", "Task exception was never retrieved"]


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    """The other end of the pipe is gone, or the disk is full: the daemon goes on."""
    stream = io.StringIO()
    with logged(stream=stream):
        stream.close()
        OURS.error("nobody reads this")


async def test_a_sync_of_hostile_content_leaves_none_of_it(side: Side) -> None:
    """Everything that is logged on the way, by whomever, at every level: no text of a message,
    no password, no token, and every line is one."""
    side.world.add_user("mallory")
    side.send(*HOSTILE[:4], peer="mallory")
    loud = [logging.getLogger(name) for name in ("aiosqlite", "httpx", "httpcore", "asyncio")]
    before = [logger.level for logger in loud]
    for logger in loud:
        logger.setLevel(logging.DEBUG)
    try:
        with logged(level="debug") as stream:
            async with side.engine(remote=side.remote(password=SECRET), index_search=True) as e:
                await e.sync()  # refused: a wrong password
            remote = side.remote()
            async with side.engine(remote=remote, index_search=True) as engine:
                report = await engine.sync()
                token = remote._tokens.held
                OURS.info("report %s", report)
    finally:
        for logger, level in zip(loud, before, strict=True):
            logger.setLevel(level)
    found = stream.getvalue()
    assert report.messages_added == 4
    assert token
    assert objects(stream)
    for secret in (SECRET, token, *(text.split()[1] for text in HOSTILE[:3]), "Mallory"):
        assert secret not in found
