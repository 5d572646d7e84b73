"""Search: what is found, in which order, from where; filters, pages, bad input."""

import random
import sqlite3
from contextlib import closing
from time import process_time

import pytest

from syncengine import ConfigError, Hit, SyncEngine
from syncengine.store.words import tags
from tests.engine.searching import Said, fill, scanned, texts
from tests.harness import Side

MINUTE = 60_000
NOON = 1_700_000_000_000
PIECES = [
    "station",
    "天气",
    "车站",
    "今天",
    "cafe",
    "Café",
    "naïve",
    "👍",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "A-1234",
    "a",
    "1234",
    "https://x.org/a?b=c",
    "用iPhone拍",
    "カメラ",
    "ｶﾒﾗ",
    "학교에서",
    "שלום",
    "مرحبا",
    "don't",
    "don’t",
    "中,",
    "国",
    "中国",
    "hi",
    "!",
    "…",
    "é",
    "x_y",
    "हिन्दी",
    "ครับ",
]


async def found(side: Side, query: str, **settings: object) -> list[str]:
    """Index, and search."""
    async with side.engine(online=False) as engine:
        await engine.index()
        return await texts(engine, query, **settings)


async def prepare(side: Side) -> None:
    """An empty file with its tables."""
    async with side.engine(online=False):
        pass


def marked(hit: Hit) -> str:
    piece = hit.snippet
    for first, last in reversed(hit.highlights):
        piece = f"{piece[:first]}[{piece[first:last]}]{piece[last:]}"
    return piece


async def test_what_was_synced_is_found(side: Side) -> None:
    """Law 9: with no network; newest first, with the words marked and the message whole."""
    side.send("see you at the Café", "明天上午开会", "the cafe is closed", "用iPhone拍的 👍🏽")
    await side.sync()
    async with side.engine(online=False) as engine:
        assert (await engine.reader.search("cafe")).behind == 4
        assert await engine.index() == 4
        page = await engine.reader.search("café")
        assert (page.behind, page.cursor) == (0, None)
        assert [marked(hit) for hit in page.hits] == [
            "the [cafe] is closed",
            "see you at the [Café]",
        ]
        (hit,) = (await engine.reader.search("iphone 👍")).hits
        assert marked(hit) == "用[iPhone]拍的 [👍🏽]"
        (held,) = (await engine.reader.messages("bob", "chat", limit=1)).messages
        assert hit.message == held
        assert await texts(engine, "上午") == ["明天上午开会"]
        assert await texts(engine, "天上") == ["明天上午开会"]
        assert await texts(engine, "午上") == []


async def test_a_scan_with_the_same_rules_finds_the_same(side: Side) -> None:
    """Random texts and queries: what the index finds a scan finds, and the other way round."""
    chance = random.Random(7)
    said = [
        Said(chance.choice(("", " ")).join(chance.choices(PIECES, k=chance.randint(1, 6))))
        for _ in range(400)
    ]
    await prepare(side)
    fill(side.path, said)
    async with side.engine(online=False) as engine:
        await engine.index()
        for _ in range(300):
            query = chance.choice(("", " ")).join(chance.choices(PIECES, k=chance.randint(1, 2)))
            query = query[chance.randrange(2) :]
            prefix = chance.random() < 0.3
            expected = sorted(s.text for s in said if scanned(s.text, query, prefix=prefix))
            assert sorted(await texts(engine, query, prefix=prefix)) == expected, query
            ranked = await texts(engine, query, prefix=prefix, order="relevance")
            assert sorted(ranked) == expected, query


async def test_the_newest_come_first_page_by_page(side: Side) -> None:
    """By time, whatever the rows' order, also across conversations; nothing twice or left out."""
    await prepare(side)
    moments = random.Random(1).sample(range(1000), 100)
    fill(side.path, [Said(f"hello {m:03}", 1 + m % 3, timestamp=NOON + m) for m in moments])
    async with side.engine(online=False) as engine:
        await engine.index()
        for limit in (1, 7, 100):
            assert await texts(engine, "hello", limit=limit) == [
                f"hello {m:03}" for m in sorted(moments, reverse=True)
            ]


@pytest.mark.parametrize("order", ["newest", "relevance"])
async def test_an_import_of_one_hour_is_in_order(side: Side, order: str) -> None:
    """Times to the ms count, whichever rows have them; of one moment, the row that came later."""
    await prepare(side)
    chance = random.Random(2)
    said = [Said(f"hello {n}", timestamp=NOON + chance.randrange(300)) for n in range(450)]
    fill(side.path, said)
    wanted = [n for n, _ in sorted(enumerate(said), key=lambda e: (e[1].timestamp, e[0]))][::-1]
    async with side.engine(online=False) as engine:
        await engine.index()
        for limit in (1, 7, 1000):
            assert await texts(engine, "hello", limit=limit, order=order) == [
                f"hello {n}" for n in wanted
            ]
        between = await texts(engine, "hello", since=NOON + 100, until=NOON + 200, order=order)
        assert between == [f"hello {n}" for n in wanted if 100 <= said[n].timestamp - NOON < 200]


@pytest.mark.parametrize("order", ["newest", "relevance"])
async def test_a_page_goes_on_where_its_last_result_was_deleted(side: Side, order: str) -> None:
    """The cursor has the moment: what stood there need not be there any more."""
    await prepare(side)
    fill(side.path, [Said(f"tea {n}", timestamp=NOON + 7 * n % 10) for n in range(10)])
    everything = await found(side, "tea", order=order)
    async with side.engine(online=False) as engine:
        page = await engine.reader.search("tea", limit=4, order=order)
        last = page.hits[-1].message.message_id
        await engine.delete_remote_messages_with_ids("peer1", "chat", [last])
        rest = await engine.reader.search("tea", order=order, cursor=page.cursor)
        assert [hit.message.text for hit in rest.hits] == everything[4:]


async def test_the_newest_of_one_hour_are_ranked(side: Side) -> None:
    """The best of the newest 500 by their time, not by when they were stored."""
    await prepare(side)
    said = [Said("tea", timestamp=NOON - n) for n in range(501)]
    fill(side.path, [*said[:-1], Said("tea tea tea", timestamp=NOON - 501), Said("tea tea")])
    names = await found(side, "tea", order="relevance", limit=1000)
    assert (len(names), names[0], names.count("tea tea tea")) == (500, "tea tea", 0)


async def test_the_best_come_first_page_by_page(side: Side) -> None:
    """More of the words and less of the rest is better; equally good ones newest first."""
    said = ["tea", "tea tea tea", "tea and a lot of other things " * 5, "tea", "coffee"]
    await prepare(side)
    fill(side.path, [Said(text, timestamp=NOON + n) for n, text in enumerate(said)])
    for limit in (1, 2, 20):
        order = await found(side, "tea", order="relevance", limit=limit)
        assert order == [said[1], "tea", "tea", said[2]]


async def test_filters_hold_together(side: Side) -> None:
    """Conversation, kind, sender and time, each alone and all at once, with words or without."""
    await prepare(side)
    kinds = {1: "chat", 2: "groupchat", 3: "groupchat"}
    fill(
        side.path,
        [
            Said("tea a", 1, "bob", NOON),
            Said("tea b", 2, "bob", NOON + MINUTE),
            Said("tea c", 2, "carol", NOON + 2 * MINUTE),
            Said("tea d", 3, "dave", NOON + 3 * MINUTE),
        ],
        kinds,
    )
    for text in ("tea", ""):
        assert await found(side, text, sender="bob") == ["tea b", "tea a"]
        assert await found(side, text, conversation_id="peer2") == ["tea c", "tea b"]
        assert await found(side, text, conversation_id="peer2", kind="chat") == []
        assert await found(side, text, conversation_id="nobody") == []
        assert await found(side, text, kind="groupchat") == ["tea d", "tea c", "tea b"]
        both = {"kind": "groupchat", "since": NOON + MINUTE, "until": NOON + 3 * MINUTE}
        assert await found(side, text, **both) == ["tea c", "tea b"]
        assert await found(side, text, **both, sender="carol") == ["tea c"]
    assert await found(side, "tea", since=NOON + 2 * MINUTE) == ["tea d", "tea c"]
    assert await found(side, "tea", until=NOON + 1) == ["tea a"]
    assert await found(side, "") == []
    assert await found(side, "", since=NOON + 1) == ["tea d", "tea c", "tea b"]
    assert await found(side, " ", until=NOON + MINUTE) == ["tea a"]
    assert await found(side, "", since=NOON, until=NOON) == []
    assert await found(side, "", since=NOON, order="relevance") == await found(side, "tea")


async def test_an_id_of_two_kinds_means_both(side: Side) -> None:
    """A user and a group may share an id: without a kind the search is in both."""
    await prepare(side)
    fill(side.path, [Said("tea", 1), Said("tea", 2)])
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute("UPDATE conversation SET kind = 'groupchat' WHERE conversation = 2")
        database.execute("UPDATE conversation SET conversation_id = 'x'")
    assert len(await found(side, "tea", conversation_id="x")) == 2
    assert len(await found(side, "tea", conversation_id="x", kind="chat")) == 1


async def test_senders_that_share_a_tag_are_told_apart(side: Side) -> None:
    """The index knows a sender by a number of 32 bits only: the name decides."""
    one, other = "plumless", "buckeroo"
    assert tags(1, "chat", one) == tags(1, "chat", other)
    await prepare(side)
    fill(side.path, [Said("tea", sender=one), Said("tea", sender=other), Said("tea")])
    async with side.engine(online=False) as engine:
        await engine.index()
        (hit,) = (await engine.reader.search("tea", sender=one)).hits
        assert hit.message.sender == one


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        "*",
        "NEAR(",
        "AND",
        "NOT tea",
        "tea OR",
        "tea AND (",
        "text:tea",
        "-tea",
        "^tea",
        "{text tags}: tea",
        'tea" OR "b',
        "\x00",
        "tea\x00",
        "tea\x1f\ue000",
        "\ud800",
        "a" * 10_000,
        "中" * 10_000,
        "中，国 " * 2_500,
        "tea " * 2_500,
        " ".join(f"w{n}" for n in range(1_600)),
        '"' * 10_000,
        "\n\t\v",
        "%_\\",
        "; DROP TABLE message",
        "c1",
    ],
)
@pytest.mark.parametrize("settings", [{}, {"prefix": True}, {"order": "relevance"}])
async def test_any_text_is_a_query(side: Side, text: str, settings: dict[str, object]) -> None:
    """Quotes, operators, null characters, ten thousand characters: words or nothing."""
    await prepare(side)
    fill(side.path, [Said("tea"), Said("or and not near drop table")])
    await found(side, text, **settings)


async def test_punctuation_finds_nothing(side: Side) -> None:
    """Not everything: a text that has no words is not an empty one. Operators are words."""
    await prepare(side)
    fill(side.path, [Said("tea! ..."), Said("tea or not")])
    assert await found(side, "!?.", sender="bob") == []
    assert await found(side, "tea OR coffee") == []
    assert await found(side, "NOT") == ["tea or not"]
    assert await found(side, "c1") == []
    assert await found(side, "chat") == []


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "mail"},
        {"order": "oldest"},
        {"limit": 0},
        {"limit": 10**20},
        {"text": "!" * 100_001},
        {"cursor": ""},
        {"cursor": "x.y"},
        {"cursor": "1.0x0.0p+0"},
        {"cursor": "-1-1.0x0p0"},
        {"cursor": "1--1.0x0p0"},
        {"cursor": "1-1.nan"},
        {"cursor": f"{1 << 70:x}-1.0x0p0"},
        {"cursor": f"1-{1 << 70:x}.0x0p0"},
    ],
)
async def test_what_cannot_be_meant_is_refused(side: Side, settings: dict[str, object]) -> None:
    """With a hint; nothing is searched."""
    async with side.engine(online=False) as engine:
        with pytest.raises(ConfigError) as caught:
            await texts_once(engine, settings)
        assert caught.value.hint


async def texts_once(engine: SyncEngine, settings: dict[str, object]) -> None:
    await engine.reader.search(**{"text": "tea", **settings})  # type: ignore[arg-type]  # wrong ones too


@pytest.mark.parametrize("count", [64, 65, 1_000])
@pytest.mark.parametrize("order", ["newest", "relevance"])
async def test_the_last_word_of_many_counts(side: Side, count: int, order: str) -> None:
    """However many there are, all are looked for, whichever order is asked for."""
    await prepare(side)
    *first, last = words = [*(f"w{n}" for n in range(count - 1)), "last"]
    fill(side.path, [Said(" ".join(words)), Said(" ".join(first))])
    assert await found(side, " ".join(words), order=order) == [" ".join(words)]
    cut = " ".join([*first, last[:-1]])
    assert await found(side, cut, order=order, prefix=True) == [" ".join(words)]
    assert await found(side, cut, order=order) == []


async def test_a_pasted_text_finds_itself(side: Side) -> None:
    """A paragraph without spaces is one long word: it is compared to its last character."""
    await prepare(side)
    pasted = "今天的天气真好，一起去公园吧。" * 12
    others = [pasted[:-2] + "家", pasted[:64], "，".join(pasted), pasted[1:]]
    fill(side.path, [Said(pasted), Said(f"see: {pasted}!"), *map(Said, others)])
    assert sorted(await found(side, pasted)) == sorted([pasted, f"see: {pasted}!"])
    async with side.engine(online=False) as engine:
        page = await engine.reader.search(pasted)
    assert all(hit.highlights for hit in page.hits)


async def test_what_repeats_is_compared_in_no_time(side: Side) -> None:
    """A long word and a text that both repeat one character: not once for each of the two."""
    await prepare(side)
    fill(side.path, [Said("哈" * 300_000)])
    began = process_time()
    assert await found(side, "哈" * 9_999 + "嘿") == []
    assert process_time() - began < 10


async def test_an_id_that_is_no_text_finds_nothing(side: Side) -> None:
    """Nothing that is held has one."""
    await prepare(side)
    fill(side.path, [Said("tea")])
    assert await found(side, "tea", conversation_id="\ud800") == []
    assert await found(side, "tea", sender="\ud800") == []


async def test_absurd_times_are_found_too(side: Side) -> None:
    """Times before 1970 and after every calendar stand at the ends of the order."""
    moments = [-(1 << 62), -1, 0, NOON, (1 << 42) - 1, 1 << 45, (1 << 63) - 1]
    await prepare(side)
    fill(side.path, [Said(f"tea {n}", timestamp=at) for n, at in enumerate(moments)])
    names = await found(side, "tea")
    assert names[3] == "tea 3"
    assert set(names[:3]) == {"tea 4", "tea 5", "tea 6"}
    assert await found(side, "tea", since=1 << 45) == await found(side, "tea", since=1 << 44)
    assert set(await found(side, "tea", until=0)) == {"tea 0", "tea 1"}
    assert len(await found(side, "tea", until=1 << 62, since=-(1 << 63))) == 6


async def test_rows_that_are_far_apart(side: Side) -> None:
    """Messages of one moment are all found, and deleted, apart, whatever their row numbers."""
    rows = [5, 5 + (1 << 21), 5 + (1 << 22), (1 << 36) - 1]
    await prepare(side)
    fill(side.path, [Said(f"tea {n}", row=row) for n, row in enumerate(rows)])
    assert sorted(await found(side, "tea")) == ["tea 0", "tea 1", "tea 2", "tea 3"]
    async with side.engine(online=False) as engine:
        await engine.delete_remote_messages_with_ids("peer1", "chat", ["2"])
        assert sorted(await texts(engine, "tea")) == ["tea 0", "tea 2", "tea 3"]
    with closing(sqlite3.connect(side.path)) as database, database:
        database.execute("DELETE FROM message WHERE message_id IN ('1', '2')")
        database.execute("UPDATE message SET text = 'coffee' WHERE message_id = '3'")
    assert await found(side, "tea") == ["tea 3"]
    assert await found(side, "coffee") == ["coffee"]


async def test_a_message_of_megabytes(side: Side) -> None:
    """It is found by its last word, and shown by a piece."""
    await prepare(side)
    fill(side.path, [Said("中文的句子，" * 300_000 + "needle"), Said("needle")])
    async with side.engine(online=False) as engine:
        await engine.index()
        page = await engine.reader.search("needle 中文")
        assert len(page.hits[0].snippet) < 200
        assert page.hits[0].highlights
