"""The configuration, written: whole or not at all, and with what a person wrote into it."""

import os
from pathlib import Path

import pytest

from syncengine import ConfigError
from syncengine.accounts import Draft, load

ALICE = {"server": "https://a1.easemob.com", "app_key": "org#app", "user": "alice"}
BOB = {**ALICE, "user": "bob"}
HAND = """\
# my accounts
[accounts.alice] # hers
server   = "https://a1.easemob.com"   # Beijing
app_key  = 'org#app'
user     = "alice"
audit_pages = 9

# quiet
[daemon]
log_level = "error"
"""


def draft(path: Path, **accounts: dict[str, str]) -> Draft:
    found = Draft(path)
    for name, keys in accounts.items():
        found.put(name, keys)
    return found


def test_the_first_account_makes_the_file(tmp_path: Path) -> None:
    """For its owner alone, in a folder for its owner alone."""
    path = tmp_path / "syncengine" / "config.toml"
    draft(path, alice=ALICE).write()
    assert load(path).accounts["alice"].user == "alice"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    """Comments, spaces, order, other tables: what is not changed is not touched."""
    path = tmp_path / "config.toml"
    path.write_text(HAND)
    draft(path, **{"b.ob": BOB}).write()
    for line in HAND.splitlines():
        assert line in path.read_text().splitlines()
    assert list(load(path).accounts) == ["alice", "b.ob"]
    change = Draft(path)
    change.put("alice", {"secret": "environment", "audit_pages": None})
    change.write()
    assert "# Beijing\n" in path.read_text()
    assert load(path).accounts["alice"].settings == {}
    away = Draft(path)
    away.drop("b.ob")
    away.write()
    assert path.read_text() == (
        HAND.replace("audit_pages = 9\n", "").replace(
            "# hers\n", '# hers\nsecret = "environment"\n'
        )
    )


FORMS = [
    'accounts = {alice = {server = "https://h", app_key = "o#a", user = "alice"}}\n',
    '[accounts]\nalice = {server = "https://h", app_key = "o#a", user = "alice"}\n',
    'accounts.alice.server = "https://h"\naccounts.alice.app_key = "o#a"\n'
    'accounts.alice.user = "alice"\n',
    '[accounts.alice]\nserver = "https://h"\napp_key = "o#a"\nuser = "alice"\n'
    '[daemon]\n[accounts.carol]\nserver = "https://h"\napp_key = "o#a"\nuser = "carol"\n',
    '\ufeff[accounts.alice]\r\nserver = "https://h"\r\napp_key = "o#a"\r\nuser = "alice"\r\n',
]


@pytest.mark.parametrize("text", FORMS)
def test_other_ways_to_write_it(tmp_path: Path, text: str) -> None:
    """TOML has many: an account comes and goes, the others stay as they are; or, where that
    cannot be done, it is said and nothing is written."""
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    before = load(path)
    try:
        draft(path, bob=BOB).write()
        assert load(path).accounts["bob"].user == "bob"
        away = Draft(path)
        away.drop("bob")
        away.write()
    except ConfigError as error:
        assert "in an editor" in error.hint  # noqa: PT017 - only some forms may end here
        assert path.read_bytes() == text.encode()
    assert load(path) == before


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    """An account that is wrong, or would share a file, changes nothing."""
    path = tmp_path / "config.toml"
    draft(path, alice=ALICE).write()
    before = path.read_bytes()
    for wrong in ({**BOB, "server": "http://example.com"}, {**BOB, "user": "alice"}):
        with pytest.raises(ConfigError):
            draft(path, bob=wrong).write()
    assert path.read_bytes() == before


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    """A person's typing error is told, and not overwritten."""
    path = tmp_path / "config.toml"
    path.write_text("[accounts.alice\n")
    with pytest.raises(ConfigError, match="line 1"):
        Draft(path)
    assert path.read_text() == "[accounts.alice\n"


def test_two_who_write(tmp_path: Path) -> None:
    """Law 10: what another program wrote meanwhile is not lost."""
    path = tmp_path / "config.toml"
    mine, other = draft(path, alice=ALICE), draft(path, bob=BOB)
    other.write()
    with pytest.raises(ConfigError, match="changed by another program"):
        mine.write()
    assert list(load(path).accounts) == ["bob"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """People keep their configuration in a folder of its own, and link to it."""
    real = tmp_path / "dotfiles" / "syncengine.toml"
    real.parent.mkdir()
    real.write_text(HAND)
    path = tmp_path / "config.toml"
    path.symlink_to(real)
    draft(path, bob=BOB).write()
    assert path.is_symlink()
    assert list(load(real).accounts) == ["alice", "bob"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A clear error; nothing is left behind."""
    (tmp_path / "letter").write_text("Dear Alice")
    with pytest.raises(ConfigError) as caught:
        draft(tmp_path / "letter" / "config.toml", alice=ALICE).write()
    assert caught.value.hint
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 10: the old configuration stays, and no half of a new one."""
    path = tmp_path / "config.toml"
    draft(path, alice=ALICE).write()
    before = path.read_bytes()
    sync = os.fsync

    def full(handle: int) -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        os.write(handle, b"x")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        draft(path, bob=BOB).write()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]
