"""`--account` and `--config`: which account a command means, from flags or the configuration."""

from pathlib import Path

import pytest

from tests.cli.command import Person

READING = [
    ("conversations",),
    ("messages", "bob"),
    ("search", "tea"),
    ("changes",),
    ("status",),
    ("outbox",),
    ("upkeep",),
]


def table(person: Person, name: str, file: Path, **keys: object) -> str:
    """An account of the configuration; its secret is in its own variable."""
    url = person.env["SYNCENGINE_SERVER"]
    lines = [f'server = "{url}"', 'app_key = "org#app"', 'user = "alice"', f'file = "{file}"']
    more = [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join([f"[accounts.{name}]", *lines, 'secret = "environment"', *more, ""])


def configured(person: Person, *tables: str) -> Person:
    """A person with nothing but a configuration, and a password for each account."""
    path = person.home / "config" / "syncengine" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(tables))
    bare = {name: None for name in person.env if name.startswith("SYNCENGINE")}
    secrets = {f"SYNCENGINE_PASSWORD_{name}": "alice" for name in ("ALICE", "OTHER")}
    return person.but(**bare).but(**secrets)


@pytest.mark.parametrize("line", READING, ids=" ".join)
def test_the_only_account_needs_no_flag(alice: Person, line: tuple[str, ...]) -> None:
    """What is configured is read, with and without its name; the same as with all flags."""
    found = configured(alice, table(alice, "alice", alice.db))
    alice.call("upkeep")  # the first of these indexes, and says so
    expected = alice.call(*line)
    for flags in ((), ("--account", "alice")):
        done = found.call(*line, *flags)
        assert (done.code, done.out) == (expected.code, expected.out)
    assert found.but(SYNCENGINE_ACCOUNT="alice").call(*line).out == expected.out


def test_a_sync_and_its_settings(alice: Person) -> None:
    """Settings come from the configuration; a flag or a variable goes before them."""
    found = configured(alice, table(alice, "alice", alice.db, audit_pages=0))
    assert found.call("sync", "--json").object["pages"] == 0
    assert found.call("sync", "--audit-pages", "4", "--json").object["pages"] == 4
    assert found.but(SYNCENGINE_AUDIT_PAGES="3").call("sync", "--json").object["pages"] == 3
    assert found.call("verify", "--json").code == 0


def test_a_deletion_is_delivered(alice: Person) -> None:
    """With a secret it is tried at once; without one it waits here, as with flags (law 8)."""
    found = configured(alice, table(alice, "alice", alice.db, allow_insecure_http="true"))
    text = (alice.home / "config" / "syncengine" / "config.toml").read_text()
    away = text.replace(alice.env["SYNCENGINE_SERVER"], "http://127.0.0.1:1")
    (alice.home / "config" / "syncengine" / "config.toml").write_text(away)
    line = ("delete", "bob", "--all", "--yes", "--json")
    assert found.call(*line).object["state"] == "pending"
    silent = found.but(SYNCENGINE_PASSWORD_ALICE=None)
    assert silent.call("delete", "carol", "--all", "--yes", "--json").object["state"] == "pending"
    assert len(found.call("outbox", "--json").lines) >= 2


def test_one_of_several(alice: Person) -> None:
    """Which has to be said; the hint lists them, and a name that there is not is told."""
    other = alice.home / "other.db"
    found = configured(alice, table(alice, "alice", alice.db), table(alice, "other", other))
    for line in (("sync",), ("messages", "bob"), ("upkeep",)):
        found.call(*line).refused(2, "missing: --account", "alice, other")
    assert found.call("status", "--account", "alice").code == 0
    done = found.call("status", "--account", "other")
    done.refused(2, "nothing is stored for other", "syncengine sync --account other")
    found.call("status", "--account", "alcie").refused(2, "did you mean alice?")
    assert found.call("status", "--db", str(alice.db)).code == 0


def test_flags_and_an_account_exclude_each_other(alice: Person) -> None:
    """A password must not go to a server that it is not for. What is typed goes before what
    stands in a variable; two variables are a question."""
    found = configured(alice, table(alice, "alice", alice.db))
    for flag in ("--server", "--app-key", "--user", "--db"):
        done = found.call("sync", "--account", "alice", flag, "x#y")
        done.refused(2, f"--account and {flag} exclude each other")
    done = found.call("sync", "--account", "alice", "--allow-insecure-http")
    done.refused(2, "--account and --allow-insecure-http exclude each other")
    stale = found.but(SYNCENGINE_SERVER="http://127.0.0.1:1", SYNCENGINE_USER="stranger")
    assert stale.call("sync", "--account", "alice").code == 0
    both = stale.but(SYNCENGINE_ACCOUNT="alice")
    both.call("sync").refused(2, "--account and --server exclude each other")
    typed = found.but(SYNCENGINE_ACCOUNT="nobody").call("status", "--db", str(alice.db))
    assert typed.code == 0


def test_another_configuration(alice: Person) -> None:
    """`--config` and its variable name a file; one that is not there is an error."""
    found = configured(alice, table(alice, "alice", alice.home / "none.db"))
    elsewhere = alice.home / "elsewhere.toml"
    elsewhere.write_text(table(alice, "alice", alice.db))
    assert found.call("status", "--config", str(elsewhere)).code == 0
    assert found.but(SYNCENGINE_CONFIG=str(elsewhere)).call("status").code == 0
    missing = str(alice.home / "missing.toml")
    found.call("status", "--config", missing).refused(2, "no configuration in", "account add")
    found.call("account", "list", "--config", missing).refused(2, "no configuration in")


def test_an_empty_configuration_changes_nothing(alice: Person) -> None:
    """The errors for missing flags are as they were."""
    found = configured(alice, "")
    found.call("conversations").refused(2, "missing: --user or --db\n")
    found.call("sync").refused(2, "missing: --server, --app-key, --user\n")
