"""Tells a store without a readable first page from a file that never was one."""

from pathlib import Path

from syncengine.store.pages import PAGE
from syncengine.store.scattered import Scattered

NO_STORE = (
    "It is no file of syncengine's, and nothing was changed."
    " Check its name: another one is given with --db, or in the configuration."
)
"""The hint for a file that recovery cannot help."""
_OURS = tuple(f"CREATE TABLE {name} (".encode() for name in ("conversation", "intent", "preview"))
"""Stand in every store, on other pages than the first."""
_LONGEST = max(map(len, _OURS))


def has_remains(path: Path) -> bool:
    """Whether a file without a readable first page was a store. Reads all of one that was
    none. Raises OSError."""
    with path.open("rb") as file:
        block = file.read(PAGE)
        if not block.strip(b"\0"):
            return True  # zeros: nothing of anybody's
        tail = b""
        while block:
            if any(words in tail + block for words in _OURS):
                return True
            tail, block = block[-_LONGEST:], file.read(1 << 20)
    return Scattered(path).anything()
