"""What Prometheus reads."""

import re
from pathlib import Path

from attrs import evolve
from prometheus_client.parser import text_string_to_metric_families

from syncengine.daemon.logs import shortened
from syncengine.daemon.metrics import Metrics, health
from syncengine.daemon.standing import Snapshot, Standing

LONG = 'eve"\n} 1\nsyncengine_fake{x="'
ACCOUNTS = [
    Standing(
        name="alice",
        path="/alice.db",
        state="waiting",
        last_sync=1_700_000_000_000,
        next_sync=1_700_000_060_000,
        verified_since=1_600_000_000_500,
        cycles=7,
        requests=12,
        received=3456,
        gaps=2,
        pending=1,
        refused=0,
        errors={"Unreachable": 3},
    ),
    Standing(name=LONG, path="/eve.db", state="unauthorized", error="Unauthorized"),
]

FULL = [evolve(ACCOUNTS[0], conversations=1, messages=2, held_back=0)]


def series(accounts: list[Standing], *, process: bool = False) -> dict[tuple[str, ...], float]:
    """Every value by its name and the values of its labels, read by Prometheus' own parser."""
    snapshot = Snapshot(pid=1, since=5000, written=6000, accounts=accounts)
    text = Metrics(lambda: snapshot, process=process).answer().body.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_series_of_an_account() -> None:
    """Times in seconds, figures, counters, errors by class, its state."""
    found = series(ACCOUNTS)
    name = "syncengine_account_"
    assert found[f"{name}last_sync_timestamp_seconds", "alice"] == 1_700_000_000
    assert found[f"{name}next_sync_timestamp_seconds", "alice"] == 1_700_000_060
    assert found[f"{name}verified_since_timestamp_seconds", "alice"] == 1_600_000_000.5
    assert found[f"{name}gaps", "alice"] == 2
    assert found[f"{name}outbox_pending", "alice"] == 1
    assert found[f"{name}outbox_refused", "alice"] == 0
    assert found[f"{name}cycles_total", "alice"] == 7
    assert found[f"{name}requests_total", "alice"] == 12
    assert found[f"{name}received_bytes_total", "alice"] == 3456
    assert found[f"{name}errors_total", "alice", "Unreachable"] == 3
    assert found[f"{name}state", "alice", "waiting"] == 1
    assert found[("syncengine_start_timestamp_seconds",)] == 5


def test_what_is_not_known_is_left_out() -> None:
    """No gap is not the same as not known."""
    found = series(ACCOUNTS)
    assert ("syncengine_account_gaps", shortened(LONG)) not in found
    assert ("syncengine_account_last_sync_timestamp_seconds", shortened(LONG)) not in found


def test_a_name_makes_no_series_of_its_own() -> None:
    """Whatever is in it; and a long one is shortened, as in the log."""
    found = series(ACCOUNTS)
    assert ("syncengine_account_state", shortened(LONG), "unauthorized") in found
    assert not any("fake" in name for name, *_ in found)


def test_the_process_itself() -> None:
    """Memory and descriptors, by the names that every dashboard knows."""
    found = series([], process=True)
    assert found[("process_resident_memory_bytes",)] > 1e6
    assert found[("process_open_fds",)] > 2


def test_two_in_one_process() -> None:
    """Nothing global: an embedding program may measure itself, and ask twice."""
    assert series(ACCOUNTS) == series(ACCOUNTS)


def test_health() -> None:
    """A failing account is no ill daemon; one that ends takes no more visitors."""
    snapshot = Snapshot(pid=1, since=0, written=0, accounts=ACCOUNTS)
    well = health(snapshot, stopping=False)
    assert (well.status, well.body) == (200, b"ok: 2 accounts, 1 with an error\n")
    assert health(snapshot, stopping=True).status == 503


def test_the_dashboard_of_the_readme_asks_for_what_there_is() -> None:
    """Every series that its queries name exists; every series of an account is named."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## The daemon")[2].partition("\n## ")[0]
    asked = set(re.findall(r"\b(?:syncengine_account|process)_\w+", section))
    there = {name for name, *_ in series(FULL, process=True)}
    assert asked <= there
    assert {name for name in there if name.startswith("syncengine_account")} <= asked
