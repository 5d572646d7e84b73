"""The systemd unit that runs the daemon for one person, as text; pure but for `write_unit`.

Only what a *user's* manager grants stands in it: whatever needs a capability to set up
(PrivateDevices, ProtectClock, ProtectKernelModules, CapabilityBoundingSet …) makes a user's
unit fail at its start, and such a manager has none of those capabilities to give away.
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from syncengine.errors import ConfigError

UNIT = "syncengine.service"
WATCHDOG_S = 60
"""The daemon shows itself alive twice in this time, or is started anew."""
STOP_S = 15
"""It needs up to 5; then the manager kills it."""
NOT_AGAIN = (2,)
"""Exit codes that another start would not change: usage, configuration."""

_TEMPLATE = """\
[Unit]
Description=syncengine: keeps copies of chat histories up to date
After=network.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec={watchdog}
TimeoutStopSec={stop}
Restart=on-failure
RestartSec=10
RestartPreventExitStatus={not_again}
UMask=0077
LimitNOFILE=8192
# A password for the account NAME that stands in no keyring (`secret = "credential"`):
# LoadCredential=NAME:%h/.config/syncengine/NAME.secret

# It writes these folders and nothing else.
ProtectSystem=strict
ProtectHome=read-only
{writable}
PrivateTmp=yes
NoNewPrivileges=yes
MemoryDenyWriteExecute=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"""


def unit_text(command: Sequence[str], writable: Sequence[Path]) -> str:
    """The unit: runs `command`, which may write into these folders only.

    Raises ConfigError for a path that no unit can carry: relative, or with a line break.
    """
    for word in (*command, *map(str, writable)):
        if not word.isprintable():
            raise ConfigError(
                f"{word!r} cannot stand in a unit", hint="Use a path without control characters."
            )
    if not writable or not all(folder.is_absolute() for folder in writable):
        raise ConfigError("a folder of the unit is relative", hint="Name it from the root on.")
    return _TEMPLATE.format(
        command=" ".join(map(_argument, command)),
        watchdog=WATCHDOG_S,
        stop=STOP_S,
        not_again=" ".join(map(str, NOT_AGAIN)),
        writable="\n".join(f"ReadWritePaths={_quoted(str(folder))}" for folder in writable),
    )


def unit_path(config_home: Path) -> Path:
    """Where a person's manager looks for it, in their configuration folder."""
    return config_home / "systemd" / "user" / UNIT


def write_unit(path: Path, text: str) -> bool:
    """Put the unit in its place, whole. Returns whether it differs from what was there.

    Raises ConfigError where it cannot be written.
    """
    try:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _swap_in(path, text)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}", hint="Print it with --print, and put it there yourself."
        ) from None
    return True


def _swap_in(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _argument(word: str) -> str:
    """One word of a command line: neither a specifier nor a variable is meant."""
    return _quoted(word.replace("$", "$$"))


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(escaped) & set(" '\"\\;") else escaped
