"""How accounts and servers stand, as values for whoever asks."""

from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.gate import Server
from syncengine.daemon.keeper import Keeper
from syncengine.daemon.schedule import AccountState, state_after
from syncengine.daemon.states import AccountStatus, Fault, ServerStatus


def account_status(keeper: Keeper, next_sync: int | None) -> AccountStatus:
    """One account; `next_sync` in ms, local clock."""
    state, fault = _stands(keeper)
    return AccountStatus(
        name=keeper.account.name,
        path=keeper.account.path,
        server=keeper.account.server,
        state=state,
        last_sync=keeper.last_sync,
        next_sync=next_sync,
        fault=fault,
        failures=keeper.turn.failures,
        requests=keeper.requests,
        received=keeper.received,
        cycles=keeper.cycles,
        report=keeper.report,
        copy=keeper.copy,
    )


def _stands(keeper: Keeper) -> tuple[AccountState, Fault | None]:
    """How it stands, and why. A turn goes on for minutes where its server does not answer, for
    each request is tried again: from the first failure on that is told, until it answers. So it
    is of an account that waits for its next turn, and would find nobody there."""
    state, server = keeper.turn.state, keeper.server
    told = state is AccountState.SYNCING or (state is AccountState.WAITING and server.is_left_alone)
    if told and server.fault is not None:
        return state_after(server.fault.error_type), server.fault
    return state, keeper.fault


def server_status(server: Server, accounts: int, next_try: int | None) -> ServerStatus:
    """One server, of so many accounts."""
    closed = server.circuit.state is CircuitState.CLOSED
    return ServerStatus(
        name=server.name,
        circuit=server.circuit.state,
        accounts=accounts,
        next_try=None if closed else next_try,
        fault=server.fault,
    )
