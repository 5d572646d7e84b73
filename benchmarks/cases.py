"""The cases by name."""

import argparse
from collections.abc import Mapping
from typing import Any, Protocol, cast

from benchmarks import (
    browse,
    catch_up,
    daemon,
    delete,
    feed,
    fleet,
    idle,
    pull,
    read,
    reconcile,
    search,
    soak,
)
from benchmarks.results import Result


class Case(Protocol):
    """A module: its question in its docstring."""

    __doc__: str | None
    SCALES: Mapping[str, Mapping[str, Any]]
    """The values of its flags at each scale, where they are not given."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its own flags."""
        ...

    def run(self, options: argparse.Namespace) -> Result:
        """Measure. Raises CannotRun where something is missing here."""
        ...


class Program(Protocol):
    """A module that runs alone, prints its own tables and takes no scale."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Its own flags."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Measure and print; the exit code."""
        ...


CASES: Mapping[str, Case] = {
    "pull": cast(Case, pull),
    "catch-up": cast(Case, catch_up),
    "idle": cast(Case, idle),
    "read": cast(Case, read),
    "search": cast(Case, search),
    "delete": cast(Case, delete),
    "reconcile": cast(Case, reconcile),
    "feed": cast(Case, feed),
    "fleet": cast(Case, fleet),
}
"""All of them, where none is named."""

PROGRAMS: Mapping[str, Program] = {
    "browse": cast(Program, browse),
    "daemon": cast(Program, daemon),
    "soak": cast(Program, soak),
}


def question(case: Case | Program) -> str:
    """Its first line."""
    return (case.__doc__ or "").splitlines()[0]
