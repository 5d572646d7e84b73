"""The body of an answer: whole, or refused as soon as it is known to be too large. Pure."""

from syncengine.errors import ServerFault, Unreachable

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes; an ordinary page has 15 to 300 kB. Two messages of 5 MB fit."""


class TooLarge(ServerFault):
    """An answer that is not read; one to a request for less may be smaller. Stays in the
    adapter: outside it is a fault of the server like any other."""


class Body:
    """Gathers the pieces of a body. Raises TooLarge as soon as they are known to be too many."""

    __slots__ = ("_expected", "_pieces", "_size")

    def __init__(self, length: str) -> None:
        """`length`: what the server says it is; anything but a number says nothing."""
        self._expected = _declared(length)
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._size += len(piece)
        if self._size > LARGEST_ANSWER:
            raise _too_large()
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """All of it. Raises Unreachable where the server said that there is more."""
        if self._size < self._expected:
            raise Unreachable("the answer was cut off half-way")
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


def _declared(length: str) -> int:
    if not length.isdecimal():
        return 0
    if len(length) > 15 or int(length) > LARGEST_ANSWER:
        raise _too_large()
    return int(length)


def _too_large() -> TooLarge:
    return TooLarge(
        "the server's answer is too large",
        hint=f"It has more than {LARGEST_ANSWER >> 20} MiB and was not read; the server is faulty.",
    )
