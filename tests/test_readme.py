"""The README can fail the build: its example runs, its map is complete, its laws are tested."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncengine.models import Kind

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    """An emulator as a person starts it."""
    command = [sys.executable, "-m", "syncengine", "emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def run_example(
    server: dict[str, str], folder: Path, **other: str
) -> "subprocess.CompletedProcess[str]":
    """The README's example, copied out word for word; `other` goes before the server's own."""
    (example,) = blocks("python")
    script = folder / "example.py"
    script.write_text(example, encoding="utf-8")
    arguments = [(server | other)[name] for name in ("url", "app_key", "user", "password")]
    return subprocess.run(
        [sys.executable, script, *arguments, folder / "alice.db"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_embedding_example_runs(server: dict[str, str], tmp_path: Path) -> None:
    """Copied out of the README word for word, it pulls an account and reads it offline."""
    (example,) = blocks("python")
    assert len(example.splitlines()) <= 22
    done = run_example(server, tmp_path)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ new messages, 0 gaps left", first)
    assert "bob chat True" in rest


def test_the_embedding_example_tells_what_failed(server: dict[str, str], tmp_path: Path) -> None:
    """Law 11: a wrong password does not look like an account with nothing new in it."""
    done = run_example(server, tmp_path, password="not alice's")
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first == "0 new messages, 0 gaps left"
    assert "password" in second


def test_the_two_commands_are_the_makefiles() -> None:
    """What a newcomer types exists, and CI runs the same test command."""
    commands = next(block for block in blocks("") if block.startswith("make demo"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in commands.split("\n")[:-1]:
        assert f"\n{command.removeprefix('make ')}: " in makefile
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_everything_on_the_map_exists() -> None:
    """A newcomer opens no file that is not there."""
    (the_map,) = [block for block in blocks("") if block.startswith("schema/")]
    named = [line.split()[0] for line in the_map.splitlines() if line and not line[0].isspace()]
    for name in named:
        assert list(ROOT.glob(name)) or (ROOT / name).exists(), name


def test_every_file_is_on_the_map() -> None:
    """A new module gets a line, or is named in its room's line."""
    (the_map,) = [block for block in blocks("") if block.startswith("schema/")]
    rooms = {"cli", "emulator", "easemob"}  # described as a whole
    for file in (ROOT / "syncengine").rglob("*.py"):
        if file.parent.name in rooms or file.name.startswith("__"):
            continue
        assert re.search(rf"\b{file.stem}\b", the_map), file


def test_laws_that_are_built_are_named_by_tests() -> None:
    """A promise without a test that names it is not one."""
    tests = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py")
    )
    promised = re.findall(r"^(\d+)\. \*\*(.*?)(?=^\d+\. |\n\n)", README, re.MULTILINE | re.DOTALL)
    assert len(promised) == 13
    for number, text in promised:
        if "not built yet" not in text and "today:" not in text:
            assert re.search(rf"[Ll]aws? [\d, and]*\b{number}\b", tests), f"law {number}"


def test_the_kinds_of_the_readme_are_the_kinds() -> None:
    """The words' section names every kind."""
    assert all(f"`{kind.value}`" in README for kind in Kind)
