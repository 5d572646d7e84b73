"""Pages: nothing that anybody wrote is ever markup, and no page can reach the network."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from attrs import asdict
from hypothesis import example, given
from hypothesis import strategies as st

from syncengine import Hole, Kind, Message, MessageType
from syncengine.export.bubbles import bubble, hole
from syncengine.export.core import _Exporter
from syncengine.export.folder import writing
from syncengine.export.html import Browsable
from syncengine.export.manifest import NAME
from syncengine.export.pieces import Missing
from syncengine.export.safe import escaped, link, script_literal, shown
from syncengine.export.style import head
from tests.export.reading import assert_sound, exported
from tests.harness import Side, numbered

HOSTILE = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "<script>document.title='owned'</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</p></article></main><!--",
        "]]></style></script><svg onload=alert(1)>",
        "javascript:alert(1)",
        "&lt;b&gt; &amp;amp; &#x3c;",
        "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
        "\0\x1b[31m\ud800\N{NEXT LINE}\N{LINE SEPARATOR}",
    ]
)
POLICY = '<meta http-equiv="Content-Security-Policy" content="'
TAGS = {"article", "div", "span", "bdi", "time", "p", "a", "details", "summary", "pre"}
ATTRIBUTES = {"class", "id", "dir", "href", "rel", "target", "datetime", "title", "data-day"}


class Page(HTMLParser):
    """What a browser sees of a piece of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str | None]] = {}
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.add(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        """Elements close in the order in which they were opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note which element has it."""
        where = self.open[-1] if self.open else ""
        self.texts[where] = self.texts.get(where, "") + data

    def handle_comment(self, data: str) -> None:
        """Nobody writes comments."""
        raise AssertionError(data)


@given(HOSTILE, HOSTILE, HOSTILE, st.dictionaries(HOSTILE, HOSTILE), st.integers(-(2**70), 2**70))
@example("<b>", "<i>", "javascript:alert(1)", {"<u>": "</pre>"}, 0)
def test_nothing_written_is_ever_markup(
    text: str, sender: str, url: str, ext: dict[str, Any], timestamp: int
) -> None:
    """Whatever names, texts, ids and details are: our elements only, and the words are shown."""
    body = {"url": url}
    message = Message(
        sender, "bob", Kind.CHAT, sender, timestamp, MessageType.FILE, text, None, body, ext
    )
    page = Page(bubble(message, own=False, unverified=True))
    assert page.open == []
    assert page.tags <= TAGS
    assert set(page.attributes) <= ATTRIBUTES
    assert page.texts.get("p", "").startswith(shown(text))
    assert page.texts.get("bdi", "") == shown(sender)
    assert page.attributes["id"] == ["m" + shown(sender)]
    for address in page.attributes.get("href", []):
        assert address is not None
        assert address.lower().startswith(("http://", "https://"))


@given(HOSTILE)
def test_shown_text_can_be_carried_and_obeys_nobody(text: str) -> None:
    """UTF-8 carries it; no control character is left, and none that overrules a direction."""
    found = shown(text)
    assert found.encode().decode() == found
    assert not set(found) & {chr(each) for each in (*range(9), *range(11, 32), *range(127, 160))}
    assert not set(found) & {"\N{RIGHT-TO-LEFT OVERRIDE}", "\N{LEFT-TO-RIGHT OVERRIDE}"}
    assert shown(found) == found
    assert not set(escaped(text)) & set("<>\"'")


@given(HOSTILE)
def test_a_script_literal_cannot_end_its_script(text: str) -> None:
    """ASCII, on one line, with no angle bracket; and it is still the text."""
    literal = script_literal([text])
    assert literal.isascii()
    assert not set(literal) & set("<>&\n\r")


@given(HOSTILE)
def test_only_addresses_of_the_web_become_links(text: str) -> None:
    """Nothing that runs, and nothing that opens a file of the reader's machine."""
    for address in (text, f"javascript:{text}", f"data:text/html,{text}", f"file://{text}"):
        found = link(address)
        assert found is None or found.lower().startswith(("http://", "https://"))
    assert link(f"https://a1.example.com/{'x' * 9}?a=1&b=2").endswith("?a=1&amp;b=2")  # type: ignore[union-attr]  # there is one
    assert link(7) is None


def test_holes_are_said_in_words() -> None:
    """Law 9: a gap, a seam and what was never synced are told apart."""
    words = {
        hole(Missing(Hole(*beside), seam))
        for beside, seam in ((("1", "2"), False), (("1", "2"), True), ((None, None), False))
    }
    assert len(words) == 3


def test_the_policy_comes_first_and_allows_nothing_from_elsewhere() -> None:
    """Before anything else on the page: two hashes, and nothing by name or by scheme."""
    for index in (False, True):
        above, _, rest = head("t", index=index).partition(POLICY)
        written = rest.partition('"')[0]
        assert above.endswith('<head>\n<meta charset="utf-8">\n')
        assert written.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in written
        assert "http" not in written


async def test_a_long_conversation_is_several_pages(side: Side, target: Path) -> None:
    """Each links to its neighbours, and has its own search data; together they are all."""
    side.send(*numbered(1, 250))
    await side.sync()
    async with side.engine(online=False) as engine:
        with writing(target, replace=False) as folder:
            rendering = Browsable(own="alice", size=100)
            exporter = _Exporter(engine.reader, folder, rendering, side.time.now, None)
            (bob,) = [each async for each in exporter.all(await engine.reader.keys())]
            files = {name: asdict(each) for name, each in folder.files.items()}
            folder.write("manifest.json", json.dumps({"format": NAME, "files": files}))
    pages = [name for name in bob.files if name.endswith(".html")]
    assert pages == [f"conversations/chat-bob{each}.html" for each in ("", "~p2", "~p3")]
    texts = [text_of(target / name) for name in pages]
    assert [each.count("<article") for each in texts] == [100, 100, 50]
    assert 'href="chat-bob~p2.html"' in texts[0]
    assert 'href="chat-bob.html#end"' in texts[1]
    assert 'href="chat-bob~p3.html"' in texts[1]
    assert 'href="chat-bob~p2.html#end"' in texts[2]
    searched = [text_of(target / name) for name in bob.files if name.endswith(".js")]
    assert [each.count("\n[") for each in searched] == [100, 100, 50]


def text_of(path: Path) -> str:
    """A file's text."""
    return path.read_text(encoding="utf-8")


async def test_gaps_and_seams_are_where_they_are(side: Side, target: Path) -> None:
    """Law 9: on the page between the messages that they are between, and on the index."""
    side.send(*numbered(1, 30))
    await side.sync()
    side.send(*numbered(31, 60))
    async with side.engine() as engine:
        await engine.fetch_history_messages("bob", "chat", page_size=5)
    await exported(side, target, "html")
    page = text_of(target / "conversations" / "chat-bob.html")
    above, below = page.split('<div class="hole gap"')
    assert ">m30</p>" in above
    assert ">m56</p>" in below
    index = text_of(target / "index.html")
    assert "1 gap</span>" in index
    assert "1 not whole</span>" in index
    assert_sound(target)
