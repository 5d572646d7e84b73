"""`--help` teaches."""

import shlex

import pytest
from click import Command, Context, Group, Option

from syncengine.cli.app import syncengine
from tests.cli.command import Person


def commands(group: Group, prefix: str = "") -> dict[str, Command]:
    """All that can be typed, by its words; most groups of commands are none themselves."""
    found: dict[str, Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, Group):
            found |= commands(command, f"{prefix}{name} ")
        if not isinstance(command, Group) or command.invoke_without_command:
            found[f"{prefix}{name}"] = command
    return found


KNOWN = commands(syncengine)
COMMANDS = sorted(KNOWN)
SPELLED = {
    "account add": {"--secret", "--password-stdin", "--token-stdin", "--no-test", "--force"},
    "account remove": {"--delete-copy", "--yes"},
    "backup": {"--force"},
    "changes": {"--since"},
    "conversations": {"--after"},
    "daemon install": {"--print"},
    "delete": {"--ids", "--before", "--all", "--keep-messages", "--dry-run", "--yes"},
    "export": {"--force"},
    "outbox": {"--retry", "--drop"},
    "recover": {"--force"},
    "status": {"--all"},
    "verify": {"--accept", "--yes"},
}
"""What is deleted must not hang on a variable that was set for a listing, or forgotten; and
what is a date or a message's id to one command must not be a number to another."""


def test_the_commands() -> None:
    """The ones that there are."""
    reading = ["changes", "conversations", "export", "messages", "outbox", "search", "status"]
    accounts = [f"account {name}" for name in ("add", "list", "remove", "test")]
    others = [
        *accounts,
        "backup",
        "browse",
        "delete",
        "daemon",
        "daemon install",
        "demo",
        "doctor",
        "emulator",
        "recover",
        "sync",
        "upkeep",
        "verify",
    ]
    assert sorted([*reading, *others]) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_shows_its_variable(newcomer: Person, name: str) -> None:
    """Each can come from `SYNCENGINE_…`, and the help says so; what deletes cannot."""
    done = newcomer.call(*name.split(), "--help")
    assert (done.code, done.err) == (0, "")
    words = " ".join(done.out.split())
    for flag in KNOWN[name].params:
        if isinstance(flag, Option):
            assert flag.help
            assert flag.opts[0] in words
            if flag.opts[0] in SPELLED.get(name, ()):
                assert flag.envvar is None
                continue
            variable = "SYNCENGINE_" + flag.opts[0].strip("-").replace("-", "_").upper()
            assert flag.envvar == variable
            assert f"env var: {variable}" in words


def test_a_variable_means_one_thing() -> None:
    """Whichever commands read it: the same kind of value, under the same name in the help."""
    meanings: dict[str, set[str]] = {}
    for name in COMMANDS:
        for flag in KNOWN[name].params:
            if isinstance(flag, Option) and flag.envvar is not None:
                what = flag.help if flag.metavar == "ID" else f"{flag.type.name} {flag.metavar}"
                meanings.setdefault(str(flag.envvar), set()).add(str(what))
    assert {name: what for name, what in meanings.items() if len(what) > 1} == {}


def test_a_variable_of_one_command_does_not_reach_another(alice: Person) -> None:
    """A date for searches is no revision, a message's id is no conversation."""
    told = alice.but(SYNCENGINE_SINCE="2024-01-01", SYNCENGINE_AFTER="1")
    assert told.call("changes").code == 0
    assert told.call("conversations").code == 0
    assert told.call("search", "tea").code == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_json(name: str) -> None:
    """Programs can read each of them."""
    assert any("--json" in flag.opts for flag in KNOWN[name].params)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_examples_can_be_typed(newcomer: Person, name: str) -> None:
    """An example line has only flags that there are."""
    out = newcomer.call(*name.split(), "--help").out
    (line,) = [each for each in out.replace("\\\n", "").splitlines() if "Example:" in each]
    typed = shlex.split(line.partition("Example:")[2])
    words = ["syncengine", *name.split()]
    assert typed[: len(words)] == words
    rest = typed[len(words) :]
    assert KNOWN[name].make_context(name, rest, parent=Context(syncengine), resilient_parsing=False)


def test_the_first_page_teaches(newcomer: Person) -> None:
    """What to try first, where secrets come from, what the exit codes mean."""
    out = newcomer.call("--help").out
    for words in ("syncengine demo", "SYNCENGINE_PASSWORD", "Exit codes", "4 unauthorized"):
        assert words in out
    assert "130 interrupted" in out
    assert newcomer.call("--version").out.startswith("syncengine")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(newcomer: Person, name: str) -> None:
    """80 columns are enough, examples included."""
    lines = newcomer.but(COLUMNS="80").call(*name.split(), "--help").out.splitlines()
    assert all(len(line) <= 80 for line in lines)


def test_the_first_page_fits_a_terminal(newcomer: Person) -> None:
    """80 columns are enough, and no command's description is cut."""
    out = newcomer.but(COLUMNS="80").call("--help").out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "..." not in out.partition("Commands:")[2]


def test_the_help_of_messages_says_where_gaps_are_for_programs(newcomer: Person) -> None:
    """`--json` has messages only; what is missing is counted in another listing."""
    words = " ".join(newcomer.call("messages", "--help").out.split())
    assert "`syncengine conversations --json` carries the counts `gaps` and `seams`" in words
