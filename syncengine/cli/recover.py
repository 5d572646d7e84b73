"""`syncengine recover`: a new file for a damaged one."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from syncengine.cli.account import existing_database
from syncengine.cli.options import file_options, json_option, spelled_option
from syncengine.cli.output import count, plain, print_json
from syncengine.engine.recovering import recover as recover_file
from syncengine.errors import StoreError
from syncengine.reports import Recovery
from syncengine.store.recovery import check, check_ours


@click.command(short_help="Save what can be read of a damaged file.")
@spelled_option("--force", is_flag=True, help="Also where the file is sound.")
@file_options
@json_option
def recover(db: Path | None, user: str | None, force: bool, as_json: bool) -> int:
    """Put a new file in the place of a damaged one, with all that can be read of it.

    Deletions that wait to be delivered are saved first. What is lost is pulled again by
    the next sync, as far as the server still has it. The damaged file is kept beside the
    new one. With a sound file nothing is done.

    Exit codes: 0 it was sound, or what could be read is saved, 1 nothing could be read.

    \b
    Example:  syncengine recover --user alice
    """
    path = existing_database(db, user)
    check_ours(path)
    if not force and _is_sound(path):
        _tell_sound(path, as_json=as_json)
        return 0
    found = recover_file(path)
    if as_json:
        value = {**attrs.asdict(found), "path": str(found.path), "damaged": str(found.damaged)}
        print_json({"replaced": True, **value})
    else:
        for line in lines(found):
            click.echo(line)
    return 1 if found.nothing_read else 0


def _is_sound(path: Path) -> bool:
    """What cannot be looked at is not: the attempt to mend it says why."""
    try:
        return not check(path)
    except StoreError:
        return False


def _tell_sound(path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"replaced": False, "path": str(path)})
    else:
        click.echo("this file is sound; nothing was done (--force makes a new one all the same)")


def lines(found: Recovery) -> Iterator[str]:
    """What was saved, in words."""
    if found.nothing_read:
        yield "nothing could be read: the new file is empty, and the next sync fills it"
        yield "deletions that were not delivered may be lost: ask for them again"
        yield f"the damaged file is kept: {plain(str(found.damaged))}"
        return
    what = f"{count(found.messages, 'message')} of {count(found.conversations, 'conversation')}"
    yield f"saved {what}, {count(found.intents, 'deletion')} to be delivered"
    if found.lost:
        yield f"lost: {count(found.lost, 'message')}; the next sync asks for them again"
    if found.unsure:
        unsure = count(found.unsure, "conversation")
        yield f"asked for again as a whole: {unsure}, since nobody knows what is lost there"
    yield f"the damaged file is {plain(str(found.damaged))}"
