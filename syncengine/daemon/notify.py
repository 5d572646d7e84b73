"""Tells systemd how the daemon is, and that it is alive; where there is no systemd, nobody.

The manager gives a datagram socket in NOTIFY_SOCKET; each message is lines of NAME=value
(sd_notify(3)). A message that cannot be sent is dropped: to be watched is no reason to fail.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Self

from attrs import define

from syncengine.plain import plain

_LONGEST_STATUS = 200
"""Characters; `systemctl status` shows one line."""


@define
class Notifier:
    """Speaks to the service manager. Every call returns at once and raises nothing."""

    _address: str | None
    """Path of the socket, or `\\0` and its abstract name; None: nobody listens."""
    watchdog_every: float | None = None
    """Seconds from one sign of life to the next: half of what the manager allows; None: it
    does not watch."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Whoever the environment (by default the process's own) names as the manager."""
        found = os.environ if environment is None else environment
        address = _address_of(found.get("NOTIFY_SOCKET", ""))
        return cls(address, _watchdog_of(found) if address else None)

    @property
    def listening(self) -> bool:
        """Whether there is a manager to speak to."""
        return self._address is not None

    def ready(self, status: str) -> None:
        """Everything has been started, or reread after `reloading`."""
        self._send("READY=1", _status_line(status))

    def status(self, status: str) -> None:
        """One line for people who ask the manager."""
        self._send(_status_line(status))

    def alive(self) -> None:
        """A sign of life: the event loop still turns."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The configuration is being reread; `ready` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.setblocking(False)
                door.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except (OSError, ValueError):  # gone, or does not read: there is nothing to be done
            return


def _address_of(named: str) -> str | None:
    """As the socket module writes it: an abstract name begins with a zero instead of @."""
    if named.startswith("@") and len(named) > 1:
        return f"\0{named[1:]}"
    return named if named.startswith("/") else None


def _watchdog_of(environment: Mapping[str, str]) -> float | None:
    """Half of WATCHDOG_USEC in seconds, if it is this process that is watched."""
    meant = environment.get("WATCHDOG_PID", "")
    allowed = environment.get("WATCHDOG_USEC", "")
    if meant and meant != str(os.getpid()):
        return None
    if not (allowed.isascii() and allowed.isdecimal() and int(allowed)):
        return None
    return int(allowed) / 2_000_000


def _status_line(status: str) -> str:
    """A line break would begin another message of the protocol."""
    return f"STATUS={plain(status)[:_LONGEST_STATUS]}"
