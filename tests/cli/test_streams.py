"""Pipes, terminals and signals."""

import json
import signal
import sys

import pytest

from syncengine.emulator import Emulator, Faults, sized_world
from tests.cli.command import Person, command, outcome, terminal
from tests.cli.conftest import Serve
from tests.cli.screen import Screen


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


def test_the_collector_spares_what_is_loaded() -> None:
    """A command's own process looks through what it loaded no more; one that embeds the
    engine is left as it is."""
    told = "import gc; from syncengine.cli import main; import syncengine"
    look = "print(gc.get_freeze_count() > 50_000, gc.get_threshold()[0])"
    lines = f"{told}\n{look}\ntry:\n    main()\nexcept SystemExit:\n    {look}"
    done = outcome([sys.executable, "-c", lines, "--version"], {})
    before, *_, after = done.out.splitlines()
    assert (before, after) == ("False 700", "True 20000")


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


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_the_progress_line_leaves_room(serve: Serve, columns: int) -> None:
    """Never wider than the terminal less four columns; in 80 no word is cut."""
    with terminal(slow(serve), "sync", size=(24, columns)) as display:
        shown = display.finish().out.partition("2,000 new messages")[0]
    assert Screen(columns).write(shown).widest <= columns - 4
    assert Screen(columns).write(shown).lines == []
    if columns >= 80:
        assert "…" not in shown
        assert "4/4 conversations readable, 2,000 messages" in shown


def test_an_interrupted_sync_leaves_no_progress_line(serve: Serve) -> None:
    """Ctrl-C, which the terminal shows at the end of the line: only the error stays."""
    faults = Faults("latency", latency_ms=(30, 30))
    person = serve(Emulator(sized_world("4x20000"), faults=faults))
    with terminal(person, "sync") as display:
        display.wait_for("4/4 conversations")
        display.type("\x03")
        display.process.send_signal(signal.SIGINT)
        done = display.finish()
    assert (done.code, "^C" in done.out) == (130, True)
    lines = Screen(80).write(done.out).lines
    assert lines == [
        "error: interrupted",
        "hint: What was done so far is kept; the same command again goes on from there.",
    ]


@pytest.mark.parametrize("line", [("status",), ("conversations",), ("messages", "bob")])
def test_what_keeps_nothing_does_not_say_so(
    alice: Person, line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted reading command ends with 130, and has no advice."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"syncengine.cli.{line[0]}.existing_database", interrupted)
    done = alice.call(*line)
    assert (done.code, done.err.strip()) == (130, "error: interrupted")
    as_json = alice.call(*line, "--json")
    told = {"error": "Interrupted", "message": "interrupted", "hint": ""}
    assert (as_json.code, json.loads(as_json.err)) == (130, told)


def test_an_interrupted_demo_keeps_its_copy(newcomer: Person) -> None:
    """It says so, and not that the same command goes on: it wants a new file."""
    with newcomer.start("demo", "--db", str(newcomer.home / "demo.db")) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("1. ")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "error: interrupted\nhint: What was done so far is kept."


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
