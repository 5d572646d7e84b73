"""`syncengine recover`: a new file for a damaged one."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option
from syncengine.cli.output import count, plain, print_json
from syncengine.reports import Recovery
from syncengine.store.recovery import recover as recover_file


@click.command(short_help="Save what can be read of a damaged file.")
@file_options
@json_option
def recover(db: Path | None, user: str | None, as_json: bool) -> None:
    """Put a new file in the place of a damaged one, with all that can be read of it.

    Deletions that wait to be delivered are saved first. What is lost is pulled again by
    the next sync, as far as the server still has it. The damaged file is kept beside the
    new one. `syncengine doctor` says whether a file is damaged.

    \b
    Example:  syncengine recover --user alice
    """
    found = recover_file(existing_database(db, user))
    if as_json:
        value = attrs.asdict(found)
        print_json({**value, "path": str(found.path), "damaged": str(found.damaged)})
    else:
        for line in lines(found):
            click.echo(line)


def lines(found: Recovery) -> Iterator[str]:
    """What was saved, in words."""
    what = f"{count(found.messages, 'message')} of {count(found.conversations, 'conversation')}"
    yield f"saved {what}, {count(found.intents, 'deletion')} to be delivered"
    if found.lost:
        yield f"lost: {count(found.lost, 'message')}; the next sync asks for them again"
    if found.unsure:
        unsure = count(found.unsure, "conversation")
        yield f"asked for again as a whole: {unsure}, since nobody knows what is lost there"
    yield f"the damaged file is {plain(str(found.damaged))}"
