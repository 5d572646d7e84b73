"""Random histories of one account: whatever happens, the laws hold.

SIM_START and SIM_SEEDS choose the seeds. A failure names the command that replays it.
"""

import os
import subprocess
import sys

import pytest

from tests.simulation.bugs import Caught, load, try_bug
from tests.simulation.corpus import CORPUS
from tests.simulation.islands import FIRST_SEED
from tests.simulation.running import Outcome, replay, run_seed

START = int(os.environ.get("SIM_START", "0"))
SEEDS = int(os.environ.get("SIM_SEEDS", "300"))
CHUNK = 25
CHUNKS = [
    range(first, min(first + CHUNK, start + SEEDS // share))
    for start, share in ((START, 1), (START + FIRST_SEED, 4))
    for first in range(start, start + SEEDS // share, CHUNK)
]
"""A quarter as many of the lives that know more acts."""


def failed(outcome: Outcome) -> str | None:
    """What a person needs; None: nothing was found."""
    if outcome.oracle is None:
        return None
    return f"seed {outcome.seed}: {outcome.what}\n{replay(outcome.seed)}"


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_whatever_happens_the_laws_hold(seeds: range) -> None:
    """Laws 1 to 13: random lives end as the server has it, and no step breaks an oracle."""
    found = [failed(run_seed(seed)) for seed in seeds]
    assert [words for words in found if words] == []


@pytest.mark.parametrize("seed", sorted(CORPUS))
def test_what_was_found_once_stays_fixed(seed: int) -> None:
    """Laws 1 to 13: seeds that once found something find nothing any more."""
    assert failed(run_seed(seed)) is None


@pytest.mark.parametrize("seed", [START + 1, START + 7, START + 13])
def test_a_run_is_a_function_of_its_seed(seed: int) -> None:
    """The same seed gives the same requests and answers, also in another process."""
    digest = run_seed(seed).digest
    assert run_seed(seed).digest == digest
    script = f"from tests.simulation.running import run_seed; print(run_seed({seed}).digest)"
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.strip() == digest


@pytest.mark.parametrize("caught", load(), ids=lambda caught: caught.bug)
def test_a_planted_bug_is_caught(caught: Caught) -> None:
    """The oracles see: with this bug in the product the stored seed fails, without it not."""
    assert try_bug(caught.bug, caught.seed) is not None
    assert failed(run_seed(caught.seed)) is None
