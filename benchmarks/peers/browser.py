"""A peer that runs in a browser's page: RxDB, in headless Chromium."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from attrs import frozen

from benchmarks.peers.children import PATIENCE, child, output, shelf
from benchmarks.peers.npm import home, installed
from benchmarks.peers.peer import Filled, Source, checked
from benchmarks.results import CannotRun

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_GLANCE = 0.25
"""Seconds between two looks at its memory."""
_PAGE = b'<!doctype html><meta charset="utf-8"><script src="page.js"></script>'


@frozen
class RxDB:
    """RxDB with Dexie."""

    name: str = "rxdb"
    keeps: str = "IndexedDB"
    leaves_out: str = "gaps, order, search"

    def install(self, scratch: Path) -> str:
        """See `Peer.install`. The browser has to be there."""
        browser = output([_chromium(), "--version"]).partition(" built on")[0].strip()
        versions = [f"{each} {installed(scratch, each)}" for each in ("rxdb", "dexie")]
        bundled = ("--bundle", "--format=iife", "--minify", "--outfile=page.js")
        output(["node", "node_modules/esbuild/bin/esbuild", "rxdb.mjs", *bundled], home(scratch))
        return ", ".join([*versions, browser])

    def run(self, scratch: Path, folder: Path, source: Source) -> Filled:
        """See `Peer.run`. The memory is that of all of the browser's processes."""
        with (
            shelf(self.name, source) as served,
            _page(home(scratch) / "page.js") as (url, said),
            _browser(folder, f"{url}/?{quote(json.dumps(served))}") as process,
        ):
            answer, peak = _watched(process, said)
        if "error" in answer:
            raise CannotRun(answer["error"])
        return checked(Filled(peak_mb=peak, **answer), source)


def _chromium() -> str:
    for name in _NAMES:
        if shutil.which(name):
            return name
    raise CannotRun(f"no browser: none of {', '.join(_NAMES)} can be found")


@contextmanager
def _browser(folder: Path, url: str) -> Iterator["subprocess.Popen[str]"]:
    # its sandbox refuses to run as root
    flags = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    command = [_chromium(), *flags, f"--user-data-dir={folder}", url]
    inside = {**os.environ, "TMPDIR": str(folder)}  # killed, it leaves what it has there
    nowhere = subprocess.DEVNULL
    with child(command, env=inside, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process:
        yield process


Said = queue.SimpleQueue[dict[str, Any]]


@contextmanager
def _page(script: Path) -> Iterator[tuple[str, Said]]:
    """Serves the page; its address, and what it says at its end."""
    said: Said = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scripted = self.path == "/page.js"
            kind = "text/javascript" if scripted else "text/html"
            self._reply(script.read_bytes() if scripted else _PAGE, kind)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            said.put(json.loads(self.rfile.read(length)))
            self._reply(b"", "text/plain")

        def _reply(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", said
        finally:
            http.shutdown()
            thread.join()


def _watched(process: "subprocess.Popen[str]", said: Said) -> tuple[dict[str, Any], float]:
    """What the page says, and the browser's memory at its largest, MB."""
    root, peak, end = psutil.Process(process.pid), 0.0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(queue.Empty):
            return said.get(timeout=_GLANCE), peak
        if process.poll() is not None:
            raise CannotRun(f"the browser ended with {process.returncode}")
        with suppress(psutil.Error):  # it may end just now
            peak = max(peak, _memory(root))
    raise CannotRun(f"the page said nothing within {PATIENCE:,.0f} s")


def _memory(root: psutil.Process) -> float:
    """Of a process and all that it started; what they share is counted once, on Linux."""
    total = 0
    for each in [root, *root.children(recursive=True)]:
        with suppress(psutil.Error):
            full = each.memory_full_info()
            total += getattr(full, "pss", full.rss)
    return total / 2**20
