"""What `syncengine doctor` looks at: each check says what it found, and what to do about it."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from syncengine.accounts import Account as Configured
from syncengine.accounts import check_folder, secret_of
from syncengine.cli.account import PASSWORD_VARIABLE, TOKEN_VARIABLE, Account, secret_given
from syncengine.cli.configured import config_path, configured
from syncengine.cli.signing import new_credentials
from syncengine.errors import ConfigError, StoreError, SyncEngineError, Unauthorized
from syncengine.remote.easemob.client import EasemobRemote
from syncengine.store.database import opened
from syncengine.store.lock import holder
from syncengine.store.migrate import APPLICATION_ID, latest_version
from syncengine.store.recovery import check, check_ours
from syncengine.store.remains import NO_STORE

_LITTLE, _LOW = 50_000_000, 500_000_000
"""Bytes that are free on the disk: too few, and few."""
_LONG_LOG = 200_000_000
"""Bytes of a write-ahead log that nobody empties."""
_SKEW = 120
"""Seconds that the clocks may differ by."""


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@frozen
class Finding:
    """What one check found."""

    name: str
    verdict: Verdict
    words: str
    fix: str = ""
    """What to do; empty where nothing is to be done."""


def check_configuration(account: Account) -> Finding:
    """Whether all is said that it takes to find the account."""
    given = {"--server": account.server, "--app-key": account.app_key, "--user": account.user}
    missing = [flag for flag, value in given.items() if not value]
    if not missing:
        return Finding("configuration", Verdict.OK, f"{account.user} on {account.server}")
    words = f"missing: {', '.join(missing)}; the server is not asked"
    return Finding("configuration", Verdict.WARN, words, "Give these flags to check all of it.")


def check_secret() -> Finding:
    """Whether there is a password or a token."""
    if secret_given():
        return Finding("secret", Verdict.OK, "found in the environment")
    fix = f"Set {PASSWORD_VARIABLE} or {TOKEN_VARIABLE}."
    return Finding("secret", Verdict.WARN, "none is set; the server is not asked", fix)


async def check_server(remote: EasemobRemote, renewal: str = "") -> Finding:
    """Whether it can be reached, and takes the credentials; `renewal` is how to give others.
    Closes the remote."""
    try:
        page = await remote.fetch_summaries(limit=1)
    except Unauthorized as error:
        fix = f"{error.hint} {renewal}".rstrip()
        return Finding("server", Verdict.FAIL, f"it answers, but: {error}", fix)
    except SyncEngineError as error:
        return Finding("server", Verdict.FAIL, str(error), error.hint)
    finally:
        await remote.close()
    what = "signed in" if page.summaries else "signed in; no conversations yet"
    return Finding("server", Verdict.OK, what)


def check_clock(server_time: int | None, now: int) -> Finding:
    """How far this machine's clock is from the server's; both in ms."""
    if server_time is None:
        return Finding("clock", Verdict.OK, "not compared: the server named no time")
    skew = round((now - server_time) / 1000)
    if abs(skew) <= _SKEW:
        return Finding("clock", Verdict.OK, f"within {_SKEW} s of the server's")
    words = f"{abs(skew):,} s {'ahead of' if skew > 0 else 'behind'} the server's"
    fix = "Set this machine's clock; what is synced is right all the same."
    return Finding("clock", Verdict.WARN, words, fix)


def check_disk(path: Path) -> Finding:
    """Whether there is room beside the file."""
    folder = next(each for each in path.absolute().parents if each.exists())
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e6:,.0f} MB free in {folder}"
    if free >= _LOW:
        return Finding("disk", Verdict.OK, words)
    return Finding("disk", Verdict.FAIL if free < _LITTLE else Verdict.WARN, words, "Free some.")


def check_file(path: Path) -> Finding:
    """Whether it is there, can be written, and is for its owner only."""
    if not path.exists():
        try:
            check_folder(path)
        except ConfigError as error:
            return Finding("file", Verdict.FAIL, str(error), error.hint)
        fix = "`syncengine sync` makes it."
        return Finding("file", Verdict.WARN, f"{path} is not there yet", fix)
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        fix = "Check who owns it and its folder, and who may write there."
        return Finding("file", Verdict.FAIL, f"{path} cannot be written", fix)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        fix = f"chmod 600 {path}"
        return Finding("file", Verdict.WARN, f"others on this machine can read {path}", fix)
    return Finding("file", Verdict.OK, f"{path}, {path.stat().st_size / 1e6:,.1f} MB")


def check_log(path: Path) -> Finding:
    """How long the write-ahead log is."""
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    words = f"{size / 1e6:,.1f} MB"
    if size < _LONG_LOG:
        return Finding("log", Verdict.OK, words)
    fix = "Close programs that read the file for long, then `syncengine upkeep`."
    return Finding("log", Verdict.WARN, words, fix)


def check_schema(path: Path) -> Finding:
    """Whether this version can write the file."""
    try:
        with opened(path) as connection:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except StoreError as error:
        return Finding("schema", Verdict.FAIL, str(error), error.hint)
    words = f"version {version}"
    if owner != APPLICATION_ID:
        return Finding("schema", Verdict.FAIL, "a database of another program", NO_STORE)
    if version > latest_version():
        return Finding("schema", Verdict.FAIL, f"{words}: a newer one", "Upgrade syncengine.")
    if version < latest_version():
        words += f"; {latest_version()} when it is next opened"
    return Finding("schema", Verdict.OK, words)


def check_lock(path: Path) -> Finding:
    """Who syncs the file now."""
    found = holder(path)
    return Finding("lock", Verdict.OK, "nobody syncs it now" if found is None else f"{found}")


def check_pages(path: Path) -> Finding:
    """Whether every page can be read."""
    try:
        wrong = check(path)
        if wrong:
            check_ours(path)
    except StoreError as error:
        return Finding("pages", Verdict.FAIL, str(error), error.hint)
    if not wrong:
        return Finding("pages", Verdict.OK, "sound")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Finding("pages", Verdict.FAIL, f"damaged: {wrong[0]}{more}", _recovering(path))


def _recovering(path: Path) -> str:
    saves = "`syncengine recover` saves what can be read; the old file is kept."
    if holder(path) is None:
        return saves
    return f"A daemon does so by itself, once in ten minutes. While nobody syncs it, {saves}"


_OF_A_FILE: tuple[Callable[[Path], Finding], ...] = (
    check_log,
    check_schema,
    check_lock,
    check_pages,
)


def check_store(path: Path) -> Iterator[Finding]:
    """All that concerns the file and its disk."""
    yield check_disk(path)
    yield check_file(path)
    if path.is_file():
        yield from (each(path) for each in _OF_A_FILE)


async def check_account(account: Account) -> list[Finding]:
    """All that concerns the server; it is asked where nobody has to be asked for a secret."""
    chosen = configured()
    if chosen is not None:
        return await _check_configured(chosen)
    found = [check_configuration(account), check_secret()]
    try:
        remote = account.remote_unasked()
    except ConfigError as error:
        return [*found, Finding("server", Verdict.FAIL, str(error), error.hint)]
    return found if remote is None else [*found, *await _check_remote(remote)]


async def _check_configured(chosen: Configured) -> list[Finding]:
    """The same by the configuration, which could be read; its secret is where it says."""
    words = f"{chosen.name}: {chosen.user} on {chosen.server}, in {config_path()}"
    found = [Finding("configuration", Verdict.OK, words)]
    try:
        secret = await asyncio.to_thread(secret_of, chosen)
    except ConfigError as error:
        return [*found, Finding("secret", Verdict.FAIL, str(error), error.hint)]
    found.append(Finding("secret", Verdict.OK, f"found in {secret.place}"))
    return [*found, *await _check_remote(chosen.remote(secret), new_credentials(chosen))]


async def _check_remote(remote: EasemobRemote, renewal: str = "") -> list[Finding]:
    """The server, and its clock where it answers."""
    found = await check_server(remote, renewal)
    if found.verdict is not Verdict.OK:
        return [found]
    return [found, check_clock(remote.server_time, time.time_ns() // 1_000_000)]
