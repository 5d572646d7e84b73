"""Numbers that JSON does not have, in what a sender wrote: every output stays JSON."""

import html
import re
from math import inf, nan
from pathlib import Path
from typing import Any

from syncengine.emulator import World
from tests.cli.conftest import Serve
from tests.export.reading import manifest_of
from tests.test_json_text import strictly_read

SENT: dict[str, Any] = {"a": nan, "b": {"c": [inf, -inf]}, "d": 1.5}
WRITTEN = {"a": "NaN", "b": {"c": ["Infinity", "-Infinity"]}, "d": 1.5}


def test_they_are_text_in_every_output(world: World, serve: Serve, tmp_path: Path) -> None:
    """`--json`, JSON lines and the details of a page agree, and every parser reads them."""
    world.send("bob", "alice", "chat", "m1", ext=SENT)
    alice = serve(world)
    assert alice.call("sync").code == 0
    told = alice.call("messages", "bob", "--json").out
    shown = [strictly_read(each) for each in told.splitlines()]
    assert WRITTEN in [each.get("ext") for each in _messages(shown)]
    for layout in ("jsonl", "html"):
        alice.call("export", "--format", layout, "--output", str(tmp_path / layout))
        assert manifest_of(tmp_path / layout)["counts"]["messages"] == 1
    line = (tmp_path / "jsonl" / "conversations" / "chat-bob.jsonl").read_text()
    assert strictly_read(line)["ext"] == WRITTEN
    page = (tmp_path / "html" / "conversations" / "chat-bob.html").read_text()
    (details,) = re.findall(r'<pre dir="ltr">(.*?)</pre>', page, re.DOTALL)
    assert strictly_read(html.unescape(details))["ext"] == WRITTEN


def _messages(shown: list[Any]) -> list[dict[str, Any]]:
    return [message for each in shown for message in each.get("messages", [each])]
