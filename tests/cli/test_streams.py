"""Pipes, terminals and signals."""

import pytest

from syncengine.emulator import Emulator, Faults, sized_world
from tests.cli.command import Person, command, outcome, terminal
from tests.cli.conftest import Serve


@pytest.mark.parametrize(
    "line",
    [
        ("messages", "bob", "--all"),
        ("messages", "bob", "--all", "--json"),
        ("conversations", "--json"),
        ("conversations",),
        ("status",),
        ("--help",),
    ],
    ids=" ".join,
)
def test_head_takes_what_it_wants(alice: Person, line: tuple[str, ...]) -> None:
    """`| head -1`: one line, nothing on the error stream."""
    shell = ["sh", "-c", '"$@" | head -1', "sh", *command(*line)]
    done = outcome(shell, alice.env)
    assert done.err == ""
    assert done.out.count("\n") == 1


def test_a_reader_that_is_gone_before_anything_is_written(alice: Person) -> None:
    """The same: no complaint, and no error code."""
    shell = ["sh", "-c", '{ "$@"; echo $? >&2; } | true', "sh"]
    done = outcome([*shell, *command("messages", "bob", "--all")], alice.env)
    assert done.err == "0\n"


def test_a_full_output_is_an_error(alice: Person) -> None:
    """Output that cannot be written is not lost in silence."""
    shell = ["sh", "-c", '"$@" > /dev/full', "sh", *command("messages", "bob", "--all")]
    outcome(shell, alice.env).refused(1, "No space left")


def test_closed_streams_do_not_matter(alice: Person) -> None:
    """Started without output streams, as some supervisors do: it does its work."""
    shell = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command("sync")]
    assert outcome(shell, alice.env).code == 0


def slow(serve: Serve) -> Person:
    """Alice, whose server takes its time."""
    faults = Faults("latency", latency_ms=(30, 30))
    return serve(Emulator(sized_world("4x500"), faults=faults))


def test_a_progress_bar_on_a_terminal(serve: Serve) -> None:
    """It shows how far it is while it runs, and is gone at the end."""
    with terminal(slow(serve), "sync") as screen:
        screen.wait_for("conversations readable, ")
        done = screen.finish()
    assert done.code == 0
    assert "2,000 new messages in 4 conversations" in done.out
    assert "syncing" in done.out
    assert done.out.index("2,000 new messages") > done.out.rindex("syncing")


def test_no_progress_bar_for_programs(serve: Serve) -> None:
    """`--json` on a terminal prints one line of JSON, and nothing else."""
    with terminal(slow(serve), "sync", "--json") as screen:
        done = screen.finish()
    assert done.code == 0
    assert done.object["messages_added"] == 2000
    assert done.out.startswith("{")
    assert "\x1b" not in done.out


def test_no_progress_bar_in_a_pipe(serve: Serve) -> None:
    """Log files stay readable, also where colours are asked for."""
    person = slow(serve).but(FORCE_COLOR="1", TTY_COMPATIBLE="1")
    done = person.run("sync")
    assert (done.code, done.err) == (0, "")
    assert "syncing" not in done.out
    assert "\x1b" not in done.out


def test_colours_can_be_refused(alice: Person) -> None:
    """`NO_COLOR` is honoured on a terminal."""
    with terminal(alice.but(NO_COLOR="1", TERM="dumb"), "conversations") as screen:
        assert "\x1b[3" not in screen.finish().out
