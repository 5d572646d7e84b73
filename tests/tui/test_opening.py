"""What a person sees first: conversations, and the newest messages of one."""

import asyncio

from benchmarks.filling import Size, fill
from syncengine import SyncEngine
from syncengine.emulator import demo_world
from syncengine.models import ConversationKey, Kind
from tests.harness import Side, numbered
from tests.tui.driving import browsing


async def test_what_is_held_is_there_with_no_network(side: Side) -> None:
    """Law 9: pinned first and marked, with unread counts and what was said last."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.sees("Conversations 12", "offline", "org#app:alice")
        lines = [line[:32] for line in person.screen.splitlines()]
        assert lines[1].startswith("* #")
        assert lines[3].startswith("* mama")
        assert lines[5].startswith("  bob")
        assert " 2 " in lines[6]
        assert "alice: See you" in lines[6]


async def test_enter_opens_a_conversation_at_its_newest_message(side: Side) -> None:
    """It stands at the bottom, with its day, its time and its sender; the cursor is on it."""
    side.send(*numbered(1, 500))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.press("enter")
        await person.until(lambda: person.selected == "m500")
        assert person.in_view[-1] == "m500"
        assert "Tuesday, 14 November 2023" not in person.screen  # far above
        assert "22:13 bob" in person.screen
        assert "as of 2023-11-14" in person.screen


async def test_a_click_opens_one_too(side: Side) -> None:
    """The mouse does what Enter does, in the list and in the messages."""
    side.send("hello")
    side.send("hi", peer="carol")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.pilot.click("#list", offset=(5, 2))
        await person.until(lambda: person.selected == "hi")
        await person.pilot.click("#list", offset=(5, 1))
        await person.until(lambda: person.selected == "hello")


async def test_few_messages_stand_at_the_bottom_under_their_day(side: Side) -> None:
    """As in every chat; above them it says that nothing is older."""
    side.send("hello")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        lines = [line[33:].strip() for line in person.screen.splitlines()[:-2]]
        assert lines[-1] == "hello"
        assert "Tuesday, 14 November 2023" in lines[-3]
        assert "this is where the history starts" in lines[-4]


async def test_empty_and_never_synced_differ(side: Side) -> None:
    """Law 9: what the list alone is known of says so, and so does a copy with nothing in it."""
    async with browsing(side, online=False) as person:
        await person.sees("nothing is stored here yet")
    side.send("hello")
    async with side.engine() as engine:
        await engine.get_conversations_from_server()
    async with browsing(side, online=False) as person:
        await person.sees("bob ", " ?")
        await person.open()
        await person.sees("not here yet", "never synced")
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open()
        await person.app.engine.delete_remote_messages_with_ids("bob", "chat", side.held())
        await person.sees("(nothing in it)", "there are no messages here")
        assert person.selected is None


async def test_an_attachment_shows_its_type_and_name(side: Side) -> None:
    """And an edited message is marked."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    async with side.engine(online=False) as engine:
        image = await _image(engine)
    async with browsing(side, online=False) as person:
        await person.open(message_id=image)
        await person.sees("[image] 北京 skyline.jpg", "[file] 旅行计划 plan.pdf")
        await person.press("end")
        await person.sees("edited")


async def _image(engine: SyncEngine) -> str:
    part = await engine.reader.messages("bob", "chat", limit=100)
    return next(m.message_id for m in part.messages if m.type == "image")


async def test_thousands_of_conversations_come_in_pages(side: Side) -> None:
    """The end of the list is reached by scrolling, page by page, and by one key."""
    await asyncio.to_thread(fill, side.path, Size(450, 20))
    async with browsing(side, online=False) as person:
        shown = person.app.conversations
        assert len(shown.rows) == 200
        for _ in range(15):
            await person.press("pagedown")
        await person.until(lambda: len(shown.rows) > 200)
        await person.press("end")
        await person.until(lambda: shown.cursor == "chat:user0449")
        assert len(shown.rows) == 450


async def test_a_group_and_a_user_of_one_id_are_two(side: Side) -> None:
    """Each opens with its own messages."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    async with browsing(side, online=False) as person:
        await person.open(ConversationKey("support", Kind.CHAT))
        chat = person.texts
        await person.open(ConversationKey("support", Kind.GROUPCHAT))
        assert chat != person.texts
        assert len(person.texts) == 15
