"""`python -m benchmarks [CASE…]`: runs cases and prints their tables."""

import argparse
import errno
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from rich.console import Console

from benchmarks import arguments, baseline, compare, facts
from benchmarks.cases import CASES, PROGRAMS
from benchmarks.drawing import draw
from benchmarks.processes import interruptible
from benchmarks.results import CannotRun, Result, as_json
from benchmarks.scratch import scratch
from benchmarks.showing import console, show
from syncengine.errors import StoreFull


@define
class Outcome:
    """Of a whole command."""

    results: list[Result] = field(factory=list)
    skipped: dict[str, str] = field(factory=dict)
    """Why a case could not run here."""

    @property
    def code(self) -> int:
        """0 where something ran, and all that ran was right."""
        right = all(result.right for result in self.results)
        return 0 if self.results and right else 1


def main(words: Sequence[str]) -> int:
    """The exit code: 0 where cases ran, 1 where none did or a result is wrong, 2 usage."""
    alone = arguments.program(words)
    if alone is not None:
        return PROGRAMS[alone[0]].run(alone[1])
    if words[:1] == ["compare"]:
        return compare.main(words[1:], lambda these: document(these, *measured(these)))
    if words[:1] == ["baseline"]:
        return baseline.main(words[1:])
    outcome, options = measured(words)
    if options.json is not None:
        found = document(words, outcome, options)
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return outcome.code


def measured(words: Sequence[str]) -> tuple[Outcome, argparse.Namespace]:
    """Run what a command line asks for."""
    names, options = arguments.parsed(words)
    out = console()
    out.print(facts.machine())
    with interruptible(), scratch():
        return run(names, options, out), options


def run(names: Sequence[str], options: argparse.Namespace, out: Console) -> Outcome:
    """Each case in turn, and each result shown as soon as it is there."""
    outcome = Outcome()
    for name in names:
        try:
            result = CASES[name].run(_with_defaults(name, options))
        except (CannotRun, StoreFull, OSError) as error:
            outcome.skipped[name] = _reason(error)
            out.print(f"{name} cannot run here: {outcome.skipped[name]}", markup=False)
            continue
        outcome.results.append(result)
        show(result, out)
        for file in _drawn(result, options.plot):
            out.print(f"drawn: {file}", markup=False)
    return outcome


def _with_defaults(name: str, options: argparse.Namespace) -> argparse.Namespace:
    return argparse.Namespace(**{**arguments.defaults(name, options.scale), **vars(options)})


def _drawn(result: Result, folder: Path | None) -> Iterator[Path]:
    if folder is not None and result.right:
        yield from draw(result, folder)


def _reason(error: Exception) -> str:
    """Raises what is no lack of room or of a program."""
    lacks = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOENT)
    if isinstance(error, OSError) and error.errno not in lacks:
        raise error
    return str(error)


def document(words: Sequence[str], outcome: Outcome, options: argparse.Namespace) -> dict[str, Any]:
    """What `--json` writes."""
    return {
        "commit": facts.commit(),
        "machine": facts.machine(),
        "versions": facts.versions(),
        "scale": options.scale,
        "command": " ".join(["python -m benchmarks", *words]),
        "results": [as_json(each) for each in outcome.results],
        "skipped": outcome.skipped,
    }


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
