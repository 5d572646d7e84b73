"""Which accounts a person has, where their secrets are, and the file that says so.

    configuration = load()                      # a TOML file, by default the system's own
    for account in configuration.accounts.values():
        secret = secret_of(account)             # may take a while: call it in a thread
        async with SyncEngine.open(
            account.file, account.remote(secret), config=account.open_settings()
        ) as engine:
            …

Reading needs the extra `cli`; writing the file and the system's keyring need `daemon`.
"""

from syncengine.accounts.account import Account, Address, Configuration, Daemon, Polling
from syncengine.accounts.configuration import load
from syncengine.accounts.editing import Draft
from syncengine.accounts.folders import check_folder, default_file, default_path, default_state
from syncengine.accounts.parsing import check_name, path_of, place_of
from syncengine.accounts.secrets import (
    Keeper,
    Place,
    Secret,
    SecretKind,
    forget_secret,
    keep_secret,
    one_line,
    read_private,
    secret_of,
    variable_of,
)

__all__ = [
    "Account",
    "Address",
    "Configuration",
    "Daemon",
    "Draft",
    "Keeper",
    "Place",
    "Polling",
    "Secret",
    "SecretKind",
    "check_folder",
    "check_name",
    "default_file",
    "default_path",
    "default_state",
    "forget_secret",
    "keep_secret",
    "load",
    "one_line",
    "path_of",
    "place_of",
    "read_private",
    "secret_of",
    "variable_of",
]
