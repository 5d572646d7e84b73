"""`syncengine browse`: what happens before there is a window, and that there is one."""

from pathlib import Path

import pytest

from tests.cli.command import Person, terminal


def test_it_opens_on_a_terminal_and_is_left(alice: Person) -> None:
    """Law 9: with no server, what was stored is on the screen, and `q` ends it with 0."""
    with terminal(alice, "browse", "--offline", size=(30, 100)) as screen:
        screen.wait_for("Conversations 12")
        screen.type("q")
        assert screen.finish().code == 0


def test_it_syncs_where_there_is_a_server(newcomer: Person) -> None:
    """With nothing stored yet, what it pulls comes in."""
    with terminal(newcomer, "browse", size=(30, 100)) as screen:
        screen.wait_for("Conversations 12")
        screen.type("q")
        assert screen.finish().code == 0
    assert newcomer.db.exists()


def test_with_nothing_stored_and_no_server_it_says_so(newcomer: Person) -> None:
    """As the other commands that read: exit code 2, and which command stores something."""
    with terminal(newcomer, "browse", "--offline") as screen:
        done = screen.finish()
    assert done.code == 2
    assert "nothing is stored" in done.out
    assert "syncengine sync" in " ".join(done.out.split())


def test_what_is_no_store_is_refused_before_the_window(newcomer: Person, tmp_path: Path) -> None:
    """Exit code 5, a hint, and the file as it was."""
    path = tmp_path / "letter.txt"
    path.write_text("Dear Alice" * 1000)
    with terminal(newcomer, "browse", "--offline", "--db", str(path)) as screen:
        done = screen.finish()
    assert done.code == 5
    assert "hint:" in done.out
    assert path.read_text() == "Dear Alice" * 1000


def test_another_account_is_refused_before_the_window(alice: Person) -> None:
    """A file holds one user of one server."""
    with terminal(alice, "browse", "--user", "bob", "--db", str(alice.db)) as screen:
        done = screen.finish()
    assert done.code == 2
    assert "belongs to" in done.out


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_it_needs_a_terminal(alice: Person, flags: tuple[str, ...]) -> None:
    """In a pipe it says what prints instead; as JSON where that was asked for."""
    done = alice.run("browse", "--offline", *flags)
    if flags:
        assert done.code == 2
        assert done.problem["error"] == "ConfigError"
    else:
        done.refused(2, "terminal", "syncengine messages")


def test_it_is_not_drawn_into_a_file(alice: Person, tmp_path: Path) -> None:
    """It is drawn on the error stream: with that in a file the screen would stay empty."""
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        terminal(alice, "browse", "--offline", errors=errors) as screen,
    ):
        assert screen.finish().code == 2
    assert "error stream" in log.read_text()
