"""Text on the way out: unharmed for programs, harmless on a terminal."""

import json
import re

import pytest
from rich.cells import cell_len

from syncengine import Kind
from syncengine.cli.output import count, fit, moment, plain
from syncengine.emulator import World
from tests.cli.command import Person, opened, terminal
from tests.cli.conftest import Serve

WORDS = "你好，世界 · 👩‍👩‍👧‍👦🏔️ · مرحبا، كيف حالك؟ · שלום · é e\u0301 · 𠮷野家"
EVIL = "a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\x08\x7fe\r\nf\u202egpj.exe\u2028g\x00h"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202d\u202e\u2028\u2029]")
LOCALES = [
    {"LANG": "C.UTF-8"},
    {"LANG": "C", "LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1"},
]
"""The last two leave Python without UTF-8; click helps itself where it is ASCII."""


@pytest.fixture
def chatty(serve: Serve, world: World) -> Person:
    """Alice, to whom bob wrote in every script, and what no terminal should see."""
    for text in (WORDS, EVIL):
        world.send("bob", "alice", Kind.CHAT, text)
    person = serve(world)
    assert person.call("sync").code == 0
    return person


@pytest.mark.parametrize("locale", LOCALES)
def test_json_carries_every_script_in_every_locale(chatty: Person, locale: dict[str, str]) -> None:
    """Chinese, emoji, RTL and control characters come out as they came in."""
    done = chatty.but(**locale).run("messages", "bob", "--json")
    assert [each["text"] for each in done.lines] == [WORDS, EVIL]


@pytest.mark.parametrize("locale", LOCALES[:3])
def test_people_see_every_script(chatty: Person, locale: dict[str, str]) -> None:
    """Also with LANG=C, which containers and cron have."""
    person = chatty.but(**locale)
    assert WORDS in person.run("messages", "bob").out
    listed = person.run("conversations")
    assert (listed.code, listed.err) == (0, "")


def test_a_terminal_that_knows_less_gets_marks(chatty: Person) -> None:
    """What it cannot show is a question mark, not an error."""
    done = chatty.but(**LOCALES[3]).run("messages", "bob")
    assert (done.code, done.err) == (0, "")
    assert "??" in done.out


def test_a_conversation_with_a_chinese_name(serve: Serve, world: World) -> None:
    """It can be listed and asked for by its name."""
    world.add_user("小明")
    world.send("小明", "alice", Kind.CHAT, "你好")
    person = serve(world)
    assert person.call("sync").code == 0
    assert person.but(LC_ALL="C").run("messages", "小明", "--json").object["text"] == "你好"
    assert person.run("messages", "小明").out.endswith("小明: 你好\n")


def test_control_characters_never_reach_a_terminal(chatty: Person) -> None:
    """A message cannot move the cursor, set colours, titles, or reverse a file's name."""
    with opened(chatty.db) as database:
        database.execute("UPDATE conversation SET conversation_id = ?", (EVIL.replace("\x00", ""),))
    shown = [
        chatty.call("conversations").out,
        chatty.call("messages", EVIL.replace("\x00", "")).out,
        chatty.call("messages", "\x1b[2Jno\x9b").err,
        chatty.call("\x1b[2J").err,
        chatty.call("sync", "--\x1b[2J").err,
        chatty.but(SYNCENGINE_APP_KEY="\x1b[2J").call("sync").err,
        chatty.but(SYNCENGINE_DB=str(chatty.home / "\x1b[2J\x9b")).call("status").err,
    ]
    for text in shown:
        assert text
        assert not CONTROL.search(text), repr(text)
    assert "a\ufffd[31mb" in shown[1]


def test_json_escapes_control_characters(chatty: Person) -> None:
    """Also those that JSON would let pass, so that it may be looked at on a terminal."""
    for line in (("messages", "bob"), ("conversations",)):
        out = chatty.run(*line, "--json").out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", out)
        assert len(out.splitlines()) == len(out.split("\n")) - 1
    wrong = chatty.call("messages", "\x1b\x9b", "--json").err
    assert not CONTROL.search(wrong)
    assert "\x1b\x9b" in json.loads(wrong)["message"]


@pytest.mark.parametrize("at", [-5, 0, 10**15, 2**62, -(2**63), 2**63 - 1])
def test_a_time_that_no_calendar_has(chatty: Person, at: int) -> None:
    """Negative or absurd: shown as it is, to people and programs, and nothing crashes."""
    with opened(chatty.db) as database:
        database.execute("UPDATE message SET timestamp = ?", (at,))
        database.execute("UPDATE account SET synced_at = ?", (at,))
    assert chatty.call("messages", "bob", "--json").lines[0]["timestamp"] == at
    for line in (("messages", "bob"), ("conversations",), ("status",)):
        assert chatty.call(*line).code == 0


def test_moments() -> None:
    """Minutes for people; a number where there is no date."""
    assert moment(None) == "never"
    assert re.fullmatch(r"2023-11-1[345] \d\d:\d\d", moment(1_700_000_000_000))
    assert moment(10**17) == "100000000000000000 ms"


def test_plain_text_is_one_line() -> None:
    """Line ends become spaces, other controls a mark; everything else is left alone."""
    assert plain("a\r\nb\nc\td\x85e") == "a b c d e"
    assert plain("\x1b\x7f\x9b\ud800") == "\ufffd" * 4
    assert plain(WORDS) == WORDS


def test_text_is_cut_to_columns() -> None:
    """A Chinese character takes two; what fits is whole, what is cut says so."""
    assert fit("你好", 4) == "你好"
    assert fit("你好吗", 5) == "你好…"
    assert fit("你好吗", 4) == "你…"
    assert fit("hello", 5) == "hello"


def test_an_edit_is_said_before_the_text(serve: Serve, world: World) -> None:
    """A long text is cut at its end, where a mark would be lost."""
    sent = world.send("bob", "alice", Kind.CHAT, "hello")
    world.edit(sent, "hello " * 50)
    person = serve(world)
    assert person.call("sync").code == 0
    assert "bob: (edited) hello hello" in person.call("messages", "bob").out
    with terminal(person, "conversations") as screen:
        assert "bob: (edited)" in screen.finish().out


def test_counts() -> None:
    """One is not many, and thousands can be read."""
    assert count(1, "gap") == "1 gap"
    assert count(1479, "message") == "1,479 messages"
    assert count(0, "entry", "entries") == "0 entries"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_table_fits_the_terminal(alice: Person, columns: int) -> None:
    """No line is wider than the screen, columns stand below each other, also with Chinese."""
    with opened(alice.db) as database:
        rename = "UPDATE conversation SET conversation_id = ? WHERE conversation_id = ?"
        database.execute(rename, ("公司年会筹备群", "mama"))
        database.execute(rename, ("g" * 70, "carol"))
    with terminal(alice, "conversations", size=(24, columns)) as screen:
        shown = screen.finish().out
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r", "").splitlines()
    assert all(cell_len(line) <= columns for line in lines)
    assert sum(line.count("g" * 5) for line in lines) >= 1
    assert sum(line.count("g") for line in lines if "ggg" in line) >= 70
    starts = {
        cell_len(line[: found.start()])
        for line in lines
        if (found := re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", line))
    }
    assert len(starts) == 1


def test_a_pipe_gets_whole_lines(alice: Person) -> None:
    """Without a terminal nothing is cut to 80 columns, coloured or padded."""
    out = alice.run("conversations").out
    assert "\x1b" not in out
    assert max(map(cell_len, out.splitlines())) > 100
    assert all(line == line.rstrip() for line in out.splitlines())
