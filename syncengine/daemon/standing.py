"""How the accounts of a daemon stand, as plain values: for its state file, its metrics, and
whoever asks for `syncengine status`. No secrets, no text of messages."""

from collections.abc import Mapping, Sequence

from attrs import define, evolve, field, frozen

from syncengine.daemon.states import AccountStatus


@frozen(kw_only=True)
class Standing:
    """One account. What is None is not known, or not yet. Times are ms, local clock."""

    name: str
    path: str
    """Of its file."""
    server: str = ""
    state: str = "waiting"
    """A word of `AccountState`."""
    last_sync: int | None = None
    """When the last cycle ended well."""
    next_sync: int | None = None
    """When the next begins; None: not by itself, or one is under way."""
    error: str | None = None
    """The name of the class of what ended the last cycle; None: it went well."""
    message: str = ""
    hint: str = ""
    error_since: int | None = None
    """When this error was first met."""
    failures: int = 0
    """In a row."""
    cycles: int = 0
    """Since the daemon started, as the next three."""
    requests: int = 0
    received: int = 0
    """Bytes."""
    errors: Mapping[str, int] = field(factory=dict)
    """How many cycles ended with each class of error."""
    requests_today: int = 0
    """On the day that the snapshot names, also by an earlier daemon."""
    received_today: int = 0
    conversations: int | None = None
    messages: int | None = None
    gaps: int | None = None
    """What is still to be fetched."""
    pending: int | None = None
    """Deletions to be delivered."""
    refused: int | None = None
    held_back: int | None = None
    """Messages whose removal waits for a person."""
    verified_since: int | None = None
    """All of it was read, or read again, since then, by the server's clock."""
    synced_at: int | None = None
    """When the file says that it was last synced, by whichever program."""


@frozen(kw_only=True)
class Snapshot:
    """A whole daemon at one moment."""

    pid: int
    since: int
    """When it started, ms, local clock."""
    written: int
    """When this was taken, ms, local clock."""
    day: str = ""
    """The local date that `requests_today` counts for, as 2026-01-31."""
    accounts: Sequence[Standing] = ()
    version: int = 1
    """Of this form."""


def standing_of(status: AccountStatus) -> Standing:
    """What a service says of an account, flat. What is counted is the ledger's part."""
    fault, copy = status.fault, status.copy
    return Standing(
        name=status.name,
        path=str(status.path),
        server=status.server,
        state=status.state.value,
        last_sync=status.last_sync,
        next_sync=status.next_sync,
        error=None if fault is None else fault.error,
        message="" if fault is None else fault.message,
        hint="" if fault is None else fault.hint,
        error_since=None if fault is None else fault.since,
        failures=status.failures,
        cycles=status.cycles,
        requests=status.requests,
        received=status.received,
        conversations=None if copy is None else copy.conversations,
        messages=None if copy is None else copy.messages,
        gaps=None if copy is None else copy.gaps,
        pending=None if copy is None else copy.pending,
        refused=None if copy is None else copy.refused,
        held_back=None if copy is None else copy.held_back,
        verified_since=None if copy is None else copy.verified_since,
        synced_at=None if copy is None else copy.synced_at,
    )


@define
class _Counted:
    """What is remembered of one account between two looks."""

    failures: int = 0
    requests: int = 0
    received: int = 0
    errors: dict[str, int] = field(factory=dict)
    requests_today: int = 0
    received_today: int = 0


@define
class Ledger:
    """Counts what single looks do not tell: errors by class, and what today cost."""

    _day: str = ""
    _accounts: dict[str, _Counted] = field(factory=dict)

    @property
    def day(self) -> str:
        """The day that is being counted."""
        return self._day

    def carry_over(self, before: Snapshot | None) -> None:
        """Go on with the day that an earlier daemon counted."""
        if before is None:
            return
        self._day = before.day
        for each in before.accounts:
            counted = self._accounts.setdefault(each.name, _Counted())
            counted.requests_today = each.requests_today
            counted.received_today = each.received_today

    def begin(self, day: str) -> None:
        """It is this day now; on a new one counting starts at nothing."""
        if day != self._day:
            self._day = day
            for counted in self._accounts.values():
                counted.requests_today = counted.received_today = 0

    def enter(self, standing: Standing) -> Standing:
        """The account as it stands now, with what was counted. A counter that went back was
        started anew, as where an account was removed and added again."""
        counted = self._accounts.setdefault(standing.name, _Counted())
        if standing.error is not None and standing.failures not in (0, counted.failures):
            counted.errors[standing.error] = counted.errors.get(standing.error, 0) + 1
        counted.failures = standing.failures
        counted.requests_today += _grown(counted.requests, standing.requests)
        counted.received_today += _grown(counted.received, standing.received)
        counted.requests, counted.received = standing.requests, standing.received
        return evolve(
            standing,
            errors=dict(counted.errors),
            requests_today=counted.requests_today,
            received_today=counted.received_today,
        )

    def forget_all_but(self, names: set[str]) -> None:
        """Accounts that are not configured any more."""
        self._accounts = {name: each for name, each in self._accounts.items() if name in names}


def _grown(before: int, now: int) -> int:
    return now - before if now >= before else now
