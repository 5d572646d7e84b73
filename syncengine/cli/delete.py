"""`syncengine delete`: gone here at once, and on the server as soon as it is reached."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
from attrs import evolve, frozen

from syncengine.accounts import default_state
from syncengine.cli.account import Account, which_account
from syncengine.cli.messages import all_parts, chosen_kind
from syncengine.cli.options import (
    attempts_option,
    json_option,
    kind_option,
    spelled_option,
)
from syncengine.cli.output import count, exact, plain, print_json
from syncengine.cli.overview import serves
from syncengine.cli.program import exit_code
from syncengine.cli.sync import print_problems, problem_json
from syncengine.cli.times import read_time
from syncengine.config import Config
from syncengine.daemon.runtime import look
from syncengine.engine import SyncEngine
from syncengine.errors import ConfigError, Patience, SyncEngineError
from syncengine.models import ConversationKey, IntentState, Message
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.reports import Problem
from syncengine.sync.intents import checked_ids
from syncengine.sync.outbox import Delivery

_COUNTED = 20_000
"""The most messages that are looked at to say how many go: under a second."""
_NO_WAY = "not all of server, app key, user and secret are given"
_CHOICE = "Give one of --ids, --before and --all."


@click.command(short_help="Delete messages or a conversation.")
@click.argument("conversation")
@kind_option
@spelled_option("--ids", metavar="A,B", help="These messages; `messages --json` shows the ids.")
@spelled_option(
    "--before",
    metavar="TIME",
    help="Everything up to TIME, inclusive: ISO 8601, in your time zone where it names none,"
    " or milliseconds since 1970.",
)
@spelled_option(
    "--all", "everything", is_flag=True, help="The conversation, with all its messages."
)
@spelled_option(
    "--keep-messages", is_flag=True, help="With --all: only its entry in the list goes."
)
@spelled_option("--dry-run", is_flag=True, help="Only say what would happen.")
@spelled_option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@which_account
@attempts_option(2)
@json_option
def delete(
    conversation: str,
    kind: str | None,
    ids: str | None,
    before: str | None,
    everything: bool,
    keep_messages: bool,
    dry_run: bool,
    yes: bool,
    account: Account,
    attempts: int,
    as_json: bool,
) -> int:
    """Delete messages, or a whole conversation, for one user: here and on the server.

    It says what will happen, and asks. Then it is gone here at once, also with no network.
    With --server, --app-key and SYNCENGINE_PASSWORD or SYNCENGINE_TOKEN the server is told
    at once; where it is not, or cannot be reached, the next `syncengine sync` does it, and
    `syncengine outbox` lists it until then. What is written later stays.

    \b
    Example:  syncengine delete bob --before 2024-12-31T18:00 \\
                  --user alice --dry-run
    """
    wish = read_wish(ids, before, everything=everything, keep_messages=keep_messages)
    path = account.existing_file
    plan = asyncio.run(survey(path, conversation, kind, wish))
    if dry_run:
        tell_plan(plan, as_json=as_json)
        return 0
    if not yes and not confirmed(plan):
        click.echo("nothing was deleted", err=True)
        return 1
    remote = account.remote_unasked()
    result = asyncio.run(carry_out(path, plan, remote, attempts, as_json=as_json))
    if serves(look(default_state()), path):
        result = evolve(result, deliverer="the daemon")
    tell_result(result, as_json=as_json)
    return result.code


class What(StrEnum):
    """The forms of a deletion."""

    MESSAGES = "messages"
    BEFORE = "before"
    CONVERSATION = "conversation"
    LISTING = "listing"


@frozen
class Wish:
    """What somebody wants to be deleted, in whatever conversation."""

    what: What
    ids: tuple[str, ...] = ()
    until: int | None = None

    def covers(self, message: Message) -> bool:
        """Whether this message would go."""
        if self.what is What.MESSAGES:
            return message.message_id in self.ids
        if self.what is What.BEFORE:
            return self.until is not None and message.timestamp <= self.until
        return self.what is What.CONVERSATION


def read_wish(
    ids: str | None, before: str | None, *, everything: bool, keep_messages: bool
) -> Wish:
    """The flags, understood. Raises ConfigError for what cannot be meant."""
    given = {"--ids": ids is not None, "--before": before is not None, "--all": everything}
    chosen = [flag for flag, there in given.items() if there]
    if not chosen:
        raise ConfigError("it is not said what to delete", hint=_CHOICE)
    if len(chosen) > 1:
        raise ConfigError(f"{' and '.join(chosen)} exclude each other", hint=_CHOICE)
    if keep_messages and not everything:
        raise ConfigError(
            f"--keep-messages has no meaning with {chosen[0]}", hint="It goes with --all."
        )
    if ids is not None:
        return Wish(What.MESSAGES, ids=_ids(ids))
    if before is not None:
        return Wish(What.BEFORE, until=read_time(before, "--before"))
    return Wish(What.LISTING if keep_messages else What.CONVERSATION)


def _ids(text: str) -> tuple[str, ...]:
    try:
        return tuple(checked_ids(each.strip() for each in text.split(",")))
    except ConfigError as error:
        hint = "Write --ids A,B with ids that `syncengine messages --json` shows."
        raise ConfigError(str(error), hint=hint) from error


@frozen
class Plan:
    """A wish in a conversation that is held here, and how much it takes."""

    wish: Wish
    key: ConversationKey
    held: int
    """Messages held and shown that it covers."""
    counted: bool
    """False: there are too many to look at all of them."""
    whole: bool
    """All that the server has of the conversation is here."""

    async def ask(self, engine: SyncEngine) -> None:
        """Store it."""
        name, kind = self.key.conversation_id, self.key.kind
        if self.wish.what is What.MESSAGES:
            await engine.delete_remote_messages_with_ids(name, kind, self.wish.ids)
        elif self.wish.until is not None:
            await engine.delete_remote_messages_before(name, kind, self.wish.until)
        else:
            gone_too = self.wish.what is What.CONVERSATION
            await engine.delete_remote_conversation(name, kind, delete_messages=gone_too)


async def survey(path: Path, conversation: str, kind: str | None, wish: Wish) -> Plan:
    """Find the conversation, and count what would go. Raises ConfigError for an unknown one."""
    async with SyncEngine.open(path) as engine:
        key = ConversationKey(conversation, await chosen_kind(engine.reader, conversation, kind))
        found = await engine.reader.conversation(conversation, key.kind)
        held = seen = 0
        async for part in all_parts(engine.reader, conversation, key.kind):
            held += sum(map(wish.covers, part.messages))
            seen += len(part.messages)
            if seen >= _COUNTED:
                break
    whole = found is not None and found.whole
    return Plan(wish, key, held, counted=seen < _COUNTED, whole=whole)


def confirmed(plan: Plan) -> bool:
    """Say what will happen, and ask. Raises ConfigError where nobody can answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(
            "nobody is there to be asked",
            hint="Add --yes to delete, or --dry-run to see what would go.",
        )
    click.echo(f"to be deleted: {_in_words(plan)}", err=True)
    for line in _consequences(plan):
        click.echo(line, err=True)
    return click.confirm("Delete?", err=True)


def _consequences(plan: Plan) -> Iterator[str]:
    if plan.wish.what is What.LISTING:
        yield "It leaves this user's lists, here and on the server, until somebody writes."
        return
    if not plan.whole and plan.wish.what is not What.MESSAGES:
        yield "The server has more of it that is not fetched yet; that goes too."
    if plan.wish.what is not What.MESSAGES:
        yield "What is written later stays."
    yield "For this user only, here and on the server. It cannot be undone."


def _in_words(plan: Plan) -> str:
    where = plain(f"{plan.key.kind} {plan.key.conversation_id}")
    held = f"{'' if plan.counted else 'at least '}{count(plan.held, 'message')} held here"
    if plan.wish.what is What.MESSAGES:
        number = len(plan.wish.ids)
        return f"{count(number, 'message')} in {where}{_strangers(number - plan.held, plan)}"
    if plan.wish.until is not None:
        return f"everything up to {exact(plan.wish.until)} in {where}: {held}"
    if plan.wish.what is What.LISTING:
        return f"the list entry of {where}; its messages stay"
    return f"{where} with all its messages: {held}"


def _strangers(number: int, plan: Plan) -> str:
    """How many of the ids are not here: wrong ones, perhaps."""
    return f" ({number:,} not held here)" if number and plan.counted else ""


@frozen
class Result:
    """What became of a plan."""

    plan: Plan
    state: str
    """settled, pending or refused; or nothing: it was all deleted before."""
    problems: tuple[Problem, ...] = ()
    code: int = 0
    waits: str = ""
    """Why it is not delivered yet."""
    deliverer: str = "the next `syncengine sync`"
    """Who delivers it where it waits."""


async def carry_out(
    path: Path, plan: Plan, remote: EasemobRemote | None, attempts: int, *, as_json: bool
) -> Result:
    """Store it, which hides it here, and deliver it where there is a way to the server."""
    async with SyncEngine.open(path, remote, config=Config(attempts=attempts)) as engine:
        others = {intent.number for intent in await engine.outbox()}
        await plan.ask(engine)
        mine = {intent.number for intent in await engine.outbox()} - others
        if not mine:
            return Result(plan, "nothing")
        if not as_json:
            click.echo(f"deleted here: {_in_words(plan)}")
        delivery = await engine.deliver() if remote is not None else None
        states = {i.state for i in await engine.outbox() if i.number in mine}
    refused = IntentState.REFUSED in states
    state = "refused" if refused else "pending" if states else "settled"
    return _judged(plan, state, delivery)


def _judged(plan: Plan, state: str, delivery: Delivery | None) -> Result:
    """A server that is away for now is no error: what was asked for is kept."""
    if delivery is None:
        return Result(plan, state, waits=_NO_WAY)
    problems = [_problem(error, key) for key, error in delivery.refusals]
    code = 1 if problems else 0
    error = delivery.error
    if error is None:
        return Result(plan, state, tuple(problems), code)
    if error.patience is Patience.LATER:
        return Result(plan, state, tuple(problems), code, waits=str(error))
    return Result(plan, state, (*problems, _problem(error)), exit_code(error))


def _problem(error: SyncEngineError, key: ConversationKey | None = None) -> Problem:
    name, kind = (key.conversation_id, key.kind) if key else (None, None)
    return Problem(type(error).__name__, str(error), error.hint, name, kind)


def tell_plan(plan: Plan, *, as_json: bool) -> None:
    """What would happen."""
    if as_json:
        print_json({**_plan_json(plan), **_PLANNED})
        return
    click.echo(f"would be deleted: {_in_words(plan)}")
    for line in _consequences(plan):
        click.echo(line)
    click.echo("Nothing was changed.")


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "conversation_id": plan.key.conversation_id,
        "kind": plan.key.kind,
        "what": plan.wish.what,
        "message_ids": plan.wish.ids,
        "until": plan.wish.until,
        "held": plan.held,
        "counted": plan.counted,
    }


_PLANNED = {"dry_run": True, "state": "planned", "waits": None, "errors": ()}
_ENDS: dict[str, Callable[[Result], str]] = {
    "nothing": lambda result: "nothing to do: it was deleted before",
    "settled": lambda result: "delivered: it is deleted on the server too",
    "pending": lambda result: (
        f"not delivered yet{': ' + plain(result.waits) if result.waits else ''};"
        f" {result.deliverer} does it"
    ),
    "refused": lambda result: (
        "refused by the server: it is shown here again; `syncengine outbox` has --retry and --drop"
    ),
}


def tell_result(result: Result, *, as_json: bool) -> None:
    """What happened."""
    if as_json:
        ends = {"dry_run": False, "state": result.state, "waits": result.waits or None}
        errors = [problem_json(problem) for problem in result.problems]
        print_json({**_plan_json(result.plan), **ends, "errors": errors})
        return
    click.echo(_ENDS[result.state](result))
    print_problems(result.problems)
