"""A file whose first part is lost, and with it the names of all conversations: messages tell
whose they are."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest

from syncengine import Kind, Recovery, check, recover
from syncengine.remote.formats import conversations_of
from tests.harness import USER, Side, numbered
from tests.store.damaging import assert_claims_nothing_more, overwrite, roots, zeros

FIRST = range(2, 17)
"""Pages: all roots of a new file's tables, and the first rows."""
NAMES = ("conversation", "sqlite_autoindex_conversation_1")
CHATS = ("bob", "卡罗尔", "داود")


async def filled(side: Side, chats: Iterable[str] = CHATS, *, group: bool = True) -> Side:
    """Chats in which both write, and a group."""
    for peer in chats:
        side.send(*(f"m{n} 🙂 {'天气' * 40}" for n in range(300)), peer=peer)
        side.world.send(USER, peer, Kind.CHAT, "and me")
    if group:
        side.world.add_group("team", [USER, "bob"])
        side.world.send("bob", "team", Kind.GROUPCHAT, "all together")
    await side.sync()
    return side


def raw_bytes(side: Side) -> list[bytes]:
    """Of all that is held."""
    with closing(sqlite3.connect(side.path)) as database:
        found = database.execute("SELECT raw FROM message ORDER BY conversation, position")
        return [raw for (raw,) in found]


def later(side: Side) -> Recovery:
    side.time.seconds += 3600
    return recover(side.path, now=side.time.now)


async def assert_saved(side: Side, found: Recovery, messages: int) -> None:
    """Laws 2 and 10: all that is left is shown under its name, nothing more is claimed, and a
    sync ends with the server's view."""
    assert not found.nothing_read
    assert found.messages == messages
    assert check(side.path) == ()
    assert_claims_nothing_more(side, side.path)
    report = await side.sync()
    assert (report.errors, report.gaps_open) == ((), 0)
    side.assert_same()


@pytest.mark.parametrize("wipe", [zeros, overwrite])
async def test_only_the_names_are_lost(side: Side, wipe: Any) -> None:
    """Law 10: the account is known, so messages of one chat are enough; of a group, too."""
    await filled(side)
    wipe(side.path, roots(side.path, *NAMES))
    found = later(side)
    assert found.conversations == 4
    await assert_saved(side, found, 301 * 3 + 1)


@pytest.mark.parametrize("wipe", [zeros, overwrite])
async def test_the_first_part_of_the_file_is_lost(side: Side, wipe: Any) -> None:
    """Law 10: the account is lost, too: it is who takes part in all chats. What is on sound
    pages is saved, and shown before anything is fetched, as it may be nowhere else."""
    await filled(side)
    wipe(side.path, FIRST)
    found = later(side)
    assert found.messages > 500
    assert sum(len(side.held(peer)) for peer in CHATS) >= found.messages - 1
    await assert_saved(side, found, found.messages)


async def test_a_single_chat_does_not_tell_who_is_who(side: Side) -> None:
    """Law 10: with the account lost, both could be the user: nothing is guessed."""
    await filled(side, CHATS[:1], group=False)
    zeros(side.path, FIRST)
    found = later(side)
    assert found.nothing_read
    await side.sync()
    side.assert_same()


async def test_a_row_that_cannot_be_read_names_nothing(side: Side) -> None:
    """Law 10: neither does one that contradicts the others of its conversation."""
    account = "easemob:org#app:alice"
    side.send(*numbered(1, 3))
    await side.sync()
    raws = raw_bytes(side)
    assert conversations_of(account, {7: raws})[7].conversation_id == "bob"
    assert conversations_of(account, {7: [b"\xff", *raws]})[7].conversation_id == "bob"
    assert conversations_of(account, {7: [b"\xff"], 8: []}) == {}
    assert conversations_of("easemob:org#app:nobody", {7: raws}) == {}
    assert conversations_of("other:alice", {7: raws}) == {}
    side.send("m4", peer="carol")
    await side.sync()
    both = raw_bytes(side)
    assert conversations_of(account, {7: both}) == {}
    assert conversations_of(None, {7: both[:3], 8: both[3:]})[8].conversation_id == "carol"
