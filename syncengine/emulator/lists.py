"""Every user's conversation list: what the server keeps of each conversation besides history."""

from attrs import define, field

from syncengine.models import ConversationKey


@define
class Entry:
    """One conversation in one user's list."""

    key: ConversationKey
    created_at: int
    active_at: int
    """The time of its last message, ms: what the list is sorted by."""
    turn: int
    """Breaks ties of `active_at`: counts messages in the order of their arrival."""
    unread: int = 0
    pinned_at: int | None = None
    """ms; None when it is not pinned."""
    marks: set[int] = field(factory=set)

    @property
    def rank(self) -> tuple[int, int]:
        """Larger is more recently active."""
        return self.active_at, self.turn


class Lists:
    """The lists of all users."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[ConversationKey, Entry]] = {}
        self._turn = 0

    def touch(self, user: str, key: ConversationKey, at: int, *, unread: bool) -> Entry:
        """A message arrived: the conversation appears, or moves up."""
        self._turn += 1
        entries = self._entries.setdefault(user, {})
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = Entry(key, created_at=at, active_at=at, turn=self._turn)
        entry.active_at, entry.turn = at, self._turn
        entry.unread += unread
        return entry

    def get(self, user: str, key: ConversationKey) -> Entry | None:
        """The entry, or None when the list does not hold it."""
        return self._entries.get(user, {}).get(key)

    def drop(self, user: str, key: ConversationKey) -> None:
        """Take the conversation from the list; no error when it is not there."""
        self._entries.get(user, {}).pop(key, None)

    def most_recent_first(self, user: str, *, cap: int) -> list[Entry]:
        """The list, after pushing out what is over the cap."""
        self.push_out(user, cap=cap)
        return sorted(self._entries.get(user, {}).values(), key=lambda e: e.rank, reverse=True)

    def push_out(self, user: str, *, cap: int) -> None:
        """Forget the least active conversations over the cap; pinned ones stay (*not observed*)."""
        entries = self._entries.get(user, {})
        surplus = len(entries) - cap
        if not cap or surplus <= 0:
            return
        loose = [entry for entry in entries.values() if entry.pinned_at is None]
        for entry in sorted(loose, key=lambda e: e.rank)[:surplus]:
            del entries[entry.key]
