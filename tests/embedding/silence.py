"""A server that takes every connection and never says a word."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field


@define
class Silence:
    """Where it listens, and whether somebody came."""

    url: str
    asked: threading.Event = field(factory=threading.Event)
    """Set when a request has arrived, which is never answered."""
    then: Callable[[], None] | None = None
    """Called at that moment, in the server's thread."""


@contextmanager
def silent_server() -> Iterator[Silence]:
    """It listens on this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    found = Silence(f"http://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=_listen, args=(listener, found), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _listen(listener: socket.socket, found: Silence) -> None:
    taken = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed
            break
        taken.append(connection)
        if connection.recv(1):
            found.asked.set()
            if found.then is not None:
                found.then()
    for connection in taken:
        connection.close()
