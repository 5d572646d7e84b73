"""`syncengine delete`: what it says, what it asks, what it does here and on the server."""

import signal
from datetime import UTC, datetime

import pytest

from syncengine import Kind
from syncengine.emulator import Emulator, Faults, World, with_values
from tests.cli.command import Outcome, Person, opened, terminal, until_served
from tests.cli.conftest import Serve

START = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
"""When bob's first message was sent, ms; each further one is a second later."""
PLAN = ["conversation_id", "kind", "what", "message_ids", "until", "held", "counted"]
RESULT = [*PLAN, "dry_run", "state", "waits", "errors"]


def say(world: World, number: int) -> list[str]:
    """Bob writes so many messages, one a second; returns their ids."""
    return [
        world.send("bob", "alice", Kind.CHAT, f"m{n}", at=START + n * 1000) for n in range(number)
    ]


def synced(serve: Serve, world: World | Emulator) -> Person:
    """Alice, with everything that was said so far."""
    person = serve(world)
    assert person.call("sync").code == 0
    return person


def offline(person: Person) -> Person:
    """The same person with no server in the environment."""
    return person.but(SYNCENGINE_SERVER=None)


def shown(person: Person) -> list[str]:
    """The texts of bob that a listing shows."""
    return [m["text"] for m in person.call("messages", "bob", "--all", "--json").lines]


def served(world: World) -> list[str]:
    """The ids of bob's messages that the server would still show."""
    return [str(m.message_id) for m in world.history("alice", "bob", Kind.CHAT)]


def outbox(person: Person) -> list[dict[str, object]]:
    """What is not settled."""
    return person.call("outbox", "--json").lines


def test_messages_go_here_and_on_the_server(serve: Serve, world: World) -> None:
    """Law 8: hidden at once, delivered at once where the server is known, settled."""
    ids = say(world, 4)
    alice = synced(serve, world)
    done = alice.call("delete", "bob", "--ids", f"{ids[1]}, {ids[2]}", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "deleted here: 2 messages in chat bob\ndelivered: it is deleted on the server too\n"
    )
    assert shown(alice) == ["m0", "m3"]
    assert served(world) == [ids[0], ids[3]]
    assert outbox(alice) == []


def test_the_result_is_one_object(serve: Serve, world: World) -> None:
    """With `--json`: the fields that programs rely on, ids as text."""
    ids = say(world, 2)
    done = synced(serve, world).run("delete", "bob", "--ids", ids[0], "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.object) == RESULT
    assert done.object["message_ids"] == ids[:1]
    expected = {"what": "messages", "held": 1, "counted": True, "state": "settled", "errors": []}
    assert {name: done.object[name] for name in expected} == expected


def test_what_is_deleted_offline_is_delivered_by_the_next_sync(serve: Serve, world: World) -> None:
    """Law 8: with no server named it is gone here, durable, and exit 0."""
    ids = say(world, 3)
    alice = synced(serve, world)
    done = offline(alice).run("delete", "bob", "--ids", ids[0], "--yes")
    assert done.code == 0
    assert "the next `syncengine sync` does it" in done.out
    assert shown(alice) == ["m1", "m2"]
    assert served(world) == ids
    done = alice.call("sync")
    assert done.code == 0
    assert done.out.startswith("nothing new; 1 deletion delivered (")
    assert (served(world), outbox(alice)) == (ids[1:], [])
    assert "delivered" not in alice.call("sync").out


@pytest.mark.parametrize("secret", ["SYNCENGINE_PASSWORD", "SYNCENGINE_APP_KEY"])
def test_nobody_is_asked_for_what_is_missing(serve: Serve, world: World, secret: str) -> None:
    """Law 8: what it takes to sign in is not all there: kept for the next sync, nothing hangs."""
    ids = say(world, 1)
    alice = synced(serve, world).but(**{secret: None})
    done = alice.call("delete", "bob", "--ids", ids[0], "--yes", "--json")
    assert (done.code, done.object["state"]) == (0, "pending")
    assert "secret" in done.object["waits"]


def test_a_server_that_cannot_be_reached_is_no_error(serve: Serve, world: World) -> None:
    """Law 8: exit 0, and it says why it waits."""
    ids = say(world, 2)
    alice = synced(serve, world)
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1", SYNCENGINE_ATTEMPTS="1")
    done = away.call("delete", "bob", "--ids", ids[0], "--yes", "--json")
    assert (done.code, done.object["state"], done.object["errors"]) == (0, "pending", [])
    assert done.object["waits"] == "no connection to the server"
    words = away.call("delete", "bob", "--ids", ids[1], "--yes")
    assert "not delivered yet: no connection to the server; the next `syn" in words.out
    assert (shown(alice), len(outbox(alice))) == ([], 2)


def test_credentials_that_are_refused_are_an_error(serve: Serve, world: World) -> None:
    """Law 8: exit 4 with a hint, and the deletion outlives the wrong password."""
    ids = say(world, 2)
    alice = synced(serve, world)
    wrong = alice.but(SYNCENGINE_PASSWORD="wrong")
    wrong.call("delete", "bob", "--ids", ids[0], "--yes").refused(4, "password")
    assert [each["state"] for each in outbox(alice)] == ["pending"]
    assert alice.call("sync").code == 0
    assert served(world) == ids[1:]


def test_a_refusal_puts_everything_back(serve: Serve, world: World) -> None:
    """Law 8: exit 1, the reason and a hint; the messages are where they were, here and there."""
    ids = say(world, 3)
    alice = synced(serve, world)
    world.switches = with_values(world.switches, {"roaming": "disabled-400"})
    done = alice.call("delete", "bob", "--ids", ids[1], "--yes")
    assert done.code == 1
    assert "refused by the server: it is shown here again" in done.out
    assert done.err.startswith("error in chat bob: ")
    assert "\nhint: " in done.err
    assert shown(alice) == ["m0", "m1", "m2"]
    as_json = alice.call("delete", "bob", "--before", str(START), "--yes", "--json")
    assert (as_json.code, as_json.object["state"]) == (1, "refused")
    assert [each["error"] for each in as_json.object["errors"]] == ["ServiceNotEnabled"]
    world.switches = with_values(world.switches, {"roaming": "enabled"})
    assert served(world) == ids


TIMES = [
    str(START + 1000),
    "2026-01-01T12:00:01Z",
    "2026-01-01T14:00:01.000+02:00",
    "2026-01-01T20:00:01",
]


@pytest.mark.parametrize("time", TIMES)
def test_a_time_in_every_form(serve: Serve, world: World, time: str) -> None:
    """Law 4: up to that moment, inclusive; with no zone it is the reader's own, and it is shown."""
    ids = say(world, 4)
    alice = synced(serve, world).but(TZ="Asia/Shanghai")
    planned = alice.run("delete", "bob", "--before", time, "--dry-run", "--json").object
    assert (planned["until"], planned["held"]) == (START + 1000, 2)
    done = alice.run("delete", "bob", "--before", time, "--yes")
    assert done.code == 0
    assert "up to 2026-01-01 20:00:01 in chat bob: 2 messages held here" in done.out
    assert (shown(alice), served(world)) == (["m2", "m3"], ids[2:])


def test_a_time_keeps_its_milliseconds(alice: Person) -> None:
    """Not one is lost to floating point."""
    for ms in (1_795_507_330_985, 1_700_000_000_001, 1_699_999_999_999):
        time = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        line = ("delete", "bob", "--before", f"{time}.{ms % 1000:03}Z", "--dry-run", "--json")
        assert alice.call(*line).object["until"] == ms


def test_a_time_in_the_future_spares_what_is_written_later(serve: Serve, world: World) -> None:
    """Law 4: everything that there is goes, and nothing that comes."""
    say(world, 3)
    alice = synced(serve, world)
    assert alice.call("delete", "bob", "--before", "2999-01-01", "--yes").code == 0
    later = world.send("bob", "alice", Kind.CHAT, "later")
    assert alice.call("sync").code == 0
    assert (shown(alice), served(world)) == (["later"], [later])


def test_a_conversation_comes_back_with_what_is_new(serve: Serve, world: World) -> None:
    """Laws 4 and 8: gone from both lists; somebody's next message brings back itself only."""
    say(world, 3)
    alice = synced(serve, world)
    done = alice.call("delete", "bob", "--all", "--yes")
    assert done.code == 0
    assert "chat bob with all its messages: 3 messages held here\n" in done.out
    assert alice.call("conversations", "--json").lines == []
    assert (world.conversations("alice"), served(world)) == ([], [])
    world.send("bob", "alice", Kind.CHAT, "still there?")
    assert alice.call("sync").code == 0
    assert len(alice.call("conversations", "--json").lines) == 1
    assert shown(alice) == ["still there?"]


def test_a_list_entry_goes_without_its_messages(serve: Serve, world: World) -> None:
    """`--all --keep-messages`: gone from both lists; the messages stay on both sides."""
    ids = say(world, 3)
    alice = synced(serve, world)
    done = alice.call("delete", "bob", "--all", "--keep-messages", "--yes")
    assert done.code == 0
    assert "its messages stay" in done.out
    assert alice.call("conversations", "--json").lines == []
    assert world.conversations("alice") == []
    assert (shown(alice), served(world)) == (["m0", "m1", "m2"], ids)


FORMS = [
    (("--ids", "1,2"), "2 messages in chat bob (2 not held here)"),
    (("--before", "2999-01-01T00:00Z"), "up to 2999-01-01 00:00 in chat bob: 3 messages"),
    (("--all",), "chat bob with all its messages: 3 messages held here"),
    (("--all", "--keep-messages"), "the list entry of chat bob; its messages stay"),
]


@pytest.mark.parametrize(("form", "words"), FORMS)
def test_a_dry_run_changes_nothing(
    serve: Serve, world: World, form: tuple[str, ...], words: str
) -> None:
    """It says what would happen; the file stays as it is, and the server is not asked."""
    say(world, 3)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    emulator.counters.reset()
    before = alice.db.read_bytes()
    done = alice.run("delete", "bob", *form, "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert words in done.out
    assert done.out.endswith("Nothing was changed.\n")
    planned = alice.run("delete", "bob", *form, "--dry-run", "--yes", "--json").object
    assert (list(planned), planned["state"]) == (RESULT, "planned")
    assert alice.db.read_bytes() == before
    assert sum(emulator.counters.requests.values()) == 0


def test_many_messages_are_not_all_counted(alice: Person) -> None:
    """The question comes at once, also in a huge conversation: then it says *at least*."""
    with opened(alice.db) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21000)"
            " INSERT INTO message (conversation, position, message_id, sender, timestamp, type,"
            " text, raw) SELECT conversation, 1000000000000 + i, i, 'erin', i, 'text',"
            " 'n' || i, x'' FROM n, conversation WHERE conversation_id = 'erin'"
        )
    assert "at least 20,0" in alice.call("delete", "erin", "--all", "--dry-run").out
    planned = alice.call("delete", "erin", "--all", "--dry-run", "--json").object
    assert (planned["held"] >= 20_000, planned["counted"]) == (True, False)
    assert "1 message in" in alice.call("delete", "erin", "--ids", "20999", "--dry-run").out


def test_it_asks_on_a_terminal(serve: Serve, world: World) -> None:
    """It says what will happen and waits; yes does it."""
    say(world, 3)
    alice = synced(serve, world)
    with terminal(alice, "delete", "bob", "--all") as person:
        person.wait_for("Delete? [y/N]: ")
        assert "3 messages held here" in person.shown.decode()
        assert "It cannot be undone." in person.shown.decode()
        assert len(shown(alice)) == 3
        person.type("y\n")
        done = person.finish()
    assert (done.code, "delivered" in done.out) == (0, True)
    assert (shown(alice), served(world)) == ([], [])


def test_what_is_not_fetched_yet_goes_too_and_it_says_so(alice: Person) -> None:
    """Law 9: a conversation that is here in part does not look whole in the question."""
    alone = offline(alice)
    with opened(alice.db) as database:
        database.execute(
            "INSERT INTO gap (conversation, low, high, cursor, seam)"
            " SELECT conversation, ?, min(position), NULL, 0 FROM message"
            " JOIN conversation USING (conversation) WHERE conversation_id = 'noor'",
            (-(2**62),),
        )
    assert "not fetched yet" in alone.call("delete", "noor", "--all", "--dry-run").out
    assert "not fetched yet" not in alone.call("delete", "bob", "--all", "--dry-run").out


def unchanged(person: Person, done: Outcome) -> None:
    """Bob's conversation of the readable world is as it was pulled, and nothing waits."""
    assert "Traceback" not in done.out + done.err
    assert len(shown(person)) == 418
    assert outbox(person) == []


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_is_no(alice: Person, answer: str) -> None:
    """Exit 1, and nothing happened; no is what an empty line means."""
    with terminal(offline(alice), "delete", "bob", "--all") as person:
        person.wait_for("Delete? [y/N]: ")
        person.type(answer)
        done = person.finish()
    assert (done.code, "nothing was deleted" in done.out) == (1, True)
    unchanged(alice, done)


def test_leaving_the_question(alice: Person) -> None:
    """Ctrl-C: exit 130, no traceback, nothing happened."""
    with terminal(offline(alice), "delete", "bob", "--all") as person:
        person.wait_for("Delete? [y/N]: ")
        person.interrupt()
        done = person.finish()
    assert done.code == 130
    unchanged(alice, done)


def test_nothing_is_deleted_unasked(alice: Person) -> None:
    """With no terminal and no `--yes`: exit 2. What comes through a pipe is no answer."""
    alone = offline(alice)
    done = alone.run("delete", "bob", "--all", stdin=None, input=b"y\n")
    done.refused(2, "--yes", "--dry-run")
    unchanged(alice, done)


def test_what_is_deleted_is_never_taken_from_the_environment(alice: Person) -> None:
    """A variable that was set for a listing, or forgotten, deletes nothing: exit 2."""
    variables = {"SYNCENGINE_ALL": "1", "SYNCENGINE_YES": "1", "SYNCENGINE_BEFORE": "2999-01-01"}
    done = offline(alice).but(**variables).call("delete", "bob")
    done.refused(2, "not said what to delete")
    asked = offline(alice).but(**variables).call("delete", "bob", "--all")
    asked.refused(2, "--yes")
    unchanged(alice, asked)


BAD = [
    ((), "it is not said what to delete\n"),
    (("--ids", "1", "--all"), "--ids and --all exclude each other\n"),
    (("--ids", "1", "--before", "2026-01-01"), "--ids and --before exclude each other\n"),
    (("--ids", "1", "--keep-messages"), "--keep-messages has no meaning with --ids\n"),
    (("--ids", ""), "'' is no message id\n"),
    (("--ids", "1,,2"), "'' is no message id\n"),
    (("--ids", "1,12x"), "'12x' is no message id\n"),
    (("--ids", "1,-2"), "'-2' is no message id\n"),
    (("--ids", "1" * 30), "is no message id\n"),
    (("--before", "1700000000"), "did you mean 1700000000000?\n"),
    (("--before", "-1"), "the time is before 1970\n"),
    (("--before", "1969-12-31T23:59Z"), "the time is before 1970\n"),
    (("--before", "1970-01-01T00:01Z"), "looks like seconds\n"),
    (("--before", "soon"), "'soon' is no time\n"),
    (("--before", ""), "'' is no time\n"),
    (("--before", "20260101"), "'20260101' is no time\n"),
    (("--before", "2026-02-30"), "'2026-02-30' is no time\n"),
    (("--before", "0001-01-01"), "'0001-01-01' is no time\n"),
    (("--before", "9" * 5000), "is no time\n"),
]


@pytest.mark.parametrize(("flags", "words"), BAD)
def test_what_cannot_be_meant_deletes_nothing(
    alice: Person, flags: tuple[str, ...], words: str
) -> None:
    """Bad input: exit 2, a clear error with a hint, nothing half-done, `--yes` or not."""
    done = offline(alice).call("delete", "bob", *flags, "--yes")
    done.refused(2, words)
    unchanged(alice, done)


def test_a_conversation_that_is_not_meant_clearly(alice: Person) -> None:
    """Bad input: an unknown one, one of the other kind, an id of both kinds: exit 2."""
    alone = offline(alice)
    alone.call("delete", "nobody", "--all", "--yes").refused(2, "'nobody' is held here\n")
    alone.call("delete", "bob", "--kind", "groupchat", "--all", "--yes").refused(2, "groupchat")
    both = alone.call("delete", "support", "--all", "--yes")
    both.refused(2, "both a chat and a groupchat", "--kind chat or --kind groupchat")
    unchanged(alice, both)
    chosen = alone.call("delete", "support", "--kind", "chat", "--all", "--yes", "--json")
    assert (chosen.code, chosen.object["kind"]) == (0, "chat")
    kept = alice.call("messages", "support", "--kind", "groupchat", "--json")
    assert len(kept.lines) == 15


def test_ids_that_are_unknown_repeated_or_of_another_conversation_do_no_harm(
    serve: Serve, world: World
) -> None:
    """Bad input: it says how many are not here, and only what is meant goes."""
    ids = say(world, 2)
    world.add_user("carol")
    other = world.send("carol", "alice", Kind.CHAT, "hello")
    alice = synced(serve, world)
    line = ("delete", "bob", "--ids", f"{ids[0]},{ids[0]},77,{other}", "--yes")
    done = alice.call(*line)
    assert done.code == 0
    assert "3 messages in chat bob (2 not held here)" in done.out
    assert (served(world), shown(alice)) == (ids[1:], ["m1"])
    kept = alice.call("messages", "carol", "--json").lines
    assert [message["message_id"] for message in kept] == [other]
    assert outbox(alice) == []


def test_what_is_deleted_already_is_not_asked_for_again(serve: Serve, world: World) -> None:
    """Law 8: settled once; exit 0, and no request is made."""
    ids = say(world, 2)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    line = ("delete", "bob", "--ids", ids[0], "--yes")
    assert alice.call(*line).code == 0
    emulator.counters.reset()
    again = alice.call(*line)
    assert (again.code, again.out) == (0, "nothing to do: it was deleted before\n")
    assert alice.call(*line, "--json").object["state"] == "nothing"
    assert sum(emulator.counters.requests.values()) == 0


def test_settings_that_cannot_be_used_delete_nothing(alice: Person) -> None:
    """A wrong address, another user's file: exit 2 before anything is stored."""
    line = ("delete", "bob", "--all", "--yes")
    wrong = alice.but(SYNCENGINE_SERVER="ftp://a").call(*line)
    wrong.refused(2, "address")
    plain = alice.but(SYNCENGINE_SERVER="http://example.com").call(*line)
    plain.refused(2, "--allow-insecure-http")
    other = alice.but(SYNCENGINE_USER="bob", SYNCENGINE_PASSWORD="bob").call(*line)
    other.refused(2, "belongs to")
    unchanged(alice, other)


def test_a_file_that_cannot_be_written_deletes_nothing(alice: Person, newcomer: Person) -> None:
    """One from a newer version: exit 5, as it was; where there is none: exit 2."""
    with opened(alice.db) as database:
        database.execute("PRAGMA user_version = 99")
    before = alice.db.read_bytes()
    alice.call("delete", "bob", "--all", "--yes").refused(5, "version 99")
    assert alice.db.read_bytes() == before
    alice.db.unlink()
    newcomer.call("delete", "bob", "--all", "--yes").refused(2, "nothing is stored for alice")


def test_an_interrupted_delivery_is_finished_by_the_next_sync(serve: Serve, world: World) -> None:
    """Law 8: Ctrl-C between two requests: exit 130, all is gone here, the rest is sent later."""
    ids = say(world, 500)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    emulator.set_faults(Faults("latency", latency_ms=(50, 50)))
    with alice.start("delete", "bob", "--ids", ",".join(ids), "--yes") as process:
        until_served(emulator, 2, process, "delete_messages")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "deleted here: 500 messages in chat bob\n")
    assert "`syncengine outbox`" in err
    (left,) = outbox(alice)
    assert left["state"] == "pending"
    assert 0 < len(served(world)) < 500
    emulator.set_faults(Faults())
    assert alice.call("sync").code == 0
    assert (served(world), shown(alice), outbox(alice)) == ([], [], [])
