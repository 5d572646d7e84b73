"""`syncengine daemon`, ended and started again: what its last life counted is not forgotten."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncengine.daemon.standing import Snapshot, Standing
from syncengine.emulator import Emulator, World
from syncengine.models import Kind
from tests.cli.command import PATIENCE, serving
from tests.cli.house import House, wait_for


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A machine beside a server where bob wrote to alice."""
    world = World()
    for user in ("alice", "bob"):
        world.add_user(user)
    world.send("bob", "alice", Kind.CHAT, "one")
    with serving(Emulator(world)) as url:
        yield House.at(tmp_path, url)


def last_words(house: House, process: subprocess.Popen[str]) -> tuple[Snapshot, Standing]:
    """What that daemon says of itself and of its only account."""
    wait_for(lambda: (s := house.look().snapshot) is not None and s.pid == process.pid)
    snapshot = house.look().snapshot
    assert snapshot is not None
    (standing,) = snapshot.accounts
    return snapshot, standing


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_today_cost_is_counted_on(house: House, number: int) -> None:
    """Whether it was told to end or killed, the day's requests and bytes go on in the next life,
    and from its first word on it knows its accounts."""
    house.add("alice")
    with house.daemon() as process:
        wait_for(lambda: (s := house.standing("alice")) is not None and s.received)
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        before, alice = last_words(house, process)
    with house.daemon() as process:
        after, again = last_words(house, process)
    if after.day == before.day:  # else it was midnight
        assert again.requests_today == alice.requests_today + again.requests
        assert again.received_today == alice.received_today + again.received


def test_a_secret_that_it_is_given_at_its_start(house: House) -> None:
    """A refused password of the environment: a running daemon never sees another, so the hint
    says where to put it, and to start the daemon again; that helps."""
    house.add("alice")
    house.config = re.sub('secret = "file:.*"', 'secret = "environment"', house.config)
    house.write()
    with house.daemon(SYNCENGINE_PASSWORD_ALICE="old"):
        wait_for(lambda: (s := house.standing("alice")) is not None and s.error)
        shown = house.person.call("status")
    assert shown.code == 1
    assert "Set SYNCENGINE_PASSWORD_ALICE to another." in shown.out
    assert "start the daemon again: `systemctl --user restart syncengine`." in shown.out
    with house.daemon(SYNCENGINE_PASSWORD_ALICE="alice"):
        wait_for(lambda: (s := house.standing("alice")) is not None and s.last_sync)


def test_a_secret_that_it_looks_up_each_time(house: House) -> None:
    """A missing file: also before its first sync the only account's state and error are shown;
    the hint says how to have the daemon look again, and that helps."""
    house.add("alice")
    secret = house.home / "alice.secret"
    secret.rename(house.home / "elsewhere")
    with house.daemon() as process:
        wait_for(lambda: (s := house.standing("alice")) is not None and s.error)
        shown = house.person.call("status")
        assert (shown.code, shown.out.count("stopped")) == (1, 1)
        assert "daemon try: `systemctl --user reload syncengine`, or SIGHUP." in shown.out
        (house.home / "elsewhere").rename(secret)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: (s := house.standing("alice")) is not None and s.last_sync)
