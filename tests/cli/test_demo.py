"""`syncengine demo`: the whole story with no account anywhere."""

import re
import time

from tests.cli.command import Person, outcome, terminal


def test_it_tells_its_story_quickly(newcomer: Person) -> None:
    """Under 15 seconds: pulls, syncs again for little, reads offline, says what to type next."""
    started = time.monotonic()
    db = newcomer.home / "demo.db"
    with terminal(newcomer.but(SYNCENGINE_DB=None), "demo", "--db", str(db)) as screen:
        done = screen.finish()
    assert time.monotonic() - started < 15
    assert done.code == 0
    assert "1,479 new messages in 12 conversations" in done.out
    assert "3 new messages in 1 conversation (" in done.out
    assert "nothing new (" in done.out
    assert "我们星期六去爬山，你来吗？" in done.out
    assert "messages bob --db" in done.out
    (line,) = re.findall(r"(\S.*) status --db (\S+)", done.out.replace("\r", ""))
    assert line[1] == str(db)
    assert newcomer.call("status", "--db", str(db), "--json").object["messages"] == 1482
    assert f"The copy stays in {db}." in done.out
    assert "rm -r" not in done.out


def test_it_says_where_its_folder_is_and_how_to_remove_it(newcomer: Person) -> None:
    """It stays until somebody types that line; then nothing is left."""
    home = newcomer.home / "my folder"
    home.mkdir()
    done = newcomer.but(SYNCENGINE_DB=None, TMPDIR=str(home)).run("demo")
    (folder,) = home.iterdir()
    assert f"The copy stays in {folder / 'alice.db'}; when you are done:" in done.out
    line = done.out.splitlines()[-1].strip()
    assert outcome(["sh", "-c", line], newcomer.env).code == 0
    assert list(home.iterdir()) == []


def test_for_programs_it_is_one_object(newcomer: Person) -> None:
    """`--json`: where the copy is, and the three reports; the third cost almost nothing."""
    started = time.monotonic()
    done = newcomer.but(SYNCENGINE_DB=None, TMPDIR=str(newcomer.home)).run("demo", "--json")
    assert time.monotonic() - started < 15
    assert (done.code, done.err) == (0, "")
    first, second, third = done.object["syncs"]
    assert (first["messages_added"], second["messages_added"]) == (1479, 3)
    assert third["messages_added"] == 0
    assert third["requests"] <= 2 + 4 + 2  # the list, and pages that are read again
    assert newcomer.call("status", "--db", done.object["db"], "--json").code == 0


def test_it_never_writes_into_a_file_that_is_there(alice: Person) -> None:
    """SYNCENGINE_DB may name a real account: exit 2, and it is as before."""
    before = alice.db.read_bytes()
    alice.call("demo").refused(2, "--db")
    assert alice.db.read_bytes() == before
