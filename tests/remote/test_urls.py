"""Addresses, app keys and escaping. Pure."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.errors import ConfigError, Rejected
from syncengine.models import ConversationKey, Kind
from syncengine.remote.easemob.calls import Calls
from syncengine.remote.easemob.urls import AppKey, app_key_of, base_of, proxy_for

ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://LOCALHOST",
        "http://[::1]:80",
        "https://a1.easemob.com",
        "https://8.8.8.8",
    ],
)
def test_addresses_that_are_safe(url: str) -> None:
    """https anywhere, plain http to this machine."""
    assert base_of(url, allow_insecure_http=False) == url.lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://a1.easemob.com",
        "http://192.168.0.1",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://0.0.0.0",
        "http://127.1",
        "http://2130706433",
    ],
)
def test_plain_http_beyond_this_machine(url: str) -> None:
    """A password does not travel unprotected unless the person says that it may."""
    with pytest.raises(ConfigError) as refused:
        base_of(url, allow_insecure_http=False)
    assert "https" in refused.value.hint
    assert base_of(url, allow_insecure_http=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a1.easemob.com",
        "ftp://a1.easemob.com",
        "http://",
        "http://user:secret@127.0.0.1",
        "http://127.0.0.1@evil.com",
        "http://127.0.0.1\\@evil.com",
        "http://evil.com\\.localhost",
        "https://a b.com",
        "https://a1.easemob.com?x=1",
        "https://a1.easemob.com#x",
        "https://a1.easemob.com:port",
        "https://a1.easemob.com:99999",
        "https://[::1",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    """What cannot be used is refused, without being quoted: it may hold a password."""
    with pytest.raises(ConfigError) as refused:
        base_of(url, allow_insecure_http=True)
    assert "secret" not in str(refused.value)
    assert refused.value.hint


def test_a_path_below_the_server() -> None:
    """A server behind a path keeps it; a slash at the end does not count."""
    assert (
        base_of(" https://example.com/im/ ", allow_insecure_http=False) == "https://example.com/im"
    )


def test_app_keys() -> None:
    """An app key has exactly two parts."""
    assert app_key_of("org#app") == AppKey("org", "app")
    for wrong in ("", "org", "org#", "#app", "#", "org#app#x", "org/app", " # "):
        with pytest.raises(ConfigError) as refused:
            app_key_of(wrong)
        assert "org#app" in refused.value.hint


def test_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy serves distant servers, and never this machine."""
    for name in ("no_proxy", "NO_PROXY", "https_proxy", "http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert proxy_for("https://a1.easemob.com") == "http://proxy.example:3128"
    assert proxy_for("http://127.0.0.1:8080") is None
    assert proxy_for("https://localhost") is None
    monkeypatch.setenv("NO_PROXY", "a1.easemob.com")
    assert proxy_for("https://a1.easemob.com") is None


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_climb_a_path(name: str) -> None:
    """A user or an app that a path takes for a step up is refused."""
    for app_key, user in ((AppKey("org", "app"), name), (AppKey(name, "app"), "a")):
        with pytest.raises(ConfigError):
            Calls(app_key, user, "r")


@given(ENCODABLE, ENCODABLE, ENCODABLE)
def test_everything_is_escaped(user: str, peer: str, resource: str) -> None:
    """No id adds a path, a parameter or a host, and all come through whole."""
    if user in (".", ".."):
        return
    calls = Calls(AppKey("or/g", "a?p"), user, resource)
    request = calls.delete_before(ConversationKey(peer, Kind.CHAT), 5)
    parts = urlsplit(f"https://host{request.target}")
    assert parts.netloc == "host"
    assert [unquote(part) for part in parts.path.split("/")] == [
        "", "or/g", "a?p", "sdk", "message", "roaming", "chat", "user", user, "time",
    ]  # fmt: skip
    assert parse_qs(parts.query, keep_blank_values=True, strict_parsing=True) == {
        "userId": [peer],
        "delTime": ["5"],
        "resource": [resource],
    }


def test_deletions_are_checked_before_they_are_sent() -> None:
    """Too many ids, ids that are none, and moments before 1970 are refused here."""
    calls, bob = Calls(AppKey("org", "app"), "alice", "r"), ConversationKey("bob", Kind.CHAT)
    with pytest.raises(ConfigError, match="51"):
        calls.delete_messages(bob, ["1"] * 51)
    with pytest.raises(Rejected):
        calls.delete_messages(bob, ["1", "raw:00"])
    with pytest.raises(ConfigError):
        calls.delete_before(bob, -1)
    with pytest.raises(Rejected):
        calls.history_page(bob, "raw:00", 20, newer=False)


@pytest.mark.parametrize(
    ("kind", "side", "name"),
    [
        ("chat", "chat", "userId"),
        ("groupchat", "group", "groupId"),
        ("chatroom", "group", "groupId"),
    ],
)
def test_sides(kind: str, side: str, name: str) -> None:
    """Groups and rooms share one path for deletions."""
    request = Calls(AppKey("org", "app"), "alice", "r").delete_messages(
        ConversationKey("x", Kind(kind)), ["1", "2"]
    )
    assert request.target == (
        f"/org/app/sdk/message/roaming/{side}/user/alice?{name}=x&msgIdList=1%2C2&resource=r"
    )
