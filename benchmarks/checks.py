"""Goals, and what was seen."""

from collections.abc import Sequence

from attrs import frozen
from rich.table import Table


@frozen
class Check:
    """A goal and what was seen."""

    name: str
    seen: str
    goal: str
    met: bool


def shown(checks: Sequence[Check]) -> Table:
    """For people; missed ones are marked."""
    table = Table("what", "seen", "goal", "")
    for check in checks:
        table.add_row(check.name, check.seen, check.goal, "" if check.met else "MISSED")
    return table
