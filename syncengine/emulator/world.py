"""The server's state and all that can happen to it. No HTTP, no waiting."""

import random
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from attrs import frozen

from syncengine.emulator.content import Body, Ext, as_body
from syncengine.emulator.lists import Entry, Lists
from syncengine.emulator.message import Address, Edit, Message, Timeline
from syncengine.emulator.paging import Answer, Query, View, read_page
from syncengine.emulator.people import People
from syncengine.emulator.switches import Switches
from syncengine.models import ConversationKey, Kind

Clock = Callable[[], int]
FIRST_ID = 1_300_000_000_000_000_000
MARKS = 20


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@frozen
class Listed:
    """A conversation as its list shows it."""

    entry: Entry
    last: Message | None
    """None: empty, since all its messages expired."""


class Generator(Protocol):
    """Conversations that are made when somebody first looks at them."""

    def timeline(self, address: Address) -> Timeline | None:
        """All messages of a conversation; None when it is not one of these."""
        ...

    def last(self, address: Address) -> Message | None:
        """Its newest message, without making the others."""
        ...

    def locate(self, message_id: int) -> Address | None:
        """The conversation of a message."""
        ...


class World(People):
    """Users, groups, messages and lists of one app on one server.

    `clock` returns milliseconds; `advance` moves this world's time on top of it. The same
    seed, clock and calls make the same world, to the byte.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        clock: Clock = wall_clock,
        switches: Switches | None = None,
        app_key: str = "org#app",
        first_id: int = FIRST_ID,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.app_key = app_key
        self.switches = switches or Switches()
        self.lists = Lists()
        self.generator: Generator | None = None
        self._clock = clock
        self._offset = 0
        self._random = random.Random(seed)  # noqa: S311 # repeatable on purpose
        self._last_id = first_id
        self._timelines: dict[Address, Timeline] = {}
        self._addresses: dict[int, Address] = {}

    # Time

    def now(self) -> int:
        """The server's clock, ms."""
        return self._clock() + self._offset

    def advance(self, ms: int) -> None:
        """Move the server's clock, forward or (as real ones do) back."""
        self._offset += ms

    # Messages

    def send(
        self,
        sender: str,
        to: str,
        kind: Kind | str = Kind.CHAT,
        content: str | Body = "",
        *,
        ext: Ext | None = None,
        at: int | None = None,
        message_id: int | None = None,
        by_server: bool = False,
    ) -> str:
        """A message arrives; returns its id.

        `at` is the time that it carries, ms: now, unless a wrong clock is wanted; it goes
        to the end of the conversation either way. `by_server`: sent by the server-side
        API, which does not touch the lists unless that is switched on.
        """
        message = self._message(sender, to, kind, content, ext, at, message_id, by_server)
        address = Address.of(sender, to, message.kind)
        self._open(address).append(message)
        self._arrived(address, message)
        return str(message.message_id)

    def import_message(
        self,
        sender: str,
        to: str,
        kind: Kind | str = Kind.CHAT,
        content: str | Body = "",
        *,
        at: int,
        ext: Ext | None = None,
        message_id: int | None = None,
    ) -> str:
        """A message is put into the past: its place is where its time belongs (*not observed*).

        Its id is as new as its arrival, and it does not touch the lists unless that is
        switched on, as all that comes by the server-side API.
        """
        message = self._message(sender, to, kind, content, ext, at, message_id, by_server=True)
        address = Address.of(sender, to, message.kind)
        self._open(address).insert(message)
        self._arrived(address, message)
        return str(message.message_id)

    def add_row(self, sender: str, to: str, kind: Kind | str, raw: bytes) -> str:
        """Put a row into history that is no message, or no protobuf at all."""
        message_id = self.send(sender, to, kind, by_server=True)
        message = self.message(message_id)
        message.raw, message.in_list = raw, False
        return message_id

    def recall(self, message_id: str | int) -> None:
        """Withdraw a message for everyone."""
        message = self.message(message_id)
        message.recalled_at = self.now()
        self._refresh(self._address(message_id))

    def edit(
        self,
        message_id: str | int,
        content: str | Body,
        *,
        operator: str | None = None,
        ext: Ext | None = None,
    ) -> None:
        """Give a message new content; history serves it edited from now on."""
        message = self.message(message_id)
        count = message.edit.count + 1 if message.edit else 1
        message.edit = Edit(count, operator or message.sender, self.now())
        message.body, message.encoded = as_body(content), None
        if ext is not None:
            message.ext = ext

    def message(self, message_id: str | int) -> Message:
        """The message with this id, also when it is gone; KeyError when it never was."""
        timeline = self._open(self._address(message_id))
        message = timeline.find(int(message_id))
        if message is None:
            raise KeyError(f"no message {message_id}")
        return message

    # What one user deletes

    def delete_messages(
        self, user: str, conversation_id: str, message_ids: Iterable[str], kind: Kind | str
    ) -> None:
        """Delete messages for one user; ids that are unknown or gone are no error."""
        address = Address.of(user, conversation_id, Kind(kind))
        timeline = self._open(address)
        for each in message_ids:
            message = timeline.find(int(each)) if each.isdecimal() else None
            if message is not None:
                message.deleted_for.setdefault(user, self.now())
        self._refresh(address)

    def delete_before(
        self, user: str, conversation_id: str, timestamp: int, kind: Kind | str
    ) -> None:
        """Delete, for one user, what exists now and carries that time (ms) or an earlier one.

        What is imported there later is seen (*not observed*).
        """
        address = Address.of(user, conversation_id, Kind(kind))
        self._delete(user, address, before=timestamp)
        self._refresh(address)

    def delete_all(self, user: str) -> None:
        """Delete all of one user's history, and so the whole list."""
        addresses = [a for a in self._timelines if user in self.participants(a)]
        listed = [entry.key for entry in self.lists.most_recent_first(user, cap=0)]
        addresses += [Address.of(user, key.conversation_id, key.kind) for key in listed]
        for address in dict.fromkeys(addresses):
            self._delete(user, address)
        for key in listed:
            self.lists.drop(user, key)

    def delete_conversation(
        self, user: str, conversation_id: str, kind: Kind | str, *, delete_messages: bool
    ) -> None:
        """Take a conversation from the list, with or without its messages."""
        address = Address.of(user, conversation_id, Kind(kind))
        everyone = self.switches.conversation_deletion == "everyone"
        for each in self.participants(address) if everyone else (user,):
            if delete_messages:
                self._delete(each, address)
            self.lists.drop(each, self.key(each, address))

    # The list

    def pin(self, user: str, conversation_id: str, kind: Kind | str) -> int | None:
        """Pin a conversation; returns when, ms; None when the list does not hold it."""
        entry = self._entry(user, conversation_id, kind)
        if entry is None:
            return None
        entry.pinned_at = self.now()
        return entry.pinned_at

    def unpin(self, user: str, conversation_id: str, kind: Kind | str) -> None:
        """Unpin a conversation; no error when it was not pinned."""
        if entry := self._entry(user, conversation_id, kind):
            entry.pinned_at = None

    def mark(self, user: str, conversation_id: str, kind: Kind | str, mark: int) -> bool:
        """Give a conversation mark 0 to 19; False when the list does not hold it."""
        entry = self._entry(user, conversation_id, kind)
        if entry is not None:
            entry.marks.add(mark)
        return entry is not None

    def unmark(self, user: str, conversation_id: str, kind: Kind | str, mark: int) -> bool:
        """Take a mark away; False when the list does not hold the conversation."""
        entry = self._entry(user, conversation_id, kind)
        if entry is not None:
            entry.marks.discard(mark)
        return entry is not None

    def read(self, user: str, conversation_id: str, kind: Kind | str = Kind.CHAT) -> None:
        """The user has read the conversation: nothing is unread."""
        if entry := self._entry(user, conversation_id, kind):
            entry.unread = 0

    def conversations(self, user: str, *, include_empty: bool = False) -> list[Listed]:
        """A user's list, most recently active first."""
        entries = self.lists.most_recent_first(user, cap=self.switches.list_cap)
        listed = [Listed(entry, self._last(user, entry.key)) for entry in entries]
        return [each for each in listed if include_empty or each.last is not None]

    # History

    def page(
        self, user: str, conversation_id: str, kind: Kind | str, query: Query, *, lag_ms: int = 0
    ) -> Answer:
        """One page of history, through a replica that is so far behind."""
        address = Address.of(user, conversation_id, Kind(kind))
        timeline = self._existing(address)
        if timeline is None:
            return Answer()
        return read_page(timeline, View(user, self.now(), self.switches, lag_ms), query)

    def history(
        self, user: str, conversation_id: str, kind: Kind | str = Kind.CHAT
    ) -> list[Message]:
        """All that a user sees of a conversation, oldest first: what a perfect client holds."""
        timeline = self._existing(Address.of(user, conversation_id, Kind(kind)))
        if timeline is None:
            return []
        view = View(user, self.now(), self.switches)
        return list(view.newest_first(timeline))[::-1]

    def skip_ids(self, last_id: int) -> None:
        """Ids up to this one are taken by generated messages."""
        self._last_id = max(self._last_id, last_id)

    def key(self, user: str, address: Address) -> ConversationKey:
        """The conversation as one of its users names it."""
        if address.kind is not Kind.CHAT:
            return ConversationKey(address.first, address.kind)
        peer = address.second if user == address.first else address.first
        return ConversationKey(peer, address.kind)

    def untouched(self, address: Address) -> bool:
        """Whether a generated conversation is still as it was made."""
        return address not in self._timelines

    # Inside

    def _message(
        self,
        sender: str,
        to: str,
        kind: Kind | str,
        content: str | Body,
        ext: Ext | None,
        at: int | None,
        message_id: int | None,
        by_server: bool,
    ) -> Message:
        now = self.now()
        return Message(
            message_id=self._new_id() if message_id is None else message_id,
            sender=sender,
            to=to,
            kind=Kind(kind),
            timestamp=now if at is None else at,
            arrived_at=now,
            body=as_body(content),
            ext=ext or {},
            in_list=not by_server or self.switches.server_messages_in_list,
        )

    def _new_id(self) -> int:
        self._last_id += self._random.randrange(1, 1 << 20)
        return self._last_id

    def _arrived(self, address: Address, message: Message) -> None:
        self._addresses[message.message_id] = address
        if not message.in_list:
            return
        for user in self.participants(address):
            unread = user != message.sender
            self.lists.touch(user, self.key(user, address), message.timestamp, unread=unread)
            self.lists.push_out(user, cap=self.switches.list_cap)

    def _open(self, address: Address) -> Timeline:
        timeline = self._existing(address)
        if timeline is None:
            timeline = self._timelines[address] = Timeline()
        return timeline

    def _existing(self, address: Address) -> Timeline | None:
        timeline = self._timelines.get(address)
        if timeline is None and self.generator is not None:
            timeline = self.generator.timeline(address)
            if timeline is not None:
                self._timelines[address] = timeline
        return timeline

    def _address(self, message_id: str | int) -> Address:
        address = self._addresses.get(int(message_id))
        if address is None and self.generator is not None:
            address = self.generator.locate(int(message_id))
        if address is None:
            raise KeyError(f"no message {message_id}")
        return address

    def _entry(self, user: str, conversation_id: str, kind: Kind | str) -> Entry | None:
        return self.lists.get(user, ConversationKey(conversation_id, Kind(kind)))

    def _last(self, user: str, key: ConversationKey) -> Message | None:
        """The newest message that counts for the list and that the user still sees."""
        address = Address.of(user, key.conversation_id, key.kind)
        view = View(user, self.now(), self.switches)
        if self.generator is not None and self.untouched(address):
            last = self.generator.last(address)
            return last if last is None or view.sees(last) else None
        timeline = self._existing(address) or Timeline()
        return next((m for m in view.newest_first(timeline) if m.in_list), None)

    def _delete(self, user: str, address: Address, *, before: int | None = None) -> None:
        now = self.now()
        for message in self._open(address).messages:
            if before is None or message.timestamp <= before:
                message.deleted_for.setdefault(user, now)

    def _refresh(self, address: Address) -> None:
        """After messages went: the list follows the last that is left, or forgets it all.

        Documented for deletions; that a recall of the last message does the same was *not
        observed*.
        """
        for user in self.participants(address):
            key = self.key(user, address)
            entry = self.lists.get(user, key)
            if entry is None:
                continue
            last = self._last(user, key)
            if last is None:
                self.lists.drop(user, key)
            else:
                entry.active_at = last.timestamp
