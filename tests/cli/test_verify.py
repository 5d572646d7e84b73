"""`syncengine verify`: what was deleted elsewhere goes here too, and nothing else."""

import signal
from typing import Any

import pytest

from syncengine import Kind
from syncengine.emulator import Emulator, Faults, World, with_values
from tests.cli.command import Outcome, Person, opened, terminal, until_served
from tests.cli.conftest import Serve
from tests.cli.screen import Screen

DAY = 86_400_000
NAME = "小明🏔️"
VERIFICATION = [
    "conversations",
    "incomplete",
    "requests",
    "pages",
    "messages_added",
    "messages_removed",
    "suspects",
    "held_back",
    "unverified",
    "gaps_open",
    "seconds",
    "errors",
    "deletions_delivered",
]
HISTORY: Any = {"history"}  # the type checker cannot see through attrs' converter


def say(world: World, number: int, sender: str = "bob", *, days: float = 30) -> list[str]:
    """Somebody wrote so many messages, days ago, one a second; returns their ids."""
    start = world.now() - int(days * DAY)
    return [
        world.send(sender, "alice", Kind.CHAT, f"m{n} 你好 👍", at=start + n * 1000)
        for n in range(number)
    ]


def delete_elsewhere(world: World, ids: list[str], name: str = "bob") -> None:
    """Alice deletes these messages on another device."""
    world.delete_messages("alice", name, ids, Kind.CHAT)


def synced(serve: Serve, world: World | Emulator) -> Person:
    """Alice, with everything that was said so far, for whom no second look is too early."""
    person = serve(world).but(SYNCENGINE_CONFIRM_ABSENCE_AFTER="0")
    assert person.call("sync").code == 0
    return person


def held(person: Person, name: str = "bob") -> list[str]:
    """The ids that are shown here."""
    lines = person.call("messages", name, "--all", "--json").lines
    return [message["message_id"] for message in lines]


def served(world: World, name: str = "bob") -> list[str]:
    """The ids that the server shows."""
    return [str(message.message_id) for message in world.history("alice", name, Kind.CHAT)]


def emptied(serve: Serve, world: World) -> tuple[Person, list[str]]:
    """Alice, who lost most of a conversation on the server; and the ids that it had."""
    ids = say(world, 80)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[10:60])
    return alice, ids


def test_a_conversation_that_was_deleted_is_not_counted(serve: Serve, world: World) -> None:
    """Law 8: the figure is that of the list; and what waited to be delivered is told."""
    world.add_user("carol")
    say(world, 3)
    say(world, 3, "carol")
    alice = synced(serve, world)
    offline = alice.but(SYNCENGINE_SERVER=None)
    assert offline.call("delete", "carol", "--all", "--keep-messages", "--yes").code == 0
    assert len(alice.call("conversations", "--json").lines) == 1
    assert alice.call("outbox", "--json").lines != []
    done = alice.call("verify")
    assert done.code == 0
    assert done.out.startswith("1 conversation verified")
    assert "; 1 deletion delivered (" in done.out
    assert alice.call("verify", "--json").object["deletions_delivered"] == 0


def test_a_deletion_elsewhere_is_followed(serve: Serve, world: World) -> None:
    """Law 5: one command finds it, looks twice, and says how many went."""
    ids = say(world, 30)
    alice = serve(world)
    assert alice.call("sync").code == 0
    delete_elsewhere(world, ids[10:13])
    done = alice.run("verify", "--confirm-absence-after", "0")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 conversation verified: 3 messages removed (")
    assert held(alice) == served(world) == [*ids[:10], *ids[13:]]


def test_nothing_to_find(alice: Person) -> None:
    """It says that all is there, and changes nothing."""
    before = alice.call("messages", "bob", "--all", "--json").out
    done = alice.call("verify")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("12 conversations verified: the server shows all that is held here")
    assert alice.call("messages", "bob", "--all", "--json").out == before


def test_the_result_is_one_object(serve: Serve, world: World) -> None:
    """With `--json`: exactly the fields that programs rely on."""
    ids = say(world, 30)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[10:12])
    world.send("bob", "alice", Kind.CHAT, "新消息 🎉")
    done = alice.run("verify", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.object
    assert list(found) == VERIFICATION
    assert (found["conversations"], found["incomplete"], found["errors"]) == (1, 0, [])
    assert (found["messages_added"], found["messages_removed"]) == (1, 2)
    assert (found["suspects"], found["held_back"], found["unverified"]) == (0, 0, 0)
    assert found["requests"] >= found["pages"] >= 2
    assert isinstance(found["seconds"], float)


def test_one_conversation_alone(serve: Serve, world: World) -> None:
    """Only the one that is named is read, whatever its script; the others wait."""
    world.add_user(NAME)
    mine, others = say(world, 30, NAME), say(world, 30)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    delete_elsewhere(world, mine[5:7], NAME)
    delete_elsewhere(world, others[5:7])
    emulator.counters.reset()
    done = alice.run("verify", NAME)
    assert done.code == 0
    assert done.out.startswith(f"chat {NAME} is verified: 2 messages removed (")
    assert emulator.counters.requests["list"] == 0
    assert held(alice, NAME) == served(world, NAME)
    assert held(alice) == others


def test_what_came_meanwhile_is_pulled(serve: Serve, world: World) -> None:
    """A verification is a sync as well, and says so."""
    say(world, 3)
    alice = synced(serve, world)
    say(world, 1, days=0)
    assert alice.call("verify").out.startswith("1 conversation verified: 1 new message (")
    assert held(alice) == served(world)


def test_what_waits_for_a_second_look_is_counted(serve: Serve, world: World) -> None:
    """Law 5: one read does not decide; of the whole account, also where one is verified."""
    world.add_user("carol")
    ids = say(world, 30, "carol")
    say(world, 3)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[5:7], "carol")
    assert alice.call("sync").code == 0
    done = alice.call("verify", "bob")
    assert done.code == 0
    assert "2 messages missing there once: a second look, by the next syncs, decides\n" in done.out
    assert alice.call("verify", "bob", "--json").object["suspects"] == 2
    words = alice.call("status").out
    assert "      suspects  2 messages missing there once; " in words
    assert alice.call("status", "--json").object["suspects"] == 2
    assert alice.call("verify").out.startswith("2 conversations verified: 2 messages removed (")
    assert "suspects" not in alice.call("status").out


def test_what_may_have_expired_is_kept_and_marked(serve: Serve, world: World) -> None:
    """Law 7: gone at the old end, it may be age; every command says so, and what decides it."""
    ids = say(world, 20)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[:2])
    done = alice.call("verify")
    assert done.code == 0
    assert "2 messages kept, though the server does not show them any more: they may" in done.out
    assert held(alice) == ids
    lines = alice.call("messages", "bob").out.splitlines()
    assert ["† bob: " in line for line in lines[:20]] == [True] * 2 + [False] * 18
    assert lines[20:] == ["† not on the server any more: expired there, or deleted"]
    marks = [each["unverified"] for each in alice.call("messages", "bob", "--json").lines]
    assert marks == [True] * 2 + [False] * 18
    settled = alice.call("verify", "--retention-days", "90")
    assert settled.out.startswith("1 conversation verified: 2 messages removed (")
    assert held(alice) == served(world) == ids[2:]
    assert "†" not in alice.call("messages", "bob", "--all").out


def test_a_page_without_marks_has_no_legend(serve: Serve, world: World) -> None:
    """Only where a mark is seen; with `--all` once, at the end."""
    ids = say(world, 20)
    alice = synced(serve, world)
    delete_elsewhere(world, ids[:2])
    assert alice.call("verify").code == 0
    assert "†" not in alice.call("messages", "bob", "--limit", "18").out
    assert alice.call("messages", "bob", "--limit", "19").out.count("†") == 1 + 1
    assert alice.call("messages", "bob", "--all").out.count("†") == 2 + 1
    assert "†" not in alice.call("messages", "bob", "--all", "--json").out


def expired(serve: Serve, world: World) -> Person:
    """Alice, whose service keeps messages for a week, nine days after bob's last."""
    world.switches = with_values(world.switches, {"retention_days": 7})
    say(world, 20, days=1)
    alice = synced(serve, world)
    world.advance(8 * DAY)
    return alice


def test_what_expired_stays_readable(serve: Serve, world: World) -> None:
    """Law 7: kept and marked, in the list of conversations and in `--json`, too."""
    alice = expired(serve, world)
    assert alice.call("verify", "--retention-days", "7").code == 0
    assert (len(held(alice)), served(world)) == (20, [])
    listed = alice.call("conversations", "--json").object
    assert listed["expired"] is True
    assert type(listed["verified_since"]) is int
    assert "  (expired) bob: m19" in alice.call("conversations").out


def test_what_expired_can_go_here_too(serve: Serve, world: World) -> None:
    """Law 7: with `--retention mirror` the copy shows what the server does."""
    alice = expired(serve, world)
    done = alice.call("verify", "--retention", "mirror", "--retention-days", "7")
    assert (done.code, held(alice)) == (0, [])
    assert "20 messages removed" in done.out
    listed = alice.call("conversations")
    assert (listed.out, "no conversation is left here: " in listed.err) == ("", True)


def test_a_mass_removal_is_held_back_until_somebody_agrees(serve: Serve, world: World) -> None:
    """Laws 5 and 10: every command says so with exit 1 and what to do; `--accept` removes."""
    alice, ids = emptied(serve, world)
    assert alice.call("sync").code == 0
    second = alice.run("sync")
    second.refused(1, "50 messages in 1 conv", "`syncengine verify --accept`")
    assert second.err.count("\n") == 2
    assert alice.call("sync", "--json").object["held_back"] == 50
    words = alice.run("status")
    assert words.code == 1
    assert "     held back  50 messages in 1 conversation, gone on the server;\n" in words.out
    assert "run `syncengine verify --accept` if that was on purpose\n" in words.out
    figures = alice.call("status", "--json")
    assert (figures.code, figures.object["held_back"]) == (1, 50)
    assert figures.object["held_back_conversations"] == 1
    assert held(alice) == ids
    agreed = alice.run("verify", "--accept", "--yes")
    assert (agreed.code, agreed.err) == (0, "")
    assert agreed.out.startswith("1 conversation verified: 50 messages removed (")
    assert held(alice) == served(world)
    assert alice.call("status").code == alice.call("sync").code == 0
    assert "held back" not in alice.call("status").out


def test_a_sync_that_only_holds_back_has_nothing_new(serve: Serve, world: World) -> None:
    """What waits for a person is not a failure to fetch."""
    alice, _ = emptied(serve, world)
    for _ in range(3):
        done = alice.call("sync")
    assert done.code == 1
    assert done.out.startswith("nothing new (")
    assert f"stored in {alice.db}" in done.out


def test_what_is_held_back_says_what_accepting_means(serve: Serve, world: World) -> None:
    """Law 10: the hint of `verify` says what goes, and what this copy may be."""
    alice, ids = emptied(serve, world)
    done = alice.run("verify")
    done.refused(1, "50 messages", "verify --accept` removes it here too, for good", "only one")
    assert done.out.startswith("1 conversation verified (")
    as_json = alice.call("verify", "--json")
    assert (as_json.code, as_json.object["held_back"]) == (1, 50)
    (problem,) = as_json.object["errors"]
    assert (problem["error"], sorted(problem)) == ("RemovalHeldBack", ["error", "hint", "message"])
    assert held(alice) == ids


def test_one_conversation_is_accepted_alone(serve: Serve, world: World) -> None:
    """What is held back elsewhere stays held back: exit 1."""
    world.add_user("carol")
    carols = say(world, 80, "carol")
    alice, ids = emptied(serve, world)
    delete_elsewhere(world, carols[10:60], "carol")
    assert alice.call("verify", "--json").object["held_back"] == 100
    done = alice.call("verify", "carol", "--accept", "--yes", "--json")
    assert (done.code, done.object["messages_removed"], done.object["held_back"]) == (1, 50, 50)
    assert held(alice, "carol") == served(world, "carol")
    assert held(alice) == ids


def test_it_asks_on_a_terminal(serve: Serve, world: World) -> None:
    """It says how much is held back and what that means, and waits; yes does it."""
    alice, ids = emptied(serve, world)
    assert alice.call("verify").code == 1
    with terminal(alice, "verify", "--accept") as person:
        person.wait_for("Remove? [y/N]: ")
        shown = person.shown.decode()
        assert "held back: 50 messages in 1 conversation\r\n" in shown
        assert "If the server has lost it, this copy is the only one." in shown
        assert held(alice) == ids
        person.type("y\n")
        done = person.finish()
    assert (done.code, "50 messages removed" in done.out) == (0, True)
    assert held(alice) == served(world)


def test_it_asks_also_where_nothing_is_held_back_yet(serve: Serve, world: World) -> None:
    """`--accept` lets go whatever is found: with one named, in this one only."""
    alice, ids = emptied(serve, world)
    with terminal(alice, "verify", "bob", "--accept") as person:
        person.wait_for("Remove? [y/N]: ")
        shown = person.shown.decode()
        assert "held back in all conversations: nothing, so far\r\n" in shown
        assert "Now chat bob is read again." in shown
        person.type("n\n")
        assert person.finish().code == 1
    assert held(alice) == ids


def untouched(world: World, person: Person, ids: list[str], done: Outcome) -> None:
    """Nothing was removed, and nothing went wrong badly."""
    assert "Traceback" not in done.out + done.err
    assert held(person) == ids
    assert len(served(world)) == 30


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_is_no(serve: Serve, world: World, answer: str) -> None:
    """Exit 1, and nothing happened; no is what an empty line means."""
    alice, ids = emptied(serve, world)
    with terminal(alice, "verify", "--accept") as person:
        person.wait_for("Remove? [y/N]: ")
        person.type(answer)
        done = person.finish()
    assert (done.code, "nothing was removed" in done.out) == (1, True)
    untouched(world, alice, ids, done)


def test_leaving_the_question(serve: Serve, world: World) -> None:
    """Ctrl-C: exit 130, no traceback, nothing happened."""
    alice, ids = emptied(serve, world)
    with terminal(alice, "verify", "--accept") as person:
        person.wait_for("Remove? [y/N]: ")
        person.interrupt()
        done = person.finish()
    assert done.code == 130
    untouched(world, alice, ids, done)


def test_nothing_is_accepted_unasked(serve: Serve, world: World) -> None:
    """With no terminal and no `--yes`: exit 2, before anything is read. A pipe is no answer."""
    alice, ids = emptied(serve, world)
    done = alice.run("verify", "--accept", stdin=None, input=b"y\n")
    done.refused(2, "nobody is there to be asked", "--yes")
    assert done.out == ""
    untouched(world, alice, ids, done)


def test_nothing_is_accepted_by_a_variable(serve: Serve, world: World) -> None:
    """Laws 5 and 10: only the command line agrees to a mass removal."""
    alice, ids = emptied(serve, world)
    forgotten = alice.but(SYNCENGINE_ACCEPT="1", SYNCENGINE_YES="1")
    done = forgotten.call("verify")
    done.refused(1, "50 messages")
    forgotten.call("verify", "--accept").refused(2, "--yes")
    untouched(world, alice, ids, done)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("--yes",), "--yes has no meaning without --accept\n"),
        (("--kind", "chat"), "--kind has no meaning without a conversation\n"),
        (("nobody",), "no conversation 'nobody' is held here\n"),
        (("bob", "--kind", "groupchat"), "no groupchat 'bob' is held here\n"),
        (("support",), "'support' is both a chat and a groupchat\n"),
    ],
)
def test_what_cannot_be_meant_is_refused(alice: Person, line: tuple[str, ...], words: str) -> None:
    """Bad input: exit 2 and a hint, before the server is asked; in JSON for programs."""
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1")
    away.call("verify", *line).refused(2, words)
    as_json = away.call("verify", *line, "--json")
    assert (as_json.code, as_json.out) == (2, "")
    assert set(as_json.problem) == {"error", "message", "hint"}


def test_a_kind_from_a_variable_is_for_named_conversations(alice: Person) -> None:
    """One that is set for listings does not forbid to verify everything; it chooses one."""
    chats = alice.but(SYNCENGINE_KIND="chat")
    assert chats.call("verify", "--json").object["conversations"] == 12
    assert chats.call("verify", "support").out.startswith("chat support is verified: ")


def test_before_the_first_sync(newcomer: Person) -> None:
    """There is nothing to verify: exit 2, what to do, and no file is made."""
    newcomer.call("verify").refused(2, "nothing is stored for alice yet", "syncengine sync")
    assert not newcomer.db.exists()


def test_an_account_without_conversations(serve: Serve, world: World) -> None:
    """Nothing was verified, and that is no error."""
    done = synced(serve, world).call("verify")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("nothing was verified (1 request, ")


def test_a_wrong_password_and_a_server_that_is_away(alice: Person) -> None:
    """Exit 4 and 3, as for a sync; nothing is removed."""
    wrong = alice.but(SYNCENGINE_PASSWORD="wrong").run("verify")
    wrong.refused(4, "password")
    assert wrong.out == "nothing was verified\n"
    away = alice.but(SYNCENGINE_SERVER="http://127.0.0.1:1").run("verify", "--attempts", "1")
    away.refused(3, "network")
    alice.but(SYNCENGINE_PASSWORD=None).call("verify").refused(2, "no password for alice")
    assert alice.call("status", "--json").object["messages"] == 1479


def test_a_conversation_that_fails_is_incomplete(serve: Serve, world: World) -> None:
    """Exit 1: it is named, the others are verified, and the count says so."""
    world.add_user("carol")
    say(world, 20)
    say(world, 20, "carol")
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    emulator.set_faults(Faults("html", probability=1.0, budget=1, routes=HISTORY))
    done = alice.call("verify", "--attempts", "1")
    assert done.code == 1
    assert done.out.startswith("1 conversation verified (")
    assert "\n1 conversation not read to the start: the errors below say why, or it " in done.out
    assert done.err.startswith("error in chat ")
    emulator.set_faults(Faults("html", probability=1.0, budget=1, routes=HISTORY))
    found = alice.call("verify", "--attempts", "1", "--json").object
    assert (found["conversations"], found["incomplete"], len(found["errors"])) == (1, 1, 1)


def test_young_messages_may_be_left_for_later(serve: Serve, world: World) -> None:
    """Law 2: replicas that do not agree yet prove nothing; it says so, and it is no error."""
    say(world, 60, days=0)
    alice = synced(serve, world)
    world.switches = with_values(world.switches, {"replicas": 3, "replica_lag_ms": 1_800_000})
    world.send("bob", "alice", Kind.CHAT, "neu")
    found = alice.call("verify", "bob", "--fetchers", "1")
    assert found.code == 0
    assert found.out.startswith("chat bob is not verified: 1 new message (2 ")
    assert "not read to the start: messages under an hour old, which replicas may" in found.out
    assert "error" not in found.out + found.err


def test_a_progress_bar_on_a_terminal(serve: Serve, world: World) -> None:
    """It shows how many conversations were read again, never too wide, and is gone at the end."""
    ids = say(world, 200)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    delete_elsewhere(world, ids[50:60])
    emulator.set_faults(Faults("latency", latency_ms=(60, 60)))
    with terminal(alice, "verify", "--page-size", "10") as display:
        display.wait_for("0/1 conversations read again")
        display.wait_for("1/1 conversations read again, now second looks")
        done = display.finish()
    assert done.code == 0
    shown, _, rest = done.out.partition("1 conversation verified: 10 messages removed")
    assert rest
    assert "verifying" in shown
    assert Screen(80).write(shown).widest <= 80 - 4
    assert Screen(80).write(shown).lines == []


@pytest.mark.parametrize("line", [("verify",), ("verify", "--json")])
def test_no_progress_bar_for_programs(alice: Person, line: tuple[str, ...]) -> None:
    """In a pipe there is none; with `--json` neither, not even on a terminal."""
    done = alice.but(FORCE_COLOR="1", TTY_COMPATIBLE="1").run(*line)
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert "verifying" not in done.out
    with terminal(alice, "verify", "--json") as display:
        shown = display.finish()
    assert shown.object["conversations"] == 12
    assert "\x1b" not in shown.out


def test_an_interrupted_verification(serve: Serve, world: World) -> None:
    """Ctrl-C: exit 130 with what is kept, no traceback; the copy is whole."""
    ids = say(world, 500)
    emulator = Emulator(world)
    alice = synced(serve, emulator)
    emulator.counters.reset()
    emulator.set_faults(Faults("latency", latency_ms=(50, 50)))
    with alice.start("verify", "--page-size", "10") as process:
        until_served(emulator, 3, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.strip().startswith("error: interrupted\nhint: What was found so far is kept;")
    emulator.set_faults(Faults())
    assert held(alice) == ids


def test_a_file_that_cannot_be_written(alice: Person) -> None:
    """One from a newer version: exit 5, as it was."""
    with opened(alice.db) as database:
        database.execute("PRAGMA user_version = 99")
    before = alice.db.read_bytes()
    alice.call("verify").refused(5, "version 99")
    assert alice.db.read_bytes() == before
