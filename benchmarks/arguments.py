"""What the command line asks for."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, PROGRAMS, question

SCALES = ("small", "full")


def parsed(arguments: Sequence[str]) -> tuple[Sequence[str], argparse.Namespace]:
    """The names of the cases, all where none is given, and the flags.

    A case's own flags are known where it is the only one. Ends the program with 2 where
    something is wrong, as argparse does.
    """
    seen, _ = _parser().parse_known_args([each for each in arguments if each not in _HELP])
    names = seen.cases
    _check(names)
    parser = _parser(*names) if len(names) == 1 else _parser()
    parser.add_argument("-h", "--help", action="help", help="this, and a single case's own flags")
    return names or list(CASES), parser.parse_args(arguments)


def program(arguments: Sequence[str]) -> tuple[str, argparse.Namespace] | None:
    """The program that is named first, and its flags; None where it is a case."""
    if not arguments or arguments[0] not in PROGRAMS:
        return None
    name = arguments[0]
    module = PROGRAMS[name]
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=module.__doc__, formatter_class=_Plain
    )
    module.add_arguments(parser)
    return name, parser.parse_args(arguments[1:])


def defaults(name: str, scale: str) -> Mapping[str, Any]:
    """The values of all flags of a case at a scale."""
    parser = argparse.ArgumentParser(add_help=False)
    CASES[name].add_arguments(parser)
    parser.set_defaults(**CASES[name].SCALES[scale])
    return vars(parser.parse_args([]))


_HELP = ("-h", "--help")
_Plain = argparse.RawDescriptionHelpFormatter


def _parser(case: str = "") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=CASES[case].__doc__ if case else _description(),
        formatter_class=_Plain,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--scale", choices=SCALES, default="small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw plots here, as SVG")
    parser.add_argument(
        "--profile", action="store_true", help="also CPU per message by stage, in pull"
    )
    if case:
        # What is not given stays away, and then the scale decides.
        group = parser.add_argument_group(f"flags of {case}; defaults: its scale's")
        CASES[case].add_arguments(_Silent(group))  # type: ignore[arg-type]  # it can add arguments
    return parser


class _Silent:
    """Adds arguments without defaults."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def add_argument(self, *names: str, **how: Any) -> None:
        self._group.add_argument(*names, **how | {"default": argparse.SUPPRESS})


def _description() -> str:
    lines = [f"  {name:10}{question(case)}" for name, case in CASES.items()]
    lines += ["", "Programs that run alone, with flags of their own:"]
    lines += [f"  {name:10}{question(module)}" for name, module in PROGRAMS.items()]
    lines += ["", "What files of --json are for:"]
    lines += ["  compare   Better, worse or noise, against the baseline"]
    lines += ["  baseline  Write benchmarks/baseline.json, and the README's table"]
    return "\n".join(["Measurements as ratios in one run. The cases:", *lines])


def _check(names: Sequence[str]) -> None:
    alone = [name for name in names if name in PROGRAMS]
    if alone:
        _parser().error(f"{alone[0]} runs alone: name it first, and no other")
    wrong = [name for name in names if name not in CASES]
    if wrong:
        _parser().error(
            f"no case is named {wrong[0]!r}; the cases are: {', '.join(CASES)};"
            f" and alone: {', '.join(PROGRAMS)}; and: compare, baseline"
        )
