"""What was asked and served, so that tests and benchmarks can tell what a client cost."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from syncengine.models import ConversationKey


@define
class RowCount:
    """Rows of one conversation, for one user."""

    rows: int = 0
    """Served, repetitions included."""
    repeated: int = 0
    """Of them, those that had been served before."""
    seen: set[int] = field(factory=set, repr=False)
    """Ids served so far."""
    places: bytearray | None = field(default=None, repr=False)
    """A generated conversation's: 1 at the place of each row served. Far smaller than ids."""

    def add_ids(self, ids: Iterable[int]) -> None:
        """These rows were served."""
        for each in ids:
            self.rows += 1
            self.repeated += each in self.seen
            self.seen.add(each)

    def add_range(self, low: int, high: int, size: int) -> None:
        """The rows from one place up to another were served, of so many."""
        if self.places is None:
            self.places = bytearray(size)
        self.rows += high - low
        self.repeated += self.places.count(1, low, high)
        self.places[low:high] = b"\x01" * (high - low)

    def to_ids(self, ids: Iterable[int]) -> None:
        """The conversation changed: go on by ids. `ids` are those of its places."""
        places, self.places = self.places, None
        if places is not None:
            self.seen.update(each for each, served in zip(ids, places, strict=False) if served)


class Counters:
    """Requests by route, faults by name, pages and rows."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again from nothing."""
        self.requests: Counter[str] = Counter()
        """Route → requests, faulty ones included."""
        self.faults: Counter[str] = Counter()
        """Fault → how often it was played."""
        self.pages = 0
        """Pages of history served."""
        self.conversations: dict[tuple[str, ConversationKey], RowCount] = {}

    @property
    def total(self) -> int:
        """All requests, the control endpoint's left out."""
        return self.requests.total()

    @property
    def rows(self) -> int:
        """Rows of history served."""
        return sum(each.rows for each in self.conversations.values())

    @property
    def rows_twice(self) -> int:
        """Rows that had been served before."""
        return sum(each.repeated for each in self.conversations.values())

    def of(self, user: str, key: ConversationKey) -> RowCount:
        """The rows of one conversation."""
        found = self.conversations.get((user, key))
        if found is None:
            found = self.conversations[user, key] = RowCount()
        return found

    def as_mapping(self) -> dict[str, Any]:
        """All numbers, as JSON shows them."""
        by_user: dict[str, dict[str, dict[str, int]]] = {}
        for (user, key), count in self.conversations.items():
            shown = {"rows": count.rows, "repeated": count.repeated}
            by_user.setdefault(user, {})[str(key)] = shown
        return {
            "requests": dict(self.requests),
            "total": self.total,
            "faults": dict(self.faults),
            "pages": self.pages,
            "rows": self.rows,
            "rows_twice": self.rows_twice,
            "conversations": by_user,
        }
