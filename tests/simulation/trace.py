"""What happened in a run: in words for a person, as one number for comparing two runs."""

from hashlib import blake2b


class Violation(AssertionError):
    """Something that must never happen did."""

    def __init__(self, oracle: str, what: str) -> None:
        super().__init__(f"{oracle}: {what}")
        self.oracle = oracle
        """Which check found it."""


class Trace:
    """Every step, request and answer of a run."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.lines: list[str] = []
        """The steps in words; requests too where it is verbose."""
        self._verbose = verbose
        self._hash = blake2b(digest_size=8)

    def step(self, words: str) -> None:
        """Something happens."""
        self.lines.append(words)
        self._hash.update(words.encode())

    def exchange(self, request: str, sent: bytes, status: int, answer: bytes) -> None:
        """Something was asked and answered; status 0: there was no answer."""
        self._hash.update(b"%b %b %d %b" % (request.encode(), sent, status, answer))
        if self._verbose:
            self.lines.append(f"        {request} {_short(sent)} -> {status}, {len(answer)} bytes")

    @property
    def digest(self) -> str:
        """Equal runs have equal digests."""
        return self._hash.hexdigest()


def _short(body: bytes) -> str:
    return body[:140].decode("utf-8", "replace")
