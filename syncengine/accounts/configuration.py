"""The configuration's file, read.

    [accounts.alice]
    server = "https://a1.easemob.com"
    app_key = "org#app"
    user = "alice"
    file = "alice.db"             # default: named after the user, in the system's data folder
    secret = "keyring"            # or "environment", "credential", "file:PATH"
    secret_is = "password"        # or "token"
    allow_insecure_http = false   # plain http beyond this machine
    poll_floor = 15               # seconds between polls: never fewer,
    poll_ceiling = 900            # never more
    retention = "keep"            # and every other setting of Config

    [daemon]
    metrics = "127.0.0.1:9464"    # or "unix:PATH"; default: nowhere
    log_level = "info"

Relative paths begin in the file's own folder, and `~` is the person's. Secrets do not stand
in it.
"""

from pathlib import Path

from syncengine.accounts.account import Configuration
from syncengine.accounts.folders import default_path
from syncengine.accounts.parsing import parse
from syncengine.errors import ConfigError

_FIRST = "Make one with `syncengine account add NAME --server URL --app-key ORG#APP --user USER`."


def load(path: Path | None = None) -> Configuration:
    """All that a file configures; by default the one in the system's configuration folder.

    Raises ConfigError, with the path in its text, for a file that is not there, cannot be
    read, is not TOML (with line and column), or says something that cannot be meant.
    """
    path = path or default_path()
    data = content(path)
    if data is None:
        raise ConfigError(f"there is no configuration in {path}", hint=_FIRST)
    return read(path, data)


def read(path: Path, data: bytes) -> Configuration:
    """What this content of that file configures. Raises ConfigError."""
    try:
        return parse(data, Path(path).absolute().parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", hint=error.hint) from None


def content(path: Path) -> bytes | None:
    """What stands in the file; None where there is none. Raises ConfigError."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "Check the path, and who may read it."
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from None
