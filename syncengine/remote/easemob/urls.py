"""Addresses: which are accepted, how they are put together, and what lies between.

Everything that comes from outside is escaped before it becomes part of an address
(schema/wire/README.md, Conventions): an id never adds a path, a parameter or a host.
"""

import ipaddress
import re
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import frozen

from syncengine.errors import ConfigError
from syncengine.models import Kind

_HOST = re.compile(r"[^\s/\\@?#%:\[\]]+")
_BARE_HOST_HINT = "Give an address like https://a1.easemob.com, without parameters."


@frozen
class AppKey:
    """An application on the service: ``org#app``."""

    org: str
    app: str

    def __str__(self) -> str:
        return f"{self.org}#{self.app}"


def app_key_of(text: str) -> AppKey:
    """Raises `ConfigError` unless there are exactly two parts, neither empty."""
    org, separator, app = text.partition("#")
    if not separator or "#" in app or not org.strip() or not app.strip():
        raise ConfigError(
            f"{text!r} is no app key",
            hint="An app key is an organisation and an application, joined by #: org#app.",
        )
    return AppKey(org, app)


def base_of(url: str, *, allow_insecure_http: bool) -> str:
    """The server's address as it is used from here on, without a slash at its end.

    It is put together anew from the parts that were checked, so that no other parser can
    see another host in it.
    """
    scheme, host, port, path = _parts_of(url)
    if scheme == "http" and not (allow_insecure_http or is_loopback(host)):
        raise ConfigError(
            f"plain http to {host} would send the password and the messages unprotected",
            hint="Use https, or set allow_insecure_http where the network between is trusted.",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{f':{port}' if port is not None else ''}{path}"


def _parts_of(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _no_address() from None
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not plain or not _is_host(host):
        raise _no_address()
    return parts.scheme, host, port, parts.path.rstrip("/")


def _no_address() -> ConfigError:
    """Without the address itself: it may hold a password."""
    return ConfigError("the server's address cannot be used", hint=_BARE_HOST_HINT)


def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None or _ip(host) is not None


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """This machine, by what is written: no name is looked up, since names can lie."""
    address = _ip(host)
    return address.is_loopback if address else host.lower().rstrip(".") == "localhost"


def proxy_for(base: str) -> str | None:
    """The environment's proxy for this address, as every program has it.

    Never one for this machine: it would only see what it should not.
    """
    parts = urlsplit(base)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


def escape(value: str) -> str:
    """One segment of a path, or one value of a query."""
    return quote(value, safe="")


def segment(value: str, what: str) -> str:
    """Like `escape`, and refuses what a path would take for a step up, or for nothing."""
    if value in ("", ".", ".."):
        raise ConfigError(f"{value!r} is no {what}", hint=f"Give a {what}.")
    return escape(value)


def side_of(kind: Kind) -> str:
    """The wire's word for one person or many; rooms count as groups there."""
    return "chat" if kind is Kind.CHAT else "group"


def queue_of(conversation_id: str, kind: Kind) -> str:
    """The wire's name of a conversation's history."""
    domain = "easemob.com" if kind is Kind.CHAT else "conference.easemob.com"
    return f"{conversation_id}@{domain}"
