"""The configuration, read: what it means, and what each mistake in it is told."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine import Config, ConfigError, Retention
from syncengine.accounts import (
    Address,
    Configuration,
    Daemon,
    Keeper,
    Place,
    Polling,
    SecretKind,
    check_folder,
    configuration,
    default_file,
    load,
)
from syncengine.accounts.parsing import check_name, parse

ALICE = 'server = "https://a1.easemob.com"\napp_key = "org#app"\nuser = "alice"\n'
ROOT = Path(__file__).parent.parent.parent


def read(tmp_path: Path, text: str | bytes) -> Configuration:
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def refused(tmp_path: Path, text: str | bytes) -> ConfigError:
    """The error, which names the file and has a hint that is a sentence."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'config.toml'}: ")
    assert caught.value.hint.endswith((".", "]."))
    return caught.value


def test_an_account_with_nothing_but_what_it_needs(tmp_path: Path) -> None:
    """Its file is the one of the commands, its secret in the keyring, its settings ours."""
    account = read(tmp_path, f"[accounts.alice]\n{ALICE}").accounts["alice"]
    assert (account.name, account.user, account.app_key) == ("alice", "alice", "org#app")
    assert account.file == default_file("alice")
    assert (account.secret, account.secret_is) == (Place(Keeper.KEYRING), SecretKind.PASSWORD)
    assert account.open_settings() == Config()
    assert account.polling == Polling()


def test_all_that_can_be_said(tmp_path: Path) -> None:
    """Every key has its meaning; whole numbers do where fractions may stand."""
    text = f"""
        [accounts."b.ob"]
        {ALICE}
        file = "chats/bob.db"
        secret = "file:secrets/bob"
        secret_is = "token"
        allow_insecure_http = true
        poll_floor = 15
        poll_ceiling = 900.5
        retention = "mirror"
        retention_days = 7
        audit_pages = 9
        confirm_absence_after = 20
        index_search = false
        [daemon]
        metrics = "[::1]:9464"
        log_level = "debug"
    """
    found = read(tmp_path, text)
    bob = found.accounts["b.ob"]
    assert bob.file == tmp_path / "chats" / "bob.db"
    assert bob.secret == Place(Keeper.FILE, tmp_path / "secrets" / "bob")
    assert (bob.secret_is, bob.allow_insecure_http) == (SecretKind.TOKEN, True)
    assert bob.polling == Polling(15, 900.5)
    assert bob.open_settings() == Config(
        retention=Retention.MIRROR,
        retention_days=7,
        audit_pages=9,
        confirm_absence_after=20,
        index_search=False,
    )
    assert bob.open_settings(audit_pages=1).audit_pages == 1
    assert found.daemon == Daemon(metrics=Address("::1", 9464), log_level="debug")


def test_a_socket_for_the_figures(tmp_path: Path) -> None:
    """`unix:PATH`, in the configuration's folder where it is relative."""
    found = read(tmp_path, '[daemon]\nmetrics = "unix:run/metrics"')
    assert found.daemon.metrics == tmp_path / "run" / "metrics"


def test_the_readme_shows_what_can_be_read(tmp_path: Path) -> None:
    """Its example is a configuration, and so is the one in the module's own text."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert list(read(tmp_path, example).accounts) == ["alice"]
    inside = "\n".join(re.findall("^    (.*)$", str(configuration.__doc__), re.MULTILINE))
    assert list(read(tmp_path, inside).accounts) == ["alice"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Its path, and the command that makes one."""
    with pytest.raises(ConfigError, match="there is no configuration in") as caught:
        load(tmp_path / "nowhere")
    assert "syncengine account add" in caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, for example."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


PLACES = [
    ("a = 1\nb c = 2\n", r"\(at line 2, column 3\)"),
    ('[accounts.alice]\nserver = "https', r"\(at line 2, column 16, the end\)"),
    ("[accounts.a]\n[accounts.a]\n", r"\(at line 2, column \d+\)"),
    (b"# ok\nx = '\xff'\n", r"not UTF-8 \(at line 2, column 6\)"),
    ("a = " + "9" * 5000, "no valid TOML"),
    ("a = " + "[" * 5000, "nested too deep"),
]


@pytest.mark.parametrize(("text", "words"), PLACES, ids=[words for _, words in PLACES])
def test_bad_toml_is_told_where(tmp_path: Path, text: str | bytes, words: str) -> None:
    """The line and the column, also where the text ends too early."""
    assert re.search(words, str(refused(tmp_path, text)))


UNKNOWN = [
    ("[acounts.alice]\n", "the file has an unknown key 'acounts'; did you mean accounts?"),
    ("[accounts.alice]\nsever = 1\n", "[accounts.alice] has an unknown key 'sever'; did you mean"),
    (
        f"[accounts.a]\n{ALICE}audit_page = 1\n",
        "unknown key 'audit_page'; did you mean audit_pages",
    ),
    ("[daemon]\nport = 1\n", "[daemon] has an unknown key 'port'"),
]


@pytest.mark.parametrize(("text", "words"), UNKNOWN, ids=[words for _, words in UNKNOWN])
def test_an_unknown_key_is_named(tmp_path: Path, text: str, words: str) -> None:
    """With its table and the nearest known key; the hint lists what there is."""
    error = refused(tmp_path, text)
    assert words in str(error)
    assert error.hint.startswith("Known are: ")


def test_a_name_with_a_dot_is_quoted(tmp_path: Path) -> None:
    """TOML takes it for a table in a table; the hint shows how it is written."""
    error = refused(tmp_path, f"[accounts.a.b]\n{ALICE}")
    assert '[accounts."a.b"]' in error.hint


TYPES = [
    ("accounts = 3", "the file: accounts is a number, not a table"),
    ("[accounts]\nalice = 'x'", "[accounts] alice is text, not a table"),
    ("[accounts.a]\nserver = 3", "[accounts.a] server is a number, not text in quotes"),
    ("[accounts.a]\nuser = 2020-01-01", "[accounts.a] user is a time, not text in quotes"),
    ("[accounts.a]\nfile = ['x']", "[accounts.a] file is a list, not text in quotes"),
    ("[accounts.a]\naudit_pages = 1.5", "audit_pages is a number, not a whole number"),
    ("[accounts.a]\naudit_pages = true", "audit_pages is true or false, not a whole number"),
    ("[accounts.a]\npoll_floor = '9'", "poll_floor is text, not a number"),
    ("[accounts.a]\npoll_floor = true", "poll_floor is true or false, not a number"),
    ("[accounts.a]\nindex_search = 1", "index_search is a number, not true or false"),
    ("[daemon]\nlog_level = {}", "[daemon] log_level is a table, not text in quotes"),
]


@pytest.mark.parametrize(("text", "words"), TYPES, ids=[words for _, words in TYPES])
def test_a_value_of_a_wrong_kind(tmp_path: Path, text: str, words: str) -> None:
    """What it is and what it should be, in words; the value itself is not shown."""
    assert words in str(refused(tmp_path, text))


VALUES = [
    ('server = "ftp://x"', "[accounts.a] server: the server's address cannot be used"),
    ('server = "http://example.com"', "[accounts.a] server: plain http to example.com"),
    ('app_key = "org"', "[accounts.a] app_key: 'org' is no app key"),
    ('user = ".."', "[accounts.a] user: '..' is no user name"),
    ('file = ""', "[accounts.a] file is no path of a file"),
    ('file = "a\\u0000b"', "[accounts.a] file is no path of a file"),
    ('file = "~nobody-of-this-name/x"', "[accounts.a] file is no path of a file"),
    ('secret = "file:"', "[accounts.a] secret is no place for a secret"),
    ('secret_is = "key"', "[accounts.a] secret_is has no such kind"),
    ("audit_pages = -1", "[accounts.a] audit_pages is -1"),
    ("retention_days = nan", "[accounts.a] retention_days is nan"),
    ("confirm_absence_after = inf", "[accounts.a] confirm_absence_after is inf"),
    ('retention = "drop"', "[accounts.a] retention is 'drop'"),
    ("poll_floor = 0.5", "[accounts.a] poll_floor is 0.5"),
    ("poll_ceiling = nan", "[accounts.a] poll_ceiling is nan"),
    ("poll_floor = 60\npoll_ceiling = 30", "[accounts.a] poll_floor is above poll_ceiling"),
]


@pytest.mark.parametrize(("line", "words"), VALUES, ids=[line for line, _ in VALUES])
def test_a_value_that_cannot_be_used(tmp_path: Path, line: str, words: str) -> None:
    """The table and the key, and by the hint what would do: the same checks as `Config`'s."""
    key = line.partition(" ")[0]
    rest = "\n".join(each for each in ALICE.splitlines() if not each.startswith(f"{key} "))
    assert words in str(refused(tmp_path, f"[accounts.a]\n{rest}\n{line}\n"))


@pytest.mark.parametrize("missing", ["server", "app_key", "user"])
def test_what_an_account_needs(tmp_path: Path, missing: str) -> None:
    """Without it, or with nothing in it."""
    rest = "\n".join(each for each in ALICE.splitlines() if not each.startswith(missing))
    assert f"[accounts.a] has no {missing}" in str(refused(tmp_path, f"[accounts.a]\n{rest}"))
    empty = f'[accounts.a]\n{rest}\n{missing} = ""'
    assert f"[accounts.a] has no {missing}" in str(refused(tmp_path, empty))


def test_plain_http_is_allowed_where_it_is_meant(tmp_path: Path) -> None:
    """To this machine always; beyond it only with allow_insecure_http."""
    rest = 'app_key = "org#app"\nuser = "alice"\n'
    read(tmp_path, f'[accounts.a]\n{rest}server = "http://127.0.0.1:8080"')
    far = f'[accounts.a]\n{rest}server = "http://example.com"\n'
    assert "allow_insecure_http" in refused(tmp_path, far).hint
    assert read(tmp_path, f"{far}allow_insecure_http = true").accounts["a"].allow_insecure_http


MISPLACED = [
    'password = "hunter2"',
    'access_token = "hunter2"',
    'secret = "hunter2"',
    'server = "https://alice:hunter2@a1.easemob.com"',
    'secret_is = "hunter2"',
    'server = ["hunter2"]',
]


@pytest.mark.parametrize("line", MISPLACED)
def test_a_misplaced_secret_is_not_shown(tmp_path: Path, line: str) -> None:
    """An error goes into logs: it names the key and never shows what stands there."""
    key = line.partition(" ")[0]
    rest = "\n".join(each for each in ALICE.splitlines() if not each.startswith(f"{key} "))
    error = refused(tmp_path, f"[accounts.a]\n{rest}\n{line}\n")
    assert "hunter2" not in f"{error} {error.hint} {error!r}"


@pytest.mark.parametrize("level", ["warn", "INFO", ""])
def test_a_log_level_that_there_is_not(tmp_path: Path, level: str) -> None:
    """The hint lists those that there are."""
    assert "warning" in refused(tmp_path, f'[daemon]\nlog_level = "{level}"').hint


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:9464", "example.com:80", "127.0.0.1", "127.0.0.1:0", "localhost:99999", ":1"],
)
def test_figures_stay_on_this_machine(tmp_path: Path, address: str) -> None:
    """A port that others can reach is refused."""
    assert "127.0.0.1:9464" in refused(tmp_path, f'[daemon]\nmetrics = "{address}"').hint


def two(one: str, other: str) -> str:
    return f'[accounts.a]\n{ALICE}file = "{one}"\n[accounts.b]\n{ALICE}file = "{other}"\n'


def test_two_accounts_on_one_file(tmp_path: Path) -> None:
    """However its name is spelled: relative, by a symbolic or a hard link, or by default."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.db").write_bytes(b"")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "hard.db").hardlink_to(real / "a.db")
    for other in ("real/a.db", "./x/../real/a.db", "link/a.db", "hard.db", str(real / "a.db")):
        error = refused(tmp_path, two("real/a.db", other))
        assert "the accounts a and b have one file" in str(error)
        assert "file = PATH" in error.hint
    assert len(read(tmp_path, two("real/a.db", "real/b.db")).accounts) == 2
    both = f"[accounts.a]\n{ALICE}[accounts.b]\n{ALICE}"
    assert "have one file" in str(refused(tmp_path, both))


def test_a_link_to_itself_is_no_crash(tmp_path: Path) -> None:
    """A file whose name leads in a circle is one that cannot be opened; reading goes on."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert len(read(tmp_path, two("loop", "b.db")).accounts) == 2


def test_two_accounts_on_one_variable(tmp_path: Path) -> None:
    """Names that give the same variable would give one account the other's password."""
    text = two("1", "2").replace("[accounts.a]", "[accounts.a-x]")
    error = refused(tmp_path, text.replace("[accounts.b]", "[accounts.A_x]"))
    assert "have one variable: SYNCENGINE_PASSWORD_A_X" in str(error)


@pytest.mark.parametrize("name", ["alice", "a.b", "A-1_x", "0", "a" * 64])
def test_names_of_accounts(name: str) -> None:
    """Letters, digits, - _ and ."""
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-rf", "_a", "a/b", "a\\b", "a b", "ä", "a\n", "a" * 65, "a:b"]
)
def test_names_that_lead_elsewhere(name: str) -> None:
    """No path, no flag, no hidden file, nothing that a terminal obeys."""
    with pytest.raises(ConfigError):
        check_name(name)


def understood(data: bytes) -> bool:
    """Whether it is a configuration; else it is refused as one, with a hint."""
    try:
        parse(data, Path("/"))
    except ConfigError as error:
        assert error.hint  # noqa: PT017 - what raises is not known before
        return False
    return True


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands in the file, it is a configuration or a ConfigError."""
    for data in (text, f"[accounts.a]\n{ALICE}{text}", f"[daemon]\n{text}"):
        understood(data.encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """The same for what is no text."""
    understood(data)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Said of the file, before anything is asked of a server; nothing is left where it can."""
    (tmp_path / "letter").write_text("Dear Alice")
    with pytest.raises(ConfigError, match="cannot be written: Not a directory") as caught:
        check_folder(tmp_path / "letter" / "deep" / "alice.db")
    assert "Check who may write there" in caught.value.hint
    check_folder(tmp_path / "new" / "folder" / "alice.db")
    check_folder(tmp_path / "letter")
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed(tmp_path: Path) -> None:
    """The same for one that only the modes close."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="cannot be written: Permission denied"):
            check_folder(tmp_path / "alice.db")
    finally:
        tmp_path.chmod(0o700)
