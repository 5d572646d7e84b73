"""Puts the programs of the peers, and the packages that they are, into a scratch folder."""

import json
import shutil
from pathlib import Path

from benchmarks.peers.children import ROOT, output
from benchmarks.results import CannotRun

_PROGRAMS = Path(__file__).parent / "programs"
_BROWSER = ROOT / "tests" / "sdk" / "browser.cjs"
"""What the web SDK expects of a browser, which its tests have too."""
_LOCK = "package-lock.json"
_SQLITE = Path("node_modules/better-sqlite3")


def home(scratch: Path) -> Path:
    """Where they are."""
    return scratch / "peers"


def installed(scratch: Path, package: str, *, compiled: bool = False) -> str:
    """All packages at the versions of the lock file, once; the version of one of them.

    No script of a package runs but the one that gets better-sqlite3 its binary, where that is
    asked for: it fetches one, or compiles it (a minute or two). Raises CannotRun.
    """
    _needs("node", "npm")
    folder = home(scratch)
    if not _same(folder):
        _copy(folder)
        output(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
        (folder / "installed").write_text((folder / _LOCK).read_text())
    _copy(folder)
    if compiled and not (folder / _SQLITE / "build/Release/better_sqlite3.node").exists():
        output(["npm", "run", "install"], folder / _SQLITE)
    manifest = json.loads((folder / "node_modules" / package / "package.json").read_text())
    return str(manifest["version"])


def _needs(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise CannotRun(f"{' and '.join(missing)} cannot be found: install Node 20")


def _same(folder: Path) -> bool:
    marker = folder / "installed"
    return marker.exists() and marker.read_text() == (_PROGRAMS / _LOCK).read_text()


def _copy(folder: Path) -> None:
    """The programs too: they look for their packages beside themselves."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (*_PROGRAMS.iterdir(), _BROWSER):
        shutil.copyfile(file, folder / file.name)
