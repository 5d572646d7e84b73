"""The adapter against the emulator's readable world, and against all its faults."""

import pytest

from syncengine.emulator import Emulator, Faults, Switches, demo_world, profile_names
from syncengine.errors import RemoteError, ServiceNotEnabled
from syncengine.models import ConversationKey, Kind, MessageRow
from syncengine.remote.easemob import EasemobRemote
from syncengine.remote.easemob.details import details
from tests.remote.contract import all_pages, rows

BOB = ConversationKey("bob", Kind.CHAT)


def alice(emulator: Emulator) -> EasemobRemote:
    """Her adapter."""
    return EasemobRemote(
        "http://localhost",
        app_key="org#app",
        user="alice",
        password="alice",
        transport=emulator.transport,
    )


async def history_of_bob() -> list[MessageRow]:
    """All that alice and bob wrote, newest first."""
    remote = alice(Emulator(demo_world(clock=lambda: 1_700_000_000_000)))
    pages = await all_pages(remote, BOB, limit=49)
    await remote.close()
    return rows(pages)


async def test_every_content_type_arrives() -> None:
    """One of everything is in the readable world, and none of it is unknown."""
    found = {row.type: row for row in await history_of_bob()}
    assert set(found) == {
        "text",
        "image",
        "video",
        "location",
        "voice",
        "file",
        "command",
        "custom",
        "combined",
    }
    assert details(found["video"].raw).body["duration_s"] == 17
    assert details(found["location"].raw).body["building"] == "天安门"
    assert details(found["custom"].raw).body["exts"] == {"name": "🌹 rose", "count": "99"}
    assert found["location"].text == "东长安街, Beijing 天安门"


async def test_every_ext_type_arrives() -> None:
    """Ext values of all wire types come back as what they were."""
    found = [details(row.raw).ext for row in await history_of_bob() if row.type != "text"]
    assert {
        "urgent": True,
        "attempt": 3,
        "views": 4_000_000_000,
        "offset": -(2**53) - 1,
        "ratio": 0.5,
        "score": 3.141592653589793,
        "nickname": "爱丽丝",
        "profile": {"theme": "dark", "tags": ["a", "b"], "none": None},
        "nothing": None,
    } in found


async def test_edits_and_large_ids_arrive() -> None:
    """An edit has its time, and ids run past 2^63 with their digits intact."""
    found = await history_of_bob()
    assert sum(row.edited_at is not None for row in found) == 1
    assert any(int(row.message_id) >= 2**63 for row in found)


async def test_previews_have_the_details_of_history() -> None:
    """Law 6: the list's JSON form and history's protobuf tell the same of one message."""
    remote = alice(Emulator(demo_world(clock=lambda: 1_700_000_000_000)))
    for summary in (await remote.fetch_summaries()).summaries:
        (row,) = (await remote.fetch_page(summary.key, limit=1)).messages
        assert summary.newest is not None
        assert summary.newest[:6] == row[:6]
        assert details(summary.newest.raw).ext == details(row.raw).ext
        assert details(summary.newest.raw).body == details(row.raw).body
    await remote.close()


async def test_the_three_forms_of_the_list_agree() -> None:
    """Cursor, page numbers and the unpaged call show the same conversations in one order."""
    remote = alice(Emulator(demo_world(switches=Switches(unpaged_count=50, unpaged_days=90))))
    newest = await remote.fetch_summaries()
    numbered = await remote.fetch_summaries_by_page(1, 20)
    unpaged = await remote.fetch_summaries_unpaged()
    await remote.close()
    keys = [summary.key for summary in newest.summaries]
    assert len(keys) == 12
    assert [summary.key for summary in numbered.summaries] == keys
    assert [summary.key for summary in unpaged.summaries] == keys


@pytest.mark.parametrize("form", ["disabled-400", "disabled-403"])
async def test_roaming_that_is_switched_off(form: str) -> None:
    """Both refusals are told as the switch that they are."""
    world = demo_world(switches=Switches(roaming=form))  # type: ignore[arg-type]  # a word of it
    remote = alice(Emulator(world))
    with pytest.raises(ServiceNotEnabled) as raised:
        await remote.fetch_page(BOB)
    await remote.close()
    assert "message roaming" in raised.value.hint


@pytest.mark.parametrize("profile", profile_names())
async def test_every_fault_is_an_answer_or_an_error(profile: str) -> None:
    """Whatever the emulator does to us, a page comes, or an error of ours with a hint."""

    async def no_sleep(_: float) -> None:
        """Slow answers take no time here."""

    faults = Faults(profile, seed=3, huge_bytes=17 << 20)
    remote = alice(Emulator(demo_world(), faults=faults, sleep=no_sleep))
    errors: list[RemoteError] = []
    for _ in range(30 if profile != "huge" else 2):
        for fetch in (remote.fetch_page(BOB), remote.fetch_summaries()):
            try:
                await fetch
            except RemoteError as error:
                errors.append(error)
    await remote.close()
    assert all(error.hint for error in errors)
