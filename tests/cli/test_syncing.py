"""`syncengine sync`: reports, exit codes, interruption."""

import signal
from typing import Any

from syncengine import Kind
from syncengine.emulator import Emulator, Faults, World, demo_world, sized_world, with_values
from tests.cli.command import Person, opened, until_served
from tests.cli.conftest import Serve

HISTORY: Any = {"history"}  # the type checker cannot see through attrs' converter
AUDIT = 4 + 2
"""Pages that a cycle reads again, and where history ends two more."""
REPORT = [
    "requests",
    "pages",
    "messages_added",
    "messages_removed",
    "conversations",
    "gaps_open",
    "seconds",
    "errors",
    "held_back",
    "deletions_delivered",
]


def test_the_report_is_one_object(newcomer: Person) -> None:
    """A first sync says what it did, in exactly the fields that programs rely on."""
    done = newcomer.run("sync", "--json")
    assert (done.code, done.err) == (0, "")
    report = done.object
    assert list(report) == REPORT
    assert (report["messages_added"], report["messages_removed"]) == (1479, 0)
    assert (report["conversations"], report["gaps_open"], report["errors"]) == (12, 0, [])
    assert report["pages"] >= 1479 / 49
    assert report["requests"] > report["pages"]
    assert isinstance(report["seconds"], float)


def test_a_second_sync_costs_almost_nothing(alice: Person) -> None:
    """Law 11: the list, and as many pages as are to be read again; nothing is added, nothing
    touched."""
    report = alice.run("sync", "--json").object
    assert report["requests"] <= 2 + AUDIT
    assert report["pages"] <= AUDIT
    counts = ("messages_added", "messages_removed", "conversations", "gaps_open")
    assert [report[name] for name in counts] == [0, 0, 0, 0]
    words = alice.call("sync")
    assert words.out.startswith("nothing new (")
    assert f"stored in {alice.db}" in words.out


def test_what_was_pulled_is_what_the_server_has(serve: Serve) -> None:
    """sync, conversations, messages: the copy equals the server's view, id by id."""
    world = demo_world()
    alice = serve(world)
    assert alice.call("sync").code == 0
    for listed in world.conversations("alice"):
        key = listed.entry.key
        which = (key.conversation_id, "--kind", key.kind.value)
        found = alice.call("messages", *which, "--all", "--json")
        truth = world.history("alice", key.conversation_id, key.kind)
        assert [m["message_id"] for m in found.lines] == [str(m.message_id) for m in truth]


def test_one_is_not_many(serve: Serve, world: World) -> None:
    """A summary that reads well: one message, one conversation, one request."""
    alice = serve(world)
    world.send("bob", "alice", Kind.CHAT, "hello")
    assert alice.call("sync").out.startswith("1 new message in 1 conversation (2 requests, ")
    assert "(2 requests, " in alice.call("sync").out  # the list, and one page read again


def test_a_sync_that_brought_no_message(serve: Serve, world: World) -> None:
    """Only the list changed, here who is pinned: it does not read like news."""
    alice = serve(world)
    world.send("bob", "alice", Kind.CHAT, "hello")
    assert alice.call("sync").code == 0
    world.pin("alice", "bob", Kind.CHAT)
    assert alice.call("sync").out.startswith("no new messages; 1 conversation updated (")


def test_a_sync_that_only_removed(serve: Serve, world: World) -> None:
    """Law 5: what another device deleted goes by and by, and the report counts it."""
    ids = [world.send("bob", "alice", Kind.CHAT, f"m{n} 你好 👍") for n in range(30)]
    alice = serve(world).but(SYNCENGINE_CONFIRM_ABSENCE_AFTER="0")
    assert alice.call("sync").code == 0
    world.delete_messages("alice", "bob", ids[5:8], Kind.CHAT)
    reports = [alice.call("sync").out for _ in range(3)]
    assert reports[1].startswith("no new messages, 3 removed in 1 conversation (")
    assert reports[2].startswith("nothing new (")
    listed = alice.call("messages", "bob", "--json").lines
    assert [each["message_id"] for each in listed] == [*ids[:5], *ids[8:]]


def test_every_flag_can_come_as_a_flag(newcomer: Person) -> None:
    """The account may be named on the command line as well; flags win."""
    env = newcomer.env
    flags = ("--server", env["SYNCENGINE_SERVER"], "--app-key", "org#app", "--user", "alice")
    wrong = newcomer.but(
        SYNCENGINE_SERVER="http://127.0.0.1:1", SYNCENGINE_APP_KEY="x#y", SYNCENGINE_USER="bob"
    )
    done = wrong.call("sync", *flags, "--db", str(newcomer.db), "--json")
    assert (done.code, done.object["messages_added"]) == (0, 1479)


def test_json_can_come_from_the_environment(newcomer: Person) -> None:
    """`SYNCENGINE_JSON` is `--json`, for output and for errors."""
    program = newcomer.but(SYNCENGINE_JSON="1", SYNCENGINE_USER=None)
    assert set(program.call("sync").problem) == {"error", "message", "hint"}
    assert "requests" in newcomer.but(SYNCENGINE_JSON="1").call("sync").object


def test_errors_of_a_sync_are_in_the_report(newcomer: Person) -> None:
    """With `--json` each error says what, why and what to do; the exit code says so too."""
    done = newcomer.but(SYNCENGINE_PASSWORD="wrong").run("sync", "--json")
    assert done.code == 4
    (problem,) = done.object["errors"]
    assert sorted(problem) == ["error", "hint", "message"]
    assert problem["error"] == "Unauthorized"


def test_a_conversation_that_fails_is_named(serve: Serve) -> None:
    """Exit 1: done with errors. The others are pulled, the report names the one that was not."""
    faults = Faults("html", probability=1.0, budget=1, routes=HISTORY)
    alice = serve(demo_world(), faults)
    done = alice.call("sync", "--attempts", "1", "--json")
    assert done.code == 1
    (problem,) = done.object["errors"]
    assert sorted(problem) == ["conversation_id", "error", "hint", "kind", "message"]
    assert done.object["messages_added"] > 1000
    again = alice.call("sync")
    assert (again.code, again.err) == (0, "")


def test_the_same_error_in_many_conversations_is_said_once(serve: Serve) -> None:
    """A server's bad day does not fill the screen, and says where it hit."""
    alice = serve(sized_world("30x60"), Faults("stuck", routes=HISTORY))
    done = alice.call("sync", "--attempts", "1")
    assert done.code == 1
    assert done.err.startswith("error in ")
    assert " and 29 more: " in done.err
    assert done.err.count("\n") == 2


def test_roaming_that_is_not_enabled_names_the_switch(serve: Serve, world: World) -> None:
    """Exit 1, and the hint says what to switch on and where; what was stored stays."""
    alice = serve(world)
    world.send("bob", "alice", Kind.CHAT, "hello")
    assert alice.call("sync").code == 0
    world.switches = with_values(world.switches, {"roaming": "disabled-403"})
    world.send("bob", "alice", Kind.CHAT, "again")
    alice.call("sync", "--attempts", "1").refused(1, "message roaming", "console")
    assert "hello" in alice.call("messages", "bob").out


def test_an_interrupted_sync_goes_on_the_next_time(serve: Serve) -> None:
    """Ctrl-C: exit 130, no traceback; the next run has little left to do, and ends whole."""
    world = sized_world("6x2000")
    emulator = Emulator(world, faults=Faults("latency", latency_ms=(100, 100)))
    alice = serve(emulator)
    with alice.start("sync") as process:
        until_served(emulator, 60, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.lstrip().startswith("error: interrupted\nhint: ")
    assert "Traceback" not in err
    unread = alice.call("status")
    assert "verified since  not all of it yet\n" in unread.out  # law 5: unread is not compared
    told = alice.call("status", "--conversations", "--json").object
    assert told["verified_since"] is None
    each = told["conversations_verified"]
    assert all(line["whole"] for line in each if line["verified_since"] is not None)
    emulator.set_faults(Faults())
    rest = alice.call("sync", "--json").object
    assert (rest["errors"], rest["gaps_open"]) == ([], 0)
    assert 0 < rest["messages_added"] < 12_000
    assert alice.call("status", "--json").object["messages"] == 12_000


def test_a_file_belongs_to_one_account(alice: Person) -> None:
    """Another user's chats never end up in it: exit 2, and it is as before."""
    other = alice.but(SYNCENGINE_USER="bob", SYNCENGINE_PASSWORD="bob")
    other.call("sync").refused(2, "belongs to", "--db")
    with opened(alice.db) as database:
        assert database.execute("SELECT count(*) FROM message").fetchone() == (1479,)
