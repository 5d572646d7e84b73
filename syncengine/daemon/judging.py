"""What a turn came to, for the account that had it: how it stands now, why, and when it is due.

What an error makes of an account is decided in `schedule`; this puts it on its keeper, with
the fault that people are told.
"""

import logging
from collections.abc import Iterable, Sequence

from attrs import define, evolve

from syncengine.config import Environment
from syncengine.daemon import breaker, schedule
from syncengine.daemon.gate import Held
from syncengine.daemon.keeper import Ended, Keeper
from syncengine.daemon.schedule import AccountState
from syncengine.daemon.states import Fault, fault_of
from syncengine.errors import Patience, StoreCorrupt, StoreError, SyncEngineError, Unauthorized

_log = logging.getLogger("syncengine.daemon")


class Unexpected(SyncEngineError):
    """A fault of this program. The account tries again, as after other faults."""

    patience = Patience.LATER
    default_hint = "This is a fault of syncengine: the log has the details."


@define
class Judge:
    """Decides by one machine's clocks and chances."""

    _environment: Environment

    def ended(self, keeper: Keeper, ended: Ended) -> None:
        """Its turn is over."""
        now = self._environment.monotonic()
        if ended.error is not None:
            self._failed(keeper, ended, now)
        elif ended.outcome is None:
            keeper.turn = schedule.interrupted(keeper.turn, now)
        else:
            if keeper.fresh:
                _tell_first(keeper)
            if keeper.turn.failures:
                _log.info("account %s: well again", keeper.account.name)
            keeper.fault = None
            keeper.turn = schedule.succeeded(
                keeper.pace, keeper.turn, ended.outcome, now, self._chance()
            )
        if keeper.again and ended.error is None:
            keeper.turn = schedule.asked(keeper.turn, now)

    def held_up(self, keeper: Keeper) -> None:
        """Its server is left alone just now. That is told of the server, once."""
        now = self._environment.monotonic()
        keeper.fault = keeper.server.fault or keeper.fault
        keeper.turn = schedule.deferred(
            keeper.pace, keeper.turn, keeper.server.circuit, now, self._chance()
        )

    def server_is_back(self, keepers: Iterable[Keeper]) -> Sequence[Keeper]:
        """Its accounts that waited for it: they come soon."""
        now, waiting = self._environment.monotonic(), [k for k in keepers if _waits_for_server(k)]
        for keeper in waiting:
            keeper.turn = schedule.released(
                keeper.pace, keeper.turn, len(waiting), now, self._chance()
            )
        return waiting

    def never_synced(self, keeper: Keeper, waiting: int) -> None:
        """It is one of so many whose first sync somebody waits for."""
        now = self._environment.monotonic()
        keeper.turn = schedule.released(keeper.pace, keeper.turn, waiting, now, self._chance())

    def let_in(self, keeper: Keeper) -> None:
        """Who had its file let go of it."""
        now = self._environment.monotonic()
        keeper.turn = schedule.let_in(keeper.pace, keeper.turn, now, self._chance())

    def _failed(self, keeper: Keeper, ended: Ended, now: float) -> None:
        assert ended.error is not None
        if ended.error_type is Held:
            self.held_up(keeper)
            return
        before = keeper.fault
        keeper.fault = fault = self._fault(keeper, ended)
        wait = ended.error.again_after if isinstance(ended.error, StoreCorrupt) else None
        keeper.turn = (
            schedule.failed(keeper.pace, keeper.turn, ended.error_type, now, self._chance())
            if wait is None
            else schedule.postponed(keeper.pace, keeper.turn, wait, now, self._chance())
        )
        if before is None or before.error != fault.error:
            _log.warning("account %s: %s. %s", keeper.account.name, fault.message, fault.hint)

    def _fault(self, keeper: Keeper, ended: Ended) -> Fault:
        """As people are told; where they have to do something, with how, and what then."""
        assert ended.error is not None
        fault = fault_of(ended.error, self._environment.now(), keeper.fault)
        account, words = keeper.account, [fault.hint]
        if issubclass(ended.error_type, Unauthorized):
            words.append(account.renewal)
        if _is_mended_outside(ended.error_type):
            words.append(account.again)
        return evolve(fault, hint=" ".join(filter(None, words)))

    def _chance(self) -> float:
        return self._environment.random.random()


def _tell_first(keeper: Keeper) -> None:
    """Once an account: whoever started the daemon sees that it works."""
    keeper.fresh, report = False, keeper.report
    if report is None:
        return
    numbers = {
        "requests": report.requests,
        "messages_added": report.messages_added,
        "gaps": report.gaps_open,
        "seconds": round(report.seconds, 1),
    }
    _log.info(
        "first sync since the start finished", extra={"account": keeper.account.name, **numbers}
    )


def _is_mended_outside(error: type[SyncEngineError]) -> bool:
    """Whether its account stops until somebody mends something that is not its file: what a file
    needs its own hint says."""
    return error.patience is Patience.NEVER and not issubclass(error, StoreError)


def _waits_for_server(keeper: Keeper) -> bool:
    """Whether it failed, or was held up, for its server's sake."""
    if keeper.turn.state not in (AccountState.AWAY, AccountState.RETRYING):
        return False
    return keeper.fault is None or breaker.counts(keeper.fault.error_type)
