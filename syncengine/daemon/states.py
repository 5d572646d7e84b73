"""What a service tells of its accounts and servers: values that do not change."""

from pathlib import Path

from attrs import frozen

from syncengine import errors
from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.schedule import AccountState
from syncengine.errors import SyncEngineError
from syncengine.plain import count
from syncengine.reports import Problem, Recovery, Report, Status


@frozen
class Fault:
    """What ended a cycle."""

    error: str
    """The name of the error's class."""
    message: str
    hint: str
    since: int
    """Ms, local clock: when it was first met; the same error again keeps it."""

    @property
    def error_type(self) -> type[SyncEngineError]:
        """The class of that name; the root of all for one that is no public error."""
        found: type[SyncEngineError] = getattr(errors, self.error, SyncEngineError)
        return found


@frozen
class AccountStatus:
    """One account as it stands. What is None is not known, or not yet."""

    name: str
    path: Path
    server: str
    state: AccountState
    last_sync: int | None = None
    """Ms, local clock: when the last cycle ended well."""
    next_sync: int | None = None
    """Ms, local clock; None: not by itself, or one is under way."""
    fault: Fault | None = None
    """Why the last cycle failed."""
    failures: int = 0
    """In a row."""
    requests: int = 0
    """Sent since the service started, repetitions included, sign-in not."""
    received: int = 0
    """Bytes of the answers to them, as far as the remote counts them."""
    cycles: int = 0
    """Ended, in whatever way, since the service started."""
    report: Report | None = None
    """What the last cycle did."""
    copy: Status | None = None
    """The copy in figures, as of the last cycle that changed it: gaps, pending and refused
    deletions, verified since when, what is held back."""


@frozen
class ServerStatus:
    """One server, as its accounts find it."""

    name: str
    circuit: CircuitState
    accounts: int
    next_try: int | None = None
    """Ms, local clock: when it is asked again; None: now."""
    fault: Fault | None = None
    """Why it is left alone."""


def fault_of(error: SyncEngineError | Problem, now: int, before: Fault | None) -> Fault:
    """An error as it is told. The same as before is still that one."""
    name = error.error if isinstance(error, Problem) else type(error).__name__
    message = error.message if isinstance(error, Problem) else str(error)
    same = before is not None and before.error == name
    return Fault(name, message, error.hint, before.since if same and before else now)


def repair_words(found: Recovery) -> str:
    """What became of a damaged file."""
    kept = f"it is kept as {found.damaged}"
    if found.nothing_read:
        return (
            "its file was damaged, and nothing of it could be read: all is pulled again, and"
            f" deletions that were not delivered may be lost; {kept}"
        )
    saved = f"{count(found.messages, 'message')} and {count(found.intents, 'deletion')}"
    lost = f"{count(found.lost, 'message')} and {count(found.unsure, 'conversation')}"
    return (
        f"its file was damaged: {saved} to be delivered are saved in a new one,"
        f" {lost} are asked for again; {kept}"
    )
