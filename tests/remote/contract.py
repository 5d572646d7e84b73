"""What every adapter must do: `syncengine/remote/port.py` in code.

An adapter's test module subclasses `RemoteContract` and gives it a `harness`: a way to
fill a server as somebody else would, and remotes that speak to it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import pytest

from syncengine.errors import EngineClosed, SyncEngineError
from syncengine.models import ConversationKey, Kind, MessageRow, Page, Summary
from syncengine.remote.port import Remote

BOB = ConversationKey("bob", Kind.CHAT)
TEAM = ConversationKey("team", Kind.GROUPCHAT)
NOBODY = ConversationKey("nobody", Kind.CHAT)


class Harness(Protocol):
    """A server with a user of ours, who has a friend ``bob`` and a group ``team``."""

    def remote(self) -> Remote:
        """An adapter for our user; it is closed after the test."""
        ...

    def say(self, key: ConversationKey, text: str) -> str:
        """Somebody writes to the conversation; returns the message's id."""
        ...

    def say_garbage(self, key: ConversationKey) -> None:
        """A message arrives that nobody can decode."""
        ...

    def expire_tokens(self) -> None:
        """Every token given so far is refused from now on."""
        ...


async def all_pages(
    remote: Remote, key: ConversationKey, start: str = "", *, limit: int = 3, newer: bool = False
) -> list[Page]:
    """Pages until the server claims the end."""
    pages = [await remote.fetch_page(key, start, limit=limit, newer=newer)]
    while (cursor := pages[-1].cursor) is not None:
        assert len(pages) < 100
        pages.append(await remote.fetch_page(key, cursor, limit=limit, newer=newer))
    return pages


def rows(pages: Sequence[Page]) -> list[MessageRow]:
    """The messages of pages, in order."""
    return [row for page in pages for row in page.messages]


def ids(pages: Sequence[Page]) -> list[str]:
    """Their ids."""
    return [row.message_id for row in rows(pages)]


async def all_summaries(remote: Remote, limit: int = 50) -> list[Summary]:
    """The whole list."""
    page = await remote.fetch_summaries(limit=limit)
    found = list(page.summaries)
    while page.cursor is not None:
        assert len(found) < 1000
        page = await remote.fetch_summaries(page.cursor, limit=limit)
        found += page.summaries
    return found


class RemoteContract:
    """Inherit this and give a fixture `harness`."""

    @pytest.fixture
    async def remote(self, harness: Harness) -> AsyncIterator[Remote]:
        """A remote that is closed at the end."""
        remote = harness.remote()
        yield remote
        await remote.close()

    async def test_older_pages_are_newest_first(self, harness: Harness, remote: Remote) -> None:
        """Law 3: a page shows neighbours, newest first, and pages continue each other."""
        said = [harness.say(BOB, f"m{n}") for n in range(8)]
        assert ids(await all_pages(remote, BOB)) == said[::-1]

    async def test_newer_pages_are_oldest_first(self, harness: Harness, remote: Remote) -> None:
        """Law 3: in the other direction the order is the other one."""
        said = [harness.say(BOB, f"m{n}") for n in range(8)]
        assert ids(await all_pages(remote, BOB, newer=True)) == said

    async def test_any_message_can_start_a_page(self, harness: Harness, remote: Remote) -> None:
        """Where the capability says so, a page starts beside any message, without it."""
        said = [harness.say(BOB, f"m{n}") for n in range(5)]
        if not remote.capabilities.starts_at_messages:
            pytest.skip("this server starts pages at its own cursors only")
        older = await remote.fetch_page(BOB, said[2], limit=2)
        newer = await remote.fetch_page(BOB, said[2], limit=2, newer=True)
        assert [row.message_id for row in older.messages] == [said[1], said[0]]
        assert [row.message_id for row in newer.messages] == [said[3], said[4]]

    async def test_the_end_is_claimed(self, harness: Harness, remote: Remote) -> None:
        """Law 2: the last page says that it is; pages before it do not."""
        for n in range(7):
            harness.say(BOB, f"m{n}")
        pages = await all_pages(remote, BOB)
        assert [page.end for page in pages] == [False] * (len(pages) - 1) + [True]
        assert all((page.cursor is None) == page.end for page in pages)

    async def test_a_conversation_without_messages(self, harness: Harness, remote: Remote) -> None:
        """Nothing is an end, not an error."""
        page = await remote.fetch_page(NOBODY)
        assert (list(page.messages), page.cursor, page.end) == ([], None, True)

    async def test_a_page_has_at_most_what_was_asked(
        self, harness: Harness, remote: Remote
    ) -> None:
        """The limit is kept, up to the largest that the capabilities name."""
        for n in range(60):
            harness.say(BOB, f"m{n}")
        most = remote.capabilities.page_limit
        assert len((await remote.fetch_page(BOB, limit=1)).messages) == 1
        assert len((await remote.fetch_page(BOB, limit=most)).messages) <= most

    async def test_a_message_row(self, harness: Harness, remote: Remote) -> None:
        """A row tells id, sender, time, type and text, and keeps the server's bytes."""
        said = harness.say(BOB, "你好, hello 👋")
        (row,) = (await remote.fetch_page(BOB)).messages
        assert (row.message_id, row.sender, row.type, row.text) == (
            said,
            "bob",
            "text",
            "你好, hello 👋",
        )
        assert row.timestamp > 0
        assert row.edited_at is None
        assert row.raw

    async def test_repetition_changes_nothing(self, harness: Harness, remote: Remote) -> None:
        """The same fetch gives the same answer, to the byte of each message."""
        for n in range(3):
            harness.say(BOB, f"m{n}")
        first, second = await remote.fetch_page(BOB), await remote.fetch_page(BOB)
        assert first.messages == second.messages

    async def test_many_fetches_at_once(self, harness: Harness, remote: Remote) -> None:
        """Requests run side by side and do not mix up their answers."""
        harness.say(BOB, "from bob")
        harness.say(TEAM, "from the team")
        keys = [BOB, TEAM] * 10
        pages = await asyncio.gather(*[remote.fetch_page(key) for key in keys])
        assert [p.messages[0].text for p in pages] == ["from bob", "from the team"] * 10

    async def test_an_unreadable_message_is_kept(self, harness: Harness, remote: Remote) -> None:
        """One bad message never fails its page; it is named by its bytes, always alike."""
        harness.say(BOB, "before")
        harness.say_garbage(BOB)
        harness.say(BOB, "after")
        page, again = await remote.fetch_page(BOB), await remote.fetch_page(BOB)
        assert [row.text for row in page.messages] == ["after", "", "before"]
        assert page.messages[1].type == "unknown"
        assert page.messages[1].message_id.startswith("raw:")
        assert page.messages == again.messages

    async def test_the_list(self, harness: Harness, remote: Remote) -> None:
        """Law 6: the list shows conversations, most recent first, with a preview."""
        harness.say(BOB, "older")
        said = harness.say(TEAM, "newer")
        team, bob = await all_summaries(remote)
        assert (team.key, bob.key) == (TEAM, BOB)
        assert team.newest is not None
        assert (team.newest.message_id, team.newest.text) == (said, "newer")

    async def test_the_list_page_by_page(self, harness: Harness, remote: Remote) -> None:
        """Pages of the list continue each other."""
        harness.say(BOB, "one")
        harness.say(TEAM, "two")
        assert [s.key for s in await all_summaries(remote, limit=1)] == [TEAM, BOB]

    async def test_the_list_of_nobody(self, harness: Harness, remote: Remote) -> None:
        """An empty list is an answer."""
        assert await all_summaries(remote) == []

    async def test_the_list_and_history_agree(self, harness: Harness, remote: Remote) -> None:
        """The preview has the id, sender, time, type and text that history gives."""
        harness.say(BOB, "agreed")
        (summary,) = await all_summaries(remote)
        (row,) = (await remote.fetch_page(BOB)).messages
        assert summary.newest is not None
        assert summary.newest[:6] == row[:6]

    async def test_deletion_by_ids(self, harness: Harness, remote: Remote) -> None:
        """Law 8: what the server accepted is gone; sending it again is a success."""
        said = [harness.say(BOB, f"m{n}") for n in range(4)]
        for _ in range(2):
            await remote.send_delete_messages(BOB, said[1:3])
        assert ids(await all_pages(remote, BOB)) == [said[3], said[0]]

    async def test_deletion_by_ids_in_a_group(self, harness: Harness, remote: Remote) -> None:
        """The same for a group, up to the largest batch."""
        said = [harness.say(TEAM, f"m{n}") for n in range(remote.capabilities.delete_batch + 1)]
        await remote.send_delete_messages(TEAM, said[:-1])
        assert ids(await all_pages(remote, TEAM)) == said[-1:]

    async def test_deletion_of_no_ids(self, harness: Harness, remote: Remote) -> None:
        """Nothing to delete is nothing to send."""
        before = remote.requests
        await remote.send_delete_messages(BOB, [])
        assert remote.requests == before

    async def test_deletion_up_to_a_time(self, harness: Harness, remote: Remote) -> None:
        """Law 4: everything up to that moment, and the message of that moment too."""
        for n in range(3):
            harness.say(BOB, f"m{n}")
        newest = (await remote.fetch_page(BOB, limit=1)).messages[0]
        for _ in range(2):
            await remote.send_delete_before(BOB, newest.timestamp)
        assert ids(await all_pages(remote, BOB)) == []

    async def test_deletion_of_a_conversation(self, harness: Harness, remote: Remote) -> None:
        """Law 8: list entry and messages go, and going twice is a success."""
        harness.say(BOB, "gone soon")
        for _ in range(2):
            await remote.send_delete_conversation(BOB, delete_messages=True)
        assert await all_summaries(remote) == []
        assert ids(await all_pages(remote, BOB)) == []

    async def test_deletion_of_a_list_entry_alone(self, harness: Harness, remote: Remote) -> None:
        """Law 8: without its messages, a conversation leaves the list and can be read."""
        said = harness.say(BOB, "stays")
        await remote.send_delete_conversation(BOB, delete_messages=False)
        assert await all_summaries(remote) == []
        assert ids(await all_pages(remote, BOB)) == [said]

    async def test_deletion_of_what_never_was(self, harness: Harness, remote: Remote) -> None:
        """Law 8: already gone is acceptance."""
        await remote.send_delete_messages(NOBODY, ["12345"])
        await remote.send_delete_before(NOBODY, 1)
        await remote.send_delete_conversation(NOBODY, delete_messages=True)

    async def test_expired_tokens_are_renewed(self, harness: Harness, remote: Remote) -> None:
        """Law 12: an expired token is renewed inside the adapter; nobody sees an error."""
        harness.say(BOB, "hello")
        await remote.fetch_page(BOB)
        harness.expire_tokens()
        pages = await asyncio.gather(*[remote.fetch_page(BOB) for _ in range(8)])
        assert all(len(page.messages) == 1 for page in pages)

    async def test_requests_are_counted(self, harness: Harness, remote: Remote) -> None:
        """Law 11 is checked with this counter: it starts at 0 and counts each request."""
        assert remote.requests == 0
        await remote.fetch_summaries()
        first = remote.requests
        await remote.fetch_summaries()
        assert remote.requests == first + 1

    async def test_the_account_is_named(self, harness: Harness, remote: Remote) -> None:
        """A file belongs to one account: two remotes of it have one name."""
        assert remote.account
        other = harness.remote()
        assert other.account == remote.account
        await other.close()

    async def test_a_cancelled_fetch_leaves_nothing(self, harness: Harness, remote: Remote) -> None:
        """A request can be cancelled at any time; the next one works."""
        harness.say(BOB, "hello")
        fetch = asyncio.ensure_future(remote.fetch_page(BOB))
        await asyncio.sleep(0)
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        assert len((await remote.fetch_page(BOB)).messages) == 1

    async def test_closing_twice(self, harness: Harness, remote: Remote) -> None:
        """Closing may be repeated, and afterwards nothing can be asked."""
        await remote.close()
        await remote.close()
        with pytest.raises(EngineClosed):
            await remote.fetch_summaries()

    @pytest.mark.parametrize("limit", [0, -1, 1000])
    async def test_limits_out_of_range(self, harness: Harness, remote: Remote, limit: int) -> None:
        """A limit that the server does not take is refused here, with a hint."""
        for fetch in (remote.fetch_summaries(limit=limit), remote.fetch_page(BOB, limit=limit)):
            with pytest.raises(SyncEngineError) as refused:
                await fetch
            assert refused.value.hint
        assert remote.requests == 0
