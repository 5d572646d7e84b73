"""The system's keyring. The only door to `keyring`.

A keyring may be locked, absent, or wait for a window that nobody sees: whatever is asked of it
is asked in a thread that a program neither waits for at its end, nor for longer than it has
patience.
"""

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from syncengine.errors import ConfigError, SyncEngineError

T = TypeVar("T")

SERVICE = "syncengine"
PATIENCE = 30.0
"""Seconds: a person may have to type a password first, to unlock it."""

_ELSEWHERE = "give `account add` another place: --secret environment, credential or file:PATH"


def read(login: str, *, patience: float = PATIENCE) -> str | None:
    """The secret kept under this login, or None. Raises ConfigError."""

    def ask() -> str | None:
        import keyring

        return keyring.get_password(SERVICE, login) or None

    return _bounded(ask, patience)


def keep(login: str, secret: str, *, patience: float = PATIENCE) -> str:
    """Keep a secret under this login; the keyring's name. Raises ConfigError."""

    def ask() -> str:
        import keyring

        keyring.set_password(SERVICE, login, secret)
        if keyring.get_password(SERVICE, login) != secret:  # one that keeps nothing says nothing
            raise ConfigError("the system keyring kept nothing", hint=_sentence(_ELSEWHERE))
        return str(keyring.get_keyring().name)

    return _bounded(ask, patience)


def forget(login: str, *, patience: float = PATIENCE) -> bool:
    """Forget what is kept under this login; whether there was something. Raises ConfigError."""

    def ask() -> bool:
        import keyring

        if keyring.get_password(SERVICE, login) is None:
            return False
        keyring.delete_password(SERVICE, login)
        return True

    return _bounded(ask, patience)


def _bounded(ask: Callable[[], T], patience: float) -> T:
    """What `ask` returns, or a ConfigError in our words: a keyring's own may hold the secret."""
    answers: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            failures.append(error)

    thread = Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(patience)
    if answers:
        return answers[0]
    if failures:
        raise _error(failures[0]) from None
    raise ConfigError(
        f"the system keyring did not answer within {patience:g} s",
        hint=f"It may wait to be unlocked in a window. Unlock it and try again, or {_ELSEWHERE}.",
    )


def _error(error: Exception) -> SyncEngineError:
    """By the name of its class: where keyring is missing there are no classes to compare."""
    if isinstance(error, SyncEngineError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name == "keyring":
        hint = f"Run `pip install 'syncengine-im[daemon]'`, or {_ELSEWHERE}."
        return ConfigError("there is no way to the system keyring: keyring is missing", hint=hint)
    names = {each.__name__ for each in type(error).__mro__}
    if "NoKeyringError" in names:
        return ConfigError("this system has no keyring", hint=_sentence(_ELSEWHERE))
    if names & {"KeyringLocked", "InitError"}:
        hint = f"Unlock it, for example by signing in at the screen, or {_ELSEWHERE}."
        return ConfigError("the system keyring is locked", hint=hint)
    hint = f"Look at it with the `keyring` command, or {_ELSEWHERE}."
    return ConfigError(f"the system keyring failed: {type(error).__name__}", hint=hint)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
