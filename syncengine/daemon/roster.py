"""Who is in a service: its accounts, and the servers that they are on."""

from collections.abc import Callable, Iterable, Mapping

from attrs import define, evolve, field

from syncengine.config import Environment
from syncengine.daemon import schedule
from syncengine.daemon.files import Files
from syncengine.daemon.gate import Server
from syncengine.daemon.keeper import Keeper
from syncengine.daemon.schedule import NEVER, AccountState
from syncengine.daemon.settings import ServiceAccount, Settings, same
from syncengine.errors import ConfigError


@define
class Roster:
    """Accounts come and go; a server is there for as long as one of them is on it."""

    _settings: Settings
    _environment: Environment
    _files: Files
    _changed: Callable[[Server], None] = field(kw_only=True)
    _noticed: Callable[[Server], None] = field(kw_only=True)
    """As `Server` takes them."""
    _keepers: dict[str, Keeper] = field(factory=dict)
    servers: dict[str, Server] = field(factory=dict)
    """By name."""

    def all(self) -> list[Keeper]:
        """Every account, also where some go while they are walked through."""
        return list(self._keepers.values())

    def on(self, server: Server) -> list[Keeper]:
        """The accounts of a server."""
        return [keeper for keeper in self._keepers.values() if keeper.server is server]

    def holds(self, keeper: Keeper) -> bool:
        """Whether it has not gone meanwhile."""
        return self._keepers.get(keeper.account.name) is keeper

    def named(self, name: str) -> Keeper:
        """One account. Raises ConfigError for one that is not here."""
        found = self._keepers.get(name)
        if found is None:
            raise ConfigError(
                f"there is no account {name!r}",
                hint="The service knows: " + ", ".join(self._keepers),
            )
        return found

    def add(self, account: ServiceAccount) -> Keeper:
        """One comes."""
        pace, now = account.pace or self._settings.pace, self._environment.monotonic()
        keeper = Keeper(
            account,
            self._server(account.server),
            schedule.first_turn(pace, now, self._environment.random.random()),
            self._settings,
            self._environment,
            self._files,
        )
        self._keepers[account.name] = keeper
        return keeper

    def _server(self, name: str) -> Server:
        if name not in self.servers:
            self.servers[name] = Server(
                name,
                self._settings.pace,
                self._environment,
                changed=self._changed,
                noticed=self._noticed,
            )
        return self.servers[name]

    def take_out(self, wanted: Mapping[str, ServiceAccount]) -> list[Keeper]:
        """Those go that are not wanted like this any more; which they were. `forget` is due
        when they are closed."""
        gone = [k for k in self.all() if not same(k.account, wanted.get(k.account.name))]
        for keeper in gone:
            del self._keepers[keeper.account.name]
        return gone

    def forget(self, gone: Iterable[Keeper]) -> None:
        """They have ended, and with the last of its accounts a server."""
        for keeper in gone:
            keeper.turn = evolve(keeper.turn, state=AccountState.REMOVED, due=NEVER)
        used = {keeper.server.name for keeper in self._keepers.values()}
        self.servers = {name: each for name, each in self.servers.items() if name in used}
