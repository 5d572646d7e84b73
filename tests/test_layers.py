"""The structure, enforced: imports point down, one door per library, pure files stay pure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "syncengine"

LAYERS = (
    {"durable", "errors", "filelock", "json_text", "plain", "schema_files"},
    {"models"},
    {"reports"},
    {"changes"},
    {"retry"},
    {"config"},
    {"remote", "store"},
    {"search"},
    {"sync", "reader", "feed"},
    {"accounts", "export"},
    {"engine"},
    {"blocking"},
    {"emulator", "daemon"},
    {"tui"},  # it asks a server at the daemon's pace
    {"cli"},  # commands start the programs beside it
    {"__init__", "__main__"},
)
"""From the bottom up. Rooms of one layer do not know each other."""

DOORS = {
    "aiosqlite": ("store/database.py",),
    "sqlite3": ("store/",),
    "httpx": ("remote/easemob/door.py", "remote/easemob/lanes.py", "emulator/transport.py"),
    "tenacity": ("retry.py",),
    "starlette": ("emulator/",),
    "uvicorn": ("emulator/",),
    "google": ("remote/easemob/", "emulator/"),
    "click": ("cli/",),
    "rich": ("cli/", "tui/"),
    "textual": ("tui/",),
    "platformdirs": ("accounts/folders.py",),
    "keyring": ("accounts/keyrings.py",),
    "tomlkit": ("accounts/editing.py",),
    "prometheus_client": ("daemon/metrics.py",),
    "h11": ("daemon/answering.py", "remote/easemob/parsers.py"),
    "httptools": ("remote/easemob/parsers.py",),
}
"""Which files may import an outside library."""

PURE = (
    "sync/gaps.py",
    "sync/hiding.py",
    "sync/placing.py",
    "sync/listing.py",
    "sync/doubts.py",
    "sync/links.py",
    "sync/reconcile.py",
    "sync/absence.py",
    "sync/replays.py",
    "sync/intents.py",
    "daemon/pace.py",
    "daemon/breaker.py",
    "daemon/schedule.py",
    "plain.py",
    "store/words.py",
    "store/snippets.py",
    "store/places.py",
    "store/ranking.py",
    "store/pages.py",
    "store/tables.py",
    "daemon/standing.py",
    "models.py",
    "reports.py",
    "changes.py",
    "errors.py",
    "json_text.py",
)
"""Files that decide and do not act: no await, nothing that could do I/O."""

PURE_IMPORTS = {
    "attrs",
    "bisect",
    "collections",
    "datetime",
    "enum",
    "functools",
    "itertools",
    "operator",
    "json",
    "math",
    "pathlib",
    "re",
    "struct",
    "typing",
    "unicodedata",
    "zlib",
}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room(module: str) -> str | None:
    """The room of the package that a module lies in; None for other packages."""
    parts = module.split(".")
    return None if parts[0] != "syncengine" else (parts[1] if len(parts) > 1 else "__init__")


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return next(i for i, rooms in enumerate(LAYERS) if name in rooms)


def layer_faults(file: Path) -> list[str]:
    """Imports of a file that do not point down."""
    own = room_of(file)
    known = {name for rooms in LAYERS for name in rooms}
    rooms = {room(module) or "" for module in imports(file)}
    targets = rooms & known - {own, "__init__"}
    return [f"{own} imports {target}" for target in targets if layer(target) >= layer(own)]


def door_faults(file: Path) -> list[str]:
    """Libraries that a file imports although it is not their door."""
    name = file.relative_to(PACKAGE).as_posix()
    libraries = {module.split(".")[0] for module in imports(file)} & DOORS.keys()
    return [lib for lib in libraries if not any(name.startswith(door) for door in DOORS[lib])]


def purity_faults(file: Path) -> list[str]:
    """What a pure file does that it should not."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    awaits = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    faults = [type(node).__name__ for node in ast.walk(tree) if isinstance(node, awaits)]
    outside = {module.split(".")[0] for module in imports(file)} - {"syncengine"}
    return faults + sorted(outside - PURE_IMPORTS)


@pytest.mark.parametrize("file", files(), ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_imports_point_down_and_go_through_doors(file: Path) -> None:
    """Data flows one way: no file imports from its own layer or above, or past a door."""
    assert layer_faults(file) == []
    assert door_faults(file) == []


@pytest.mark.parametrize("name", PURE)
def test_pure_files_do_not_act(name: str) -> None:
    """What decides is a plain function of its arguments."""
    assert purity_faults(PACKAGE / name) == []


def test_the_checks_see_a_planted_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three checks find what they are for."""
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    planted = tmp_path / "store" / "gaps.py"
    planted.parent.mkdir()
    planted.write_text(
        "import httpx\nfrom syncengine.sync import gaps\nasync def f():\n    await f()\n"
    )
    assert layer_faults(planted) == ["store imports sync"]
    assert door_faults(planted) == ["httpx"]
    assert purity_faults(planted) == ["AsyncFunctionDef", "Await", "httpx"]


def test_every_room_has_a_layer() -> None:
    """A new room is put into the picture, or this fails."""
    known = {name for rooms in LAYERS for name in rooms}
    assert {room_of(file) for file in files()} <= known


def undocumented_tests(file: Path) -> list[str]:
    """Tests without a docstring, methods and nested ones included."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        f"{file.name}:{node.lineno} {node.name}"
        for node in ast.walk(tree)
        if isinstance(node, functions)
        and node.name.startswith("test_")
        and ast.get_docstring(node) is None
    ]


def test_every_test_says_what_it_is_for() -> None:
    """A docstring on every test states the behaviour, so that a failure can be judged."""
    tests = Path(__file__).parent.rglob("test_*.py")
    found = [
        fault
        for file in tests
        if "node_modules" not in file.parts
        for fault in undocumented_tests(file)
    ]
    assert found == []
