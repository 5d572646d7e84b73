"""Pages as a person sees them: in Chromium, from the disk, with no network."""

import sqlite3
from contextlib import closing
from pathlib import Path

from syncengine import MessageType
from syncengine.emulator import demo_world
from tests.export.chromium import Browser
from tests.export.reading import exported, put
from tests.harness import Side, numbered

OWN = "document.documentElement.dataset.owned = 1"
PLANTED = (
    f"<script>{OWN}</script>",
    f"\"><img src=x onerror='{OWN}'>",
    f"' autofocus tabindex=1 onfocus='{OWN}",
    f"</script><script>{OWN}</script>",
    f"</title></style><svg onload='{OWN}'>",
    f"*/ {OWN}; /*",
    f'"]]);{OWN};//',
    f"javascript:{OWN}",
    f"${{{OWN}}}`;{OWN}//",
)


def address(path: Path) -> str:
    """As a browser's address bar has it."""
    return path.as_uri()


def pages_in(target: Path) -> list[Path]:
    """Every page of an export."""
    return sorted(target.rglob("*.html"))


def rename_everything(path: Path) -> None:
    """Names, senders and ids of the copy become scripts, as a hostile server could have it."""
    with closing(sqlite3.connect(path)) as database, database:
        texts = list(enumerate(PLANTED, start=1))
        for number, text in texts:
            database.execute(
                "UPDATE message SET sender = ?, message_id = ?, type = ? WHERE text = ?",
                (text, text, MessageType.FILE, text),
            )
            database.execute(
                "INSERT INTO conversation (conversation_id, kind, fetched, activity)"
                " VALUES (?, 'chat', 1, ?)",
                (text, number),
            )


async def hostile(side: Side, target: Path) -> None:
    """An export in which everything that can be is a script."""
    side.send(*PLANTED)
    await side.sync()
    rename_everything(side.path)
    await exported(side, target, "html")


async def test_no_planted_script_ever_runs(
    side: Side, target: Path, page: Browser, tmp_path: Path
) -> None:
    """On no page, also while searching; each is shown as the text that it is."""
    put(tmp_path / "control.html", f"<body>{PLANTED[0]}")
    page.open(address(tmp_path / "control.html"))
    assert page.run("document.documentElement.dataset.owned") == "1"  # the trap works
    await hostile(side, target)
    page.requests.clear()
    for file in pages_in(target):
        page.open(address(file))
        assert page.run("document.documentElement.dataset.owned") is None
        assert page.run("document.querySelectorAll('img, svg, iframe, object').length") == 0
        assert page.run("document.querySelectorAll('[href^=\"javascript\" i]').length") == 0
    page.open(address(target / "conversations" / "chat-bob.html"))
    texts = "[...document.querySelectorAll('.text')].map(each => each.textContent)"
    assert page.run(texts) == list(PLANTED)
    page.open(address(target / "index.html") + "#q=owned")
    page.wait_for("document.body.dataset.searched")
    assert page.run("document.querySelectorAll('#hits li').length") == len(PLANTED)
    assert page.run("document.documentElement.dataset.owned") is None
    assert page.console == []
    assert all(each.startswith((target.as_uri(), "about:")) for each in page.requests)


async def test_the_policy_alone_stops_a_script(side: Side, target: Path, page: Browser) -> None:
    """The second wall: planted past all escaping, it is refused, and so is any picture."""
    side.send("m1")
    await side.sync()
    await exported(side, target, "html")
    for name in ("index.html", "conversations/chat-bob.html"):
        text = (target / name).read_text()
        put(target / name, text.replace("<main>", f"<main>{PLANTED[0]}{PLANTED[1]}", 1))
        page.open(address(target / name))
        assert page.run("document.querySelectorAll('main script, main img').length") == 2
        assert page.run("document.documentElement.dataset.owned") is None
        assert any("Content Security Policy" in each for each in page.console)


async def test_a_page_is_filtered_as_you_type(side: Side, target: Path, page: Browser) -> None:
    """Every word counts, without case and accents; Chinese and emoji are found; Escape ends it."""
    side.send(
        "Meet at the CAFÉ", "我们星期六去爬山，你来吗？", "🏔️ 👍", "the end", "مرحبا، كيف حالك؟"
    )
    await side.sync()
    await exported(side, target, "html")
    page.open(address(target / "conversations" / "chat-bob.html"))
    shown = "[...document.querySelectorAll('article:not([hidden]) .text')].map(e => e.textContent)"
    expected = {
        "cafe": ["Meet at the CAFÉ"],
        "the meet": ["Meet at the CAFÉ"],
        "爬山": ["我们星期六去爬山，你来吗？"],
        "你": ["我们星期六去爬山，你来吗？"],
        "👍": ["🏔️ 👍"],
        "حالك": ["مرحبا، كيف حالك؟"],
        "nowhere": [],
    }
    for query, found in expected.items():
        page.run("document.getElementById('q').value = ''; document.getElementById('q').focus()")
        page.type(query)
        assert page.run(shown) == found, query
    assert page.run("document.getElementById('told').textContent") == "0 messages on this page"
    page.send("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert len(page.run(shown)) == 5
    assert page.console == []


async def test_the_index_searches_all_messages(side: Side, target: Path, page: Browser) -> None:
    """Of every conversation; a hit leads to its message, and conversations are filtered too."""
    side.serve(demo_world(clock=side.time.now))
    await side.sync()
    await exported(side, target, "html")
    page.open(address(target / "index.html"))
    page.run("document.getElementById('q').focus()")
    page.type("不见不散")
    page.wait_for("document.body.dataset.searched")
    (hit,) = page.run("[...document.querySelectorAll('#hits a')].map(each => each.href)")
    page.open(hit)
    assert "不见不散" in page.run("document.querySelector(':target').textContent")
    page.open(address(target / "index.html") + "#q=CAROL")
    page.wait_for("document.body.dataset.searched")
    rows = "[...document.querySelectorAll('tr[data-stem]:not([hidden])')].map(e => e.dataset.name)"
    assert page.run(rows) == ["carol"]
    assert page.run("document.querySelectorAll('#hits li').length") > 20
    assert page.console == []


async def test_many_hits_come_in_portions(side: Side, target: Path, page: Browser) -> None:
    """A word that is everywhere does not fill the page; a button shows more, to the last."""
    side.send(*(f"again {number}" for number in range(450)))
    await side.sync()
    await exported(side, target, "html")
    page.open(address(target / "index.html") + "#q=again")
    number = "document.querySelectorAll('#hits li').length"
    for expected in (200, 400):
        page.wait_for("!document.getElementById('more').hidden")
        assert page.run(number) == expected
        page.run("document.getElementById('more').click()")
    page.wait_for("document.body.dataset.searched")
    assert page.run(number) == 450
    assert page.run("document.querySelector('#hits .text').textContent") == "again 449"
    assert page.run("document.getElementById('told').textContent") == "450 messages found"


async def test_every_text_has_its_own_direction(side: Side, target: Path, page: Browser) -> None:
    """Arabic runs from the right, what is beside it does not; a name turns nothing around."""
    side.send("مرحبا، كيف حالك؟", "hello", "你好")
    await side.sync()
    await exported(side, target, "html")
    page.open(address(target / "conversations" / "chat-bob.html"))
    directions = "[...document.querySelectorAll('.text')].map(e => getComputedStyle(e).direction)"
    assert page.run(directions) == ["rtl", "ltr", "ltr"]
    assert page.run("getComputedStyle(document.body).direction") == "ltr"


async def test_an_export_opens_at_its_newest_messages(
    side: Side, target: Path, page: Browser
) -> None:
    """As in every chat program, and what is missing is seen there."""
    side.send(*numbered(1, 300))
    await side.sync()
    await exported(side, target, "html")
    page.open(address(target / "index.html"))
    page.run("document.querySelector('tr[data-stem] a').click()")
    page.wait_for(
        "location.pathname.endsWith('chat-bob.html') && document.readyState === 'complete'"
    )
    page.wait_for("scrollY > 0")
    visible = "[...document.querySelectorAll('article')].at(-1).getBoundingClientRect().top"
    assert 0 < page.run(visible) < page.run("innerHeight")
