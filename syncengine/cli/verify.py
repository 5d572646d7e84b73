"""`syncengine verify`: everything is read again, to find what is not on the server any more."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from syncengine.cli.account import Account, which_account
from syncengine.cli.messages import chosen_kind
from syncengine.cli.options import (
    Steered,
    engine_options,
    json_option,
    kind_option,
    read_config,
    spelled_option,
    typed,
)
from syncengine.cli.output import count, plain, print_json
from syncengine.cli.progress import progress_bar, verifying
from syncengine.cli.signing import advised
from syncengine.cli.sync import cost, delivered, exit_code_of, print_problems, report_json
from syncengine.config import Config
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError, RemovalHeldBack
from syncengine.models import ConversationKey
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.reports import Problem, Status, Verification

_HELD_BACK = (
    "Was it deleted on purpose? `syncengine verify --accept` removes it here too, for good."
    " If not, the server may have lost it, and this copy may be the only one."
)


@click.command(cls=Steered, short_help="Read everything again; find what is gone.")
@click.argument("conversation", required=False)
@kind_option
@spelled_option(
    "--accept",
    is_flag=True,
    help="Agree to removals, however many: what the server does not show in two reads goes"
    " here too. Without it very many are held back, since the server may have lost them.",
)
@spelled_option(
    "--yes", is_flag=True, help="With --accept: do not ask; needed where there is no terminal."
)
@which_account
@engine_options
@json_option
def verify(
    conversation: str | None,
    kind: str | None,
    accept: bool,
    yes: bool,
    account: Account,
    as_json: bool,
    **settings: Any,
) -> int:
    """Sync, and read again everything that is held here, or one conversation.

    What was deleted on another device goes here too, as soon as two reads do not show it.
    What may only have expired on the server stays. `syncengine sync` does the same by and
    by; here it is done at once, and costs as many requests as a first sync.

    \b
    Example:  syncengine verify bob --user alice \\
                  --server https://a1.easemob.com --app-key org#app
    """
    _check(conversation, kind, accept=accept, yes=yes)
    config = read_config(settings)
    path = account.existing_file
    only, held = asyncio.run(survey(path, conversation, kind))
    if accept and not yes and not confirmed(only, held):
        click.echo("nothing was removed", err=True)
        return 1
    remote = account.remote()
    reading = read_again(path, remote, config, only, accept=accept, show=not as_json)
    found = advised(asyncio.run(reading))
    if as_json:
        print_json(report_json(found))
    else:
        print_verification(found, only)
    return exit_code_of(found)


def _check(conversation: str | None, kind: str | None, *, accept: bool, yes: bool) -> None:
    if kind is not None and conversation is None and typed("kind"):
        raise ConfigError(
            "--kind has no meaning without a conversation",
            hint="Name the conversation, or leave --kind away to verify everything.",
        )
    if yes and not accept:
        raise ConfigError("--yes has no meaning without --accept", hint="Nothing else is asked.")


async def survey(
    path: Path, conversation: str | None, kind: str | None
) -> tuple[ConversationKey | None, Status]:
    """Which conversation, and what there is. Raises ConfigError for an unknown one."""
    async with SyncEngine.open(path) as engine:
        only = None
        if conversation is not None:
            chosen = await chosen_kind(engine.reader, conversation, kind)
            only = ConversationKey(conversation, chosen)
        return only, await engine.status()


def confirmed(only: ConversationKey | None, held: Status) -> bool:
    """Say what will happen, and ask. Raises ConfigError where nobody can answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            "nobody is there to be asked",
            hint="Add --yes to agree, or leave --accept away to see what is held back.",
        )
    for line in _consequences(only, held):
        click.echo(line, err=True)
    return click.confirm("Remove?", err=True)


def _consequences(only: ConversationKey | None, held: Status) -> Iterator[str]:
    scope = "held back" if only is None else "held back in all conversations"
    if held.held_back:
        where = count(held.held_back_conversations, "conversation")
        yield f"{scope}: {count(held.held_back, 'message')} in {where}"
    else:
        yield f"{scope}: nothing, so far"
    what = "everything" if only is None else plain(f"{only.kind} {only.conversation_id}")
    yield f"Now {what} is read again. What the server does not show goes here too, for good,"
    yield "however much it is. If the server has lost it, this copy is the only one."


async def read_again(
    path: Path,
    remote: EasemobRemote,
    config: Config,
    only: ConversationKey | None,
    *,
    accept: bool,
    show: bool,
) -> Verification:
    """Verify, with a progress bar where `show` and on a terminal."""
    name, kind = (only.conversation_id, only.kind) if only else (None, None)
    async with SyncEngine.open(path, remote, config=config) as engine:
        with progress_bar(show, verifying) as listener:
            return await engine.verify(name, kind, accept=accept, progress=listener)


def print_verification(found: Verification, only: ConversationKey | None) -> None:
    """What was found, in words."""
    click.echo(f"{_verified(found, only)}{_changes(found)}{delivered(found)}{cost(found)}")
    for line in _left_open(found, only):
        click.echo(line)
    print_problems([_explained(problem) for problem in found.errors])


def _verified(found: Verification, only: ConversationKey | None) -> str:
    if only is not None:
        how = "verified" if found.conversations else "not verified"
        return f"{plain(f'{only.kind} {only.conversation_id}')} is {how}"
    if found.conversations or found.incomplete:
        return f"{count(found.conversations, 'conversation')} verified"
    return "nothing was verified"


def _changes(found: Verification) -> str:
    """What the copy gained and lost; or that it is just as the server shows it."""
    changes = []
    if found.messages_added:
        changes.append(count(found.messages_added, "new message"))
    if found.messages_removed:
        changes.append(f"{count(found.messages_removed, 'message')} removed")
    if changes:
        return f": {', '.join(changes)}"
    open_ends = (found.incomplete, found.suspects, found.held_back, found.unverified)
    if any(open_ends) or found.errors or not found.conversations:
        return ""
    return ": the server shows all that is held here"


def _left_open(found: Verification, only: ConversationKey | None) -> Iterator[str]:
    if found.incomplete:
        which = "" if only is not None else f"{count(found.incomplete, 'conversation')} "
        yield f"{which}not read to the start: {_why_incomplete(found)}; verify again later"
    if found.gaps_open:
        yield f"{count(found.gaps_open, 'gap')} still open: the next sync goes on there"
    if found.suspects:
        missing = count(found.suspects, "message")
        yield f"{missing} missing there once: a second look, by the next syncs, decides"
    if found.unverified:
        kept = count(found.unverified, "message")
        yield f"{kept} kept, though the server does not show them any more: they may have expired"


def _why_incomplete(found: Verification) -> str:
    errors = "the errors below say why, or it has " if found.errors else ""
    return f"{errors}messages under an hour old, which replicas may not agree about yet"


def _explained(problem: Problem) -> Problem:
    if problem.error == RemovalHeldBack.__name__:
        return evolve(problem, hint=_HELD_BACK)
    return problem
