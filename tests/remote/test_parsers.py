"""Both parsers tell the same of the same bytes, however they are cut."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.remote.easemob.parsers import Broken, NewParser, WithH11, WithHttptools

HEAD = b"HTTP/1.1 200 OK\r\nDate: now\r\nX-Twice: a\r\nX-Twice: b\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Late: 1\r\n\r\n"
ANSWERS = (
    HEAD + b"Content-Length: 5\r\n\r\nabcde",
    HEAD + b"Content-Length: 0\r\n\r\n",
    HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nab",
    HEAD + CHUNKED,
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno",
    HEAD + b"\r\nuntil the connection ends",
)


class Told:
    """What a parser says of one answer."""

    def __init__(self, new_parser: NewParser) -> None:
        self.parser = new_parser(self)
        self.begun = self.whole = 0
        self.heads: list[int] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.keeps_alive: bool | None = None

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.heads[-1:] != [200]:  # what comes behind a body is nobody's
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.heads.append(self.parser.status)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = len(self.heads)
        self.keeps_alive = self.parser.keeps_alive


def told(new_parser: NewParser, pieces: Sequence[bytes]) -> tuple[object, ...]:
    """All that matters of an answer that comes in pieces."""
    found = Told(new_parser)
    for piece in pieces:
        found.parser.feed(piece)
    complete = found.whole == len(found.heads)
    return found.heads, found.headers, found.body, complete, complete and found.keeps_alive


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The bytes in pieces."""
    bounds = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[low:high] for low, high in pairwise(bounds)]


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 500), max_size=8))
def test_both_tell_the_same(answer: bytes, places: Sequence[int]) -> None:
    """The extra `speed` changes what a request costs, and nothing else."""
    pieces = cut(answer, places)
    assert told(WithH11, pieces) == told(WithHttptools, pieces)
    assert told(WithH11, pieces) == told(WithH11, [answer])


@pytest.mark.parametrize("new_parser", [WithH11, WithHttptools])
@pytest.mark.parametrize(
    "sent",
    [
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab",
        HEAD + b"Content-Length: five\r\n\r\nabcde",
    ],
)
def test_what_is_no_http_is_refused(new_parser: NewParser, sent: bytes) -> None:
    """Law 2: what cannot be read is no answer, and never a page without messages."""
    with pytest.raises(Broken):
        told(new_parser, [sent])


@pytest.mark.parametrize("new_parser", [WithH11, WithHttptools])
def test_a_second_answer_is_told_of(new_parser: NewParser) -> None:
    """What a server sends too much must not be taken for the answer to the next request."""
    answer = ANSWERS[0]
    found = Told(new_parser)
    found.parser.feed(answer + answer)
    assert found.begun > 1
    assert found.body[:5] == b"abcde"
