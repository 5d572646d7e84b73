"""The figures of a daemon in Prometheus' words, from a snapshot. The only door to its library.

A registry of its own: what an embedding program measures is not mixed with ours. Ids of
accounts are shortened as in the log; there are no other labels than those, a state's name and
an error's class, so that nothing a server sends can make the series more.
"""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from syncengine.daemon.answering import Answer
from syncengine.daemon.logs import shortened
from syncengine.daemon.standing import Snapshot, Standing
from syncengine.errors import ConfigError

_TIMES: tuple[tuple[str, str, str], ...] = (
    ("last_sync", "last_sync_timestamp_seconds", "When the last cycle ended well."),
    ("next_sync", "next_sync_timestamp_seconds", "When the next cycle begins."),
    (
        "verified_since",
        "verified_since_timestamp_seconds",
        "All that is held was read, or read again, since then.",
    ),
)
_FIGURES: tuple[tuple[str, str, str], ...] = (
    ("conversations", "conversations", "Conversations held."),
    ("messages", "messages", "Messages held."),
    ("gaps", "gaps", "Gaps that are still to be fetched."),
    ("pending", "outbox_pending", "Deletions that are still to be delivered."),
    ("refused", "outbox_refused", "Deletions that the server refuses."),
    ("held_back", "removals_held_back", "Messages whose removal waits for a person."),
    ("failures", "failures", "Cycles that failed in a row."),
)
_COUNTERS: tuple[tuple[str, str, str], ...] = (
    ("cycles", "cycles", "Cycles that ended, in whatever way."),
    ("requests", "requests", "Requests sent, repetitions included."),
    ("received", "received_bytes", "Bytes of the answers."),
)


class Metrics:
    """What `/metrics` answers: every snapshot anew.

    Raises ConfigError where the library is not installed.
    """

    def __init__(self, take: Callable[[], Snapshot], *, process: bool = True) -> None:
        """`process`: memory, descriptors and CPU of this process too, where it runs on Linux."""
        self._core, self._exposition = _library()
        self._take = take
        self._registry = self._core.CollectorRegistry()
        self._registry.register(self)
        if process:
            import_module("prometheus_client").ProcessCollector(registry=self._registry)

    def answer(self) -> Answer:
        """All series, as they are now."""
        body: bytes = self._exposition.generate_latest(self._registry)
        return Answer(200, self._exposition.CONTENT_TYPE_LATEST, body)

    def describe(self) -> Iterable[Any]:
        """What is collected has names of its own; nothing is collected to find that out."""
        return ()

    def collect(self) -> Iterator[Any]:
        """The snapshot as series. Values that are not known are left out."""
        snapshot = self._take()
        yield self._gauge("start_timestamp_seconds", "When the daemon started.", snapshot.since)
        yield self._states(snapshot)
        for attribute, name, meaning in _TIMES:
            yield self._series(snapshot, attribute, name, meaning, unit=1000)
        for attribute, name, meaning in _FIGURES:
            yield self._series(snapshot, attribute, name, meaning)
        for attribute, name, meaning in _COUNTERS:
            yield self._series(snapshot, attribute, name, meaning, counter=True)
        yield self._errors(snapshot)

    def _gauge(self, name: str, meaning: str, ms: int) -> Any:
        return self._core.GaugeMetricFamily(f"syncengine_{name}", meaning, value=ms / 1000)

    def _family(self, name: str, meaning: str, labels: list[str], *, counter: bool) -> Any:
        kind = "CounterMetricFamily" if counter else "GaugeMetricFamily"
        return getattr(self._core, kind)(f"syncengine_account_{name}", meaning, labels=labels)

    def _series(
        self,
        snapshot: Snapshot,
        attribute: str,
        name: str,
        meaning: str,
        *,
        unit: int = 1,
        counter: bool = False,
    ) -> Any:
        family = self._family(name, meaning, ["account"], counter=counter)
        for each in snapshot.accounts:
            value = getattr(each, attribute)
            if value is not None:
                family.add_metric([shortened(each.name)], value / unit)
        return family

    def _states(self, snapshot: Snapshot) -> Any:
        """One series an account, whose value is 1: which state it is in."""
        meaning = "1 for the state that the account is in."
        family = self._family("state", meaning, ["account", "state"], counter=False)
        for each in snapshot.accounts:
            family.add_metric([shortened(each.name), each.state], 1)
        return family

    def _errors(self, snapshot: Snapshot) -> Any:
        meaning = "Cycles that ended with an error, by its class."
        family = self._family("errors", meaning, ["account", "error"], counter=True)
        for each in snapshot.accounts:
            for error, number in each.errors.items():
                family.add_metric([shortened(each.name), error], number)
        return family


def health(snapshot: Snapshot, *, stopping: bool) -> Answer:
    """What `/healthz` answers: 200 while the daemon does its work, 503 while it ends.

    Accounts that fail do not make it ill: to restart it would help none of them.
    """
    failing = sum(1 for each in snapshot.accounts if _fails(each))
    word = "stopping" if stopping else "ok"
    body = f"{word}: {len(snapshot.accounts)} accounts, {failing} with an error\n"
    return Answer(503 if stopping else 200, "text/plain; charset=utf-8", body.encode())


def _fails(standing: Standing) -> bool:
    return standing.error is not None


def _library() -> tuple[Any, Any]:
    try:
        return import_module("prometheus_client.core"), import_module("prometheus_client")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is missing", hint="Run `pip install 'syncengine-im[daemon]'`."
        ) from None
