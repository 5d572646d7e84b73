"""`syncengine export`: the history as files."""

import json
from pathlib import Path

from tests.cli.command import Person, opened, terminal
from tests.export.reading import assert_sound, names_in

DEMO = (1479, 12)


def test_everything_becomes_lines(alice: Person, tmp_path: Path) -> None:
    """Law 9: with no server. In words and as JSON: how much, how whole, and where to begin."""
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1", SYNCENGINE_PASSWORD=None)
    done = away.call("export", "--output", str(tmp_path / "out"))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("exported 1,479 messages of 12 conversations (12 files, ")
    assert f"begin at {tmp_path}/out/manifest.json\n" in done.out
    assert_sound(tmp_path / "out")
    told = away.call("export", "--output", str(tmp_path / "again"), "--json").object
    assert (told["messages"], told["conversations"]) == DEMO
    assert (told["whole"], told["incomplete"], told["files"]) == (True, 0, 12)


def test_pages_for_a_browser(alice: Person, tmp_path: Path) -> None:
    """Where to begin is the index."""
    done = alice.call("export", "--format", "html", "--output", str(tmp_path / "out"))
    assert f"begin at {tmp_path}/out/index.html\n" in done.out
    assert names_in(tmp_path / "out") == ["conversations", "index.html", "manifest.json", "search"]


def test_one_conversation(alice: Person, tmp_path: Path) -> None:
    """As in every command, a kind is asked for where an id has two; an unknown id is said."""
    output = ("--output", str(tmp_path / "out"))
    alice.call("export", "support", *output).refused(2, "both a chat and a groupchat", "--kind")
    alice.call("export", "nobody", *output).refused(2, "'nobody' is held here")
    alice.call("export", "--kind", "chat", *output).refused(2, "no meaning without a conversation")
    assert names_in(tmp_path / "out") == []
    done = alice.call("export", "support", "--kind", "groupchat", "--json", *output)
    assert (done.object["messages"], done.object["conversations"]) == (15, 1)
    assert names_in(tmp_path / "out" / "conversations") == ["groupchat-support.jsonl"]


def test_a_folder_that_holds_something_is_refused(alice: Person, tmp_path: Path) -> None:
    """Exit 2; `--force` replaces an export, and nothing else."""
    output = ("--output", str(tmp_path / "out"))
    assert alice.call("export", *output).code == 0
    alice.call("export", *output).refused(2, "holds an export already", "--force")
    assert alice.call("export", "--force", "--no-raw", *output).code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["raw"] is False
    home = ("--output", str(alice.home))
    alice.call("export", "--force", *home).refused(2, "is not empty, and holds no export")
    assert alice.db.exists()


def test_what_is_missing_is_said(alice: Person, tmp_path: Path) -> None:
    """Law 9: an export of a copy with a gap says so, and where to look."""
    with opened(alice.db) as database:
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam)"
            " SELECT conversation, -4611686018427387904, min(position), NULL, 0"
            " FROM message JOIN conversation USING (conversation) WHERE conversation_id = 'noor'"
        )
    done = alice.call("export", "--output", str(tmp_path / "out"))
    assert done.code == 0
    assert "not whole: 1 conversation; manifest.json says where" in done.out
    assert not alice.call("export", "--output", str(tmp_path / "b"), "--json").object["whole"]


def test_before_the_first_sync(newcomer: Person, tmp_path: Path) -> None:
    """There is nothing to export, and the hint says what to do."""
    done = newcomer.call("export", "--output", str(tmp_path / "out"))
    done.refused(2, "nothing is stored for alice yet", "syncengine sync")
    newcomer.call("export").refused(2, "--output")


def test_it_can_be_interrupted(alice: Person, tmp_path: Path) -> None:
    """On a terminal there is a bar; Ctrl-C leaves no manifest, and says that nothing is kept."""
    with opened(alice.db) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
            " INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) SELECT conversation, 1000000000000 + i, 'x' || i, 'erin', i, 'text',"
            " 'n' || i, x'' FROM n, conversation WHERE conversation_id = 'erin'"
        )
    with terminal(alice, "export", "--output", str(tmp_path / "out")) as screen:
        screen.wait_for("conversations, ")
        screen.interrupt()
        done = screen.finish()
    assert done.code == 130
    assert "exporting" in done.out
    assert "Nothing was exported; the same command again begins anew." in done.out
    assert names_in(tmp_path / "out") == []
