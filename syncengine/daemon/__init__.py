"""Many accounts kept up to date: schedule decides when, breaker and gate how often a server is
asked, keeper tends one account, service runs them all; settings, states and watching are its
words."""

from syncengine.daemon.breaker import CircuitState
from syncengine.daemon.pace import Pace
from syncengine.daemon.schedule import AccountState
from syncengine.daemon.service import SyncService
from syncengine.daemon.settings import ServiceAccount, Settings
from syncengine.daemon.states import AccountStatus, Fault, ServerStatus

__all__ = [
    "AccountState",
    "AccountStatus",
    "CircuitState",
    "Fault",
    "Pace",
    "ServerStatus",
    "ServiceAccount",
    "Settings",
    "SyncService",
]
