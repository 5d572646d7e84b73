"""A local stand-in for the Easemob / Agora Chat REST service.

No account in the cloud is needed to try, develop or test. It answers the calls that are
written down in ``schema/wire/README.md``, is faithful in what hurts clients, and plays
faults on demand. What it does where nobody has seen the live service is marked *not
observed*, and a switch wherever two answers are plausible.

    world = demo_world()
    emulator = Emulator(world, faults=Faults("flaky", seed=7))
    client = httpx.AsyncClient(transport=emulator.transport(), base_url="http://emulator")

or, over a real socket::

    async with running(emulator) as url: ...

or from a shell: ``syncengine emulator --world 200x1000 --faults flaky``.
"""

from syncengine.emulator.app import Emulator
from syncengine.emulator.counters import Counters
from syncengine.emulator.demo import demo_world
from syncengine.emulator.faults import Faults, profile_names
from syncengine.emulator.server import make_world, run_emulator, running, serve
from syncengine.emulator.sized import sized_world
from syncengine.emulator.switches import Switches, with_values
from syncengine.emulator.transport import EmulatorTransport
from syncengine.emulator.world import World

__all__ = [
    "Counters",
    "Emulator",
    "EmulatorTransport",
    "Faults",
    "Switches",
    "World",
    "demo_world",
    "make_world",
    "profile_names",
    "run_emulator",
    "running",
    "serve",
    "sized_world",
    "with_values",
]
