"""`python -m tests.simulation`: runs seeds, and tells which of them found something."""

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Iterable
from multiprocessing import Pool

from tests.simulation import bugs
from tests.simulation.running import Outcome, replay, run_seed

_TELL_EVERY = 1000
"""Seeds: a run of an hour says how far it is."""


def main() -> int:
    """Exit code 1: something was found."""
    if sys.argv[1:2] == ["bugs"]:
        return bugs.main(sys.argv[2:])
    options = _options()
    seeds = range(options.start, options.start + options.seeds)
    print(f"commit {_commit()}, seeds {seeds.start} to {seeds.stop - 1}", flush=True)
    started = time.perf_counter()
    if options.jobs > 1 and len(seeds) > 1:
        with Pool(options.jobs, initializer=_collect_rarely) as pool:
            failures = _watch(pool.imap_unordered(run_seed, seeds, chunksize=4), len(seeds))
    else:
        outcomes = (run_seed(seed, verbose=options.verbose) for seed in seeds)
        failures = _watch(outcomes, len(seeds), verbose=options.verbose)
    seconds = time.perf_counter() - started
    print(f"{len(seeds)} seeds in {seconds:.1f} s, {len(seeds) / seconds:.1f} a second;", end=" ")
    print(f"{failures} found something")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="show every step (one process)")
    options = parser.parse_args()
    if options.verbose:
        options.jobs = 1
    return options


def _collect_rarely() -> None:
    """What was imported stays; a life leaves little behind. Saves 7 % of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _watch(outcomes: Iterable[Outcome], seeds: int, *, verbose: bool = False) -> int:
    failures = 0
    for done, outcome in enumerate(outcomes, 1):
        if done % _TELL_EVERY == 0 and done < seeds:
            print(f"{done} of {seeds} seeds", file=sys.stderr, flush=True)
        if verbose:
            print("\n".join(outcome.steps))
        if outcome.oracle is not None:
            failures += 1
            print(f"seed {outcome.seed}: {outcome.what}\n    {replay(outcome.seed)}", flush=True)
    return failures


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
