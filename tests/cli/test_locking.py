"""Two commands at once on one file."""

import os
import signal

from syncengine import holder
from syncengine.emulator import Emulator, Faults, sized_world
from tests.cli.command import until_served
from tests.cli.conftest import Serve


def test_two_syncs_at_once(serve: Serve) -> None:
    """Law 1, one writer: the second ends with 5 and names the first; reading works meanwhile;
    as soon as the first is killed, the next takes over."""
    emulator = Emulator(sized_world("2x20"), faults=Faults("latency", latency_ms=(2000, 2000)))
    alice = serve(emulator)
    with alice.start("sync") as first:
        until_served(emulator, 1, first, "list")
        second = alice.call("sync")
        second.refused(5, f"process {first.pid}", "since", "keeps it up to date")
        assert alice.call("sync", "--json").problem["error"] == "StoreLocked"
        assert alice.call("status", "--json").object["writable"] is True
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert holder(alice.db) is None
        emulator.set_faults(Faults("none"))
        assert alice.call("sync", "--json").object["gaps_open"] == 0
