"""The flags that steer the engine: what they do, and what they refuse."""

from typing import Any

import pytest

from syncengine import Config
from syncengine.cli.app import syncengine
from syncengine.cli.options import Setting
from syncengine.emulator import World
from tests.cli.command import Person
from tests.cli.conftest import Serve
from tests.cli.test_verify import say, served

BAD = [
    ("--retention-days", "0", "--retention-days is 0.0"),
    ("--retention-days", "nan", "--retention-days is nan"),
    ("--confirm-absence-after", "-1", "--confirm-absence-after is -1.0"),
    ("--confirm-absence-after", "inf", "--confirm-absence-after is inf"),
    ("--audit-pages", "-1", "--audit-pages is -1"),
    ("--full-list-every", "-1", "--full-list-every is -1.0"),
    ("--page-size", "50", "--page-size is 50"),
    ("--page-size", "0", "--page-size is 0"),
    ("--fetchers", "65", "--fetchers is 65"),
]
STEERED = ["sync", "verify"]


@pytest.mark.parametrize("command", STEERED)
@pytest.mark.parametrize(("flag", "value", "words"), BAD)
def test_a_value_out_of_range_names_its_flag(
    alice: Person, command: str, flag: str, value: str, words: str
) -> None:
    """Exit 2 and the range, before the server is asked; from a variable, which one."""
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1")
    done = away.call(command, flag, value)
    done.refused(2, f"error: {words}\nhint: Use a number from ")
    assert "SYNCENGINE" not in done.err
    variable = "SYNCENGINE_" + flag.strip("-").replace("-", "_").upper()
    away.but(**{variable: value}).call(command).refused(2, words, f"It is set by {variable}.\n")


@pytest.mark.parametrize("line", [("--audit-pages", "few"), ("--retention", "delete")])
def test_a_value_of_a_wrong_form(alice: Person, line: tuple[str, ...]) -> None:
    """Exit 2, and the flag is named."""
    alice.call("sync", *line).refused(2, line[0])


def test_the_defaults_are_the_engines(newcomer: Person) -> None:
    """With no flag the command does what an embedded engine does."""
    for name in STEERED:
        command = syncengine.commands[name]
        given: dict[str, Any] = {
            each.name: each.default for each in command.params if isinstance(each, Setting)
        }
        assert Config(**given) == Config()


@pytest.mark.parametrize("command", STEERED)
def test_settings_stand_apart_in_the_help(newcomer: Person, command: str) -> None:
    """The flags that everybody needs come first; each setting is explained by a sentence."""
    options, _, settings = newcomer.call(command, "--help").out.partition("\nSettings:\n")
    assert "--server" in options
    for flag in ("--retention", "--retention-days", "--fetchers", "--audit-pages", "--attempts"):
        assert f"  {flag} " in settings
        assert f"  {flag} " not in options


def test_how_much_is_read_again(alice: Person) -> None:
    """`--audit-pages`: none, or more; also from a variable."""
    assert alice.call("sync", "--audit-pages", "0", "--json").object["pages"] == 0
    assert alice.but(SYNCENGINE_AUDIT_PAGES="0").call("sync", "--json").object["requests"] == 1
    assert alice.call("sync", "--audit-pages", "20", "--json").object["pages"] >= 12


def test_how_much_a_request_asks_for(serve: Serve, world: World) -> None:
    """`--page-size` and `--fetchers`: more requests, the same copy."""
    say(world, 60)
    alice = serve(world)
    found = alice.call("sync", "--page-size", "10", "--fetchers", "1", "--json")
    assert (found.code, found.object["pages"] >= 6) == (0, True)
    lines = alice.call("messages", "bob", "--all", "--json").lines
    assert [each["message_id"] for each in lines] == served(world)


def test_how_often_the_whole_list_is_read(serve: Serve, world: World) -> None:
    """`--full-list-every`: at once, and so it is read to its end."""
    for number in range(60):
        world.add_user(f"user{number}")
        say(world, 1, f"user{number}")
    alice = serve(world)
    quiet = ("sync", "--audit-pages", "0", "--json")
    assert alice.call(*quiet).code == 0
    assert alice.call(*quiet).object["requests"] == 1
    assert alice.call(*quiet, "--full-list-every", "0").object["requests"] == 2
