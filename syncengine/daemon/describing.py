"""How accounts and servers stand, as values for whoever asks."""

from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.gate import Server
from syncengine.daemon.keeper import Keeper
from syncengine.daemon.states import AccountStatus, ServerStatus


def account_status(keeper: Keeper, next_sync: int | None) -> AccountStatus:
    """One account; `next_sync` in ms, local clock."""
    return AccountStatus(
        name=keeper.account.name,
        path=keeper.account.path,
        server=keeper.account.server,
        state=keeper.turn.state,
        last_sync=keeper.last_sync,
        next_sync=next_sync,
        fault=keeper.fault,
        failures=keeper.turn.failures,
        requests=keeper.requests,
        received=keeper.received,
        cycles=keeper.cycles,
        report=keeper.report,
        copy=keeper.copy,
    )


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
