"""Paging against the truth: whatever happened, the pages add up to what the user sees."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncengine.emulator import Emulator, World
from syncengine.models import Kind
from tests.emulator.caller import NOW, ids, signed_in

VERBS = ("send", "import", "recall", "delete", "edit", "before", "advance")
happenings = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 40)), max_size=40)


def play(world: World, verb: str, number: int, sent: list[str]) -> None:
    """Let one thing happen; `number` picks the message or the time."""
    chosen = sent[number % len(sent)] if sent else None
    match verb:
        case "send":
            sent.append(world.send("bob", "alice", Kind.CHAT, "x", at=world.now() - number % 3))
        case "import":
            at = world.now() - number
            sent.append(world.import_message("alice", "bob", Kind.CHAT, "past", at=at))
        case "recall" if chosen:
            world.recall(chosen)
        case "delete" if chosen:
            world.delete_messages("alice", "bob", [chosen], Kind.CHAT)
        case "edit" if chosen:
            world.edit(chosen, "edited")
        case "before":
            world.delete_before("alice", "bob", world.now() - number, Kind.CHAT)
        case "advance":
            world.advance(number)


async def pull(emulator: Emulator, **options: Any) -> list[str]:
    """All ids of the conversation, page by page."""
    caller = await signed_in(emulator)
    found: list[str] = []
    start = ""
    while True:
        page = await caller.page("bob", start=start, **options)
        found += ids(page)
        if page["is_last"]:
            break
        start = page["next_key"]
    await caller.http.aclose()
    return found


@settings(max_examples=40, deadline=None)
@given(happenings=happenings, limit=st.integers(1, 50))
def test_pages_add_up_to_the_truth(happenings: list[tuple[str, int]], limit: int) -> None:
    """In both directions and at any page size, each message seen comes once and in order."""
    world = World(clock=lambda: NOW)
    world.add_user("alice")
    sent: list[str] = []
    for verb, number in happenings:
        play(world, verb, number, sent)
    truth = [str(each.message_id) for each in world.history("alice", "bob")]
    emulator = Emulator(world)
    assert asyncio.run(pull(emulator, pull_number=limit, is_positive=True)) == truth
    assert asyncio.run(pull(emulator, pull_number=limit)) == truth[::-1]
    listed = world.conversations("alice", include_empty=True)
    assert not listed or truth, "a conversation without messages has left the list"
