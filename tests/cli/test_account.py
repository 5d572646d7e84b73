"""Which account, which file, and where the secret comes from."""

import json
import urllib.request
from pathlib import Path

import pytest

from syncengine.cli.account import database
from tests.cli.command import Person, command, outcome, terminal


def test_there_is_no_password_flag(newcomer: Person) -> None:
    """A flag would end up in the shell's history and in the list of processes."""
    for flag in ("--password", "--token"):
        newcomer.call("sync", flag, "alice").refused(2, "no such option")
        assert flag not in newcomer.call("sync", "--help").out


def test_no_secret_and_no_terminal_is_an_error(newcomer: Person) -> None:
    """Exit 2; the hint names the variables. Nothing is read from a pipe, nothing hangs."""
    silent = newcomer.but(SYNCENGINE_PASSWORD=None)
    silent.run("sync").refused(2, "SYNCENGINE_PASSWORD", "SYNCENGINE_TOKEN")
    empty = newcomer.but(SYNCENGINE_PASSWORD="")
    empty.run("sync").refused(2, "SYNCENGINE_PASSWORD")
    piped = silent.run("sync", stdin=None, input=b"alice\n")
    piped.refused(2, "SYNCENGINE_PASSWORD")


def test_a_closed_input_is_no_terminal(newcomer: Person) -> None:
    """Started with no standard input at all, as some supervisors do: the same error."""
    line = ["sh", "-c", 'exec "$@" <&-', "sh", *command("sync")]
    outcome(line, newcomer.but(SYNCENGINE_PASSWORD=None).env).refused(2, "SYNCENGINE_PASSWORD")


def test_the_prompt_hides_what_is_typed(newcomer: Person) -> None:
    """On a terminal the password is asked for, and not shown."""
    with terminal(newcomer.but(SYNCENGINE_PASSWORD=None), "sync") as person:
        person.wait_for("Password of alice: ")
        before = len(person.shown)
        person.type("alice\n")
        person.wait_for("stored in")
        done = person.finish()
    assert done.code == 0
    assert not done.out[before:].lstrip("\r\n").startswith("alice")
    assert "1,479 new messages" in done.out


def test_a_typed_password_that_is_wrong_is_never_shown(newcomer: Person) -> None:
    """Exit 4 with a hint, and no trace of the secret."""
    with terminal(newcomer.but(SYNCENGINE_PASSWORD=None), "sync") as person:
        person.wait_for("Password of alice: ")
        person.type("hunter2-wrong\n")
        done = person.finish()
    assert done.code == 4
    assert "hint: " in done.out
    assert "hunter2" not in done.out


def test_leaving_the_prompt(newcomer: Person) -> None:
    """The first Ctrl-C at the prompt ends it: exit 130, no traceback, no file."""
    with terminal(newcomer.but(SYNCENGINE_PASSWORD=None), "sync") as person:
        person.wait_for("Password of alice: ")
        person.process.send_signal(2)
        done = person.finish()
    assert done.code == 130
    assert "Traceback" not in done.out
    assert not newcomer.db.exists()


def test_a_token_does_instead_of_a_password(newcomer: Person, demo_url: str) -> None:
    """`SYNCENGINE_TOKEN` signs in alone; one that the server refuses is exit 4."""
    body = {"grant_type": "password", "username": "alice", "password": "alice"}
    request = urllib.request.Request(
        f"{demo_url}/org/app/token",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as reply:
        token = json.load(reply)["access_token"]
    person = newcomer.but(SYNCENGINE_PASSWORD=None, SYNCENGINE_TOKEN=token)
    assert person.call("sync").code == 0
    stale = newcomer.but(SYNCENGINE_PASSWORD=None, SYNCENGINE_TOKEN="stale-token-0815")
    done = stale.call("sync")
    done.refused(4)
    assert "0815" not in done.err


def test_what_is_missing_is_named_all_at_once(tmp_path: Path) -> None:
    """With no flags and no environment, one error lists every flag and its variable."""
    env = Person.at(tmp_path).env
    nobody = Person.at(tmp_path).but(**{n: None for n in env if n.startswith("SYNCENGINE")})
    done = nobody.call("sync")
    done.refused(2, "SYNCENGINE_SERVER", "SYNCENGINE_APP_KEY", "SYNCENGINE_USER")
    assert done.err.startswith("error: missing: --server, --app-key, --user\n")
    assert "syncengine demo" in done.err
    nobody.call("conversations").refused(2, "missing: --user or --db\n", "SYNCENGINE_USER")


USERS = ["alice", "../../../evil", "..", ".", "a/b", "小明", "-rf", "名" * 100, "a\\b:c*?", "~"]


@pytest.mark.parametrize("user", USERS)
def test_the_default_file_is_named_after_the_user(newcomer: Person, user: str) -> None:
    """Under XDG_DATA_HOME, inside the folder whatever the name; another user, another file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(newcomer.home / "data"))
        path = database(None, user)
        assert path.parent == newcomer.home / "data" / "syncengine"
        assert path.resolve().parent == path.parent.resolve()
        assert len(path.name.encode()) < 240
        assert len({database(None, each) for each in USERS}) == len(USERS)


def test_the_default_file_is_used_by_every_command(newcomer: Person) -> None:
    """Only the user is named: sync writes there, the listings read from there."""
    person = newcomer.but(SYNCENGINE_DB=None)
    assert person.call("sync").code == 0
    (file,) = (newcomer.home / "data" / "syncengine").glob("*.db")
    assert file.name == "alice.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(person.call("conversations", "--json").lines) == 12
    assert person.call("status", "--json").object["path"] == str(file)


def test_a_user_with_a_strange_name_stays_in_the_folder(newcomer: Person) -> None:
    """A sync of `../evil` makes no file outside, even when it is refused."""
    person = newcomer.but(SYNCENGINE_DB=None, SYNCENGINE_USER="../evil/小明")
    person.call("sync").refused(4)
    made = [path for path in newcomer.home.rglob("*") if path.is_file()]
    assert {path.parent for path in made} <= {newcomer.home / "data" / "syncengine"}
