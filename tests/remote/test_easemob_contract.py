"""The contract, kept by the Easemob adapter against the emulator: in one process without a
network, and over sockets by both kinds of lanes."""

from collections.abc import AsyncIterator

import pytest
from attrs import define, field

from syncengine.emulator import Emulator, World, running
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob import EasemobRemote
from syncengine.remote.easemob.lanes import Transport
from tests.remote.contract import RemoteContract
from tests.remote.ways import fast, plain


@define
class EasemobHarness:
    """An emulator with alice, bob and a group, on a clock that a test moves."""

    world: World = field(init=False)
    emulator: Emulator = field(init=False)
    url: str = "http://localhost"
    lanes: Transport | None = None
    """None: no network in between."""

    def __attrs_post_init__(self) -> None:
        self.world = World(clock=lambda: 1_700_000_000_000)
        for name in ("alice", "bob"):
            self.world.add_user(name)
        self.world.add_group("team", ["alice", "bob"])
        self.emulator = Emulator(self.world)

    def remote(self) -> EasemobRemote:
        """Alice's."""
        return EasemobRemote(
            self.url,
            app_key="org#app",
            user="alice",
            password="alice",
            transport=self.lanes or self.emulator.transport,
        )

    def say(self, key: ConversationKey, text: str) -> str:
        """Bob writes, a second after whoever wrote last."""
        self.world.advance(1_000)
        to = "alice" if key.kind is Kind.CHAT else key.conversation_id
        return self.world.send(key.conversation_id if to == "alice" else "bob", to, key.kind, text)

    def say_garbage(self, key: ConversationKey) -> None:
        """No protobuf at all."""
        self.world.add_row("bob", "alice", key.kind, b"\xff\xff\xff no protobuf")

    def expire_tokens(self) -> None:
        """The service ends them all."""
        self.emulator.expire_tokens()


class TestEasemobContract(RemoteContract):
    @pytest.fixture
    def harness(self) -> EasemobHarness:
        """Everything fresh."""
        return EasemobHarness()


class TestEasemobContractOverSockets(RemoteContract):
    @pytest.fixture(params=[plain, fast])
    async def harness(self, request: pytest.FixtureRequest) -> AsyncIterator[EasemobHarness]:
        """Everything fresh, and a network in between."""
        made = EasemobHarness()
        async with running(made.emulator) as url:
            made.url, made.lanes = url, request.param(url)
            yield made
