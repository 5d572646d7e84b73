"""JSON lines: everything that a message has, one a line, in the order of the conversation."""

import base64
import json
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from syncengine import Kind, Message, MessageType, SyncEngine
from syncengine.emulator import demo_world
from syncengine.export.jsonl import line
from tests.export.reading import assert_sound, exported, lines_of, manifest_of
from tests.harness import Side, numbered

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Also null characters, line ends of every kind and halves of characters."""
ANY_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=5,
)


async def test_a_conversation_is_a_file_in_its_order(side: Side, target: Path) -> None:
    """Law 3: the lines stand as the conversation does, whatever their times say."""
    side.send(*numbered(1, 205))
    side.time.seconds -= 5000
    side.send("m206")
    await side.sync()
    result = await exported(side, target)
    assert [each["text"] for each in lines_of(target, "bob")] == numbered(1, 206)
    assert (result.messages, result.conversations, result.whole) == (206, 1, True)
    assert_sound(target)


async def test_a_line_has_everything_that_a_read_has(side: Side, target: Path) -> None:
    """Every field of every message of the readable world, the server's bytes included."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    await exported(side, target)
    async with SyncEngine.open(side.path) as engine:
        for key in await engine.reader.keys():
            held = await engine.reader.messages(key.conversation_id, key.kind, limit=1000)
            lines = lines_of(target, key.conversation_id, key.kind)
            assert [dict(each, unverified=None) for each in lines] == [
                _as_line(message) for message in held.messages
            ]


def _as_line(message: Message) -> dict[str, Any]:
    raw = base64.b64encode(message.raw).decode()
    value: dict[str, Any] = json.loads(
        json.dumps({**attrs.asdict(message), "raw": raw, "unverified": None})
    )
    return value


async def test_the_raw_bytes_can_be_left_out(side: Side, target: Path) -> None:
    """They are most of the size, and programs that read the fields have no use for them."""
    side.send("m1")
    await side.sync()
    await exported(side, target, raw=False)
    (only,) = lines_of(target, "bob")
    assert "raw" not in only
    assert manifest_of(target)["raw"] is False


@given(text=ANY_TEXT, sender=ANY_TEXT, ext=st.dictionaries(ANY_TEXT, ANY_VALUE), raw=st.binary())
def test_any_message_is_one_line(text: str, sender: str, ext: dict[str, Any], raw: bytes) -> None:
    """Whatever was written: UTF-8, exactly one line for every reader, and the same when read."""
    message = Message(
        "1", "bob", Kind.CHAT, sender, 5, MessageType.TEXT, text=text, ext=ext, raw=raw
    )
    written = line(message, unverified=True)
    assert written.encode().decode() == written
    assert len(written.splitlines()) == 1
    read = json.loads(written)
    assert (read["text"], read["sender"], read["ext"]) == (text, sender, ext)
    assert base64.b64decode(read["raw"]) == raw
