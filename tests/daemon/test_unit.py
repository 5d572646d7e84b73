"""The unit for systemd: complete, hardened, and one that systemd itself accepts."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from syncengine.daemon.unit import UNIT, unit_path, unit_text, write_unit
from syncengine.errors import ConfigError

COMMAND = [sys.executable, "-m", "syncengine", "daemon"]


def verified(path: Path) -> subprocess.CompletedProcess[str]:
    """What systemd finds wrong with a unit."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("there is no systemd-analyze here")
    runtime = path.parent / "run"
    runtime.mkdir(mode=0o700)
    return subprocess.run(
        [tool, "--user", "verify", "--man=no", path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_LOG_LEVEL": "warning"},
    )


def test_systemd_accepts_it(tmp_path: Path) -> None:
    """Each line is known, and the program is there; also with odd folders."""
    folders = [tmp_path / "a b", tmp_path / "100%", tmp_path / 'it\'s "$HOME"\\']
    path = tmp_path / UNIT
    assert write_unit(path, unit_text(COMMAND, folders))
    found = verified(path)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("planted", ["Hardening=full", "ReadWritePaths=relative"])
def test_the_check_sees_a_planted_fault(tmp_path: Path, planted: str) -> None:
    """A line that systemd does not know, or does not take, is reported."""
    path = tmp_path / UNIT
    text = unit_text(COMMAND, [tmp_path])
    write_unit(path, text.replace("PrivateTmp=yes", planted))
    found = verified(path)
    assert planted.partition("=")[2] in found.stderr or planted.partition("=")[0] in found.stderr


def test_what_it_may_and_how_it_starts_again() -> None:
    """Nothing but its folders is writable; a wrong configuration is not tried for ever."""
    lines = unit_text(["/opt/my tools/syncengine", "daemon"], [Path("/data")]).splitlines()
    for line in (
        "Type=notify",
        'ExecStart="/opt/my tools/syncengine" daemon',
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ReadWritePaths=/data",
        "MemoryDenyWriteExecute=yes",
    ):
        assert line in lines
    assert [line for line in lines if line.startswith("ReadWritePaths")] == ["ReadWritePaths=/data"]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/plain", "/plain"),
        ("/with space", '"/with space"'),
        ("/100%", "/100%%"),
        ("$HOME", "$$HOME"),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a;b", '"a;b"'),
    ],
)
def test_words_are_taken_as_they_are(word: str, written: str) -> None:
    """No specifier, no variable, no second command comes out of a path."""
    assert f"ExecStart=/run {written}\n" in unit_text(["/run", word], [Path("/data")])


@pytest.mark.parametrize(
    ("command", "folders"),
    [
        (["/run\nExecStartPost=/evil"], ["/data"]),
        (["/run"], ["/data\nProtectSystem=no"]),
        (["/run"], ["relative"]),
        (["/run"], []),
    ],
)
def test_what_no_unit_can_carry(command: list[str], folders: list[str]) -> None:
    """A line break would be a line of its own."""
    with pytest.raises(ConfigError):
        unit_text(command, [Path(folder) for folder in folders])


def test_it_is_written_once(tmp_path: Path) -> None:
    """Whole or not at all, readable for the manager; the same again changes nothing."""
    path = unit_path(tmp_path)
    assert path == tmp_path / "systemd" / "user" / "syncengine.service"
    assert write_unit(path, "one\n")
    assert not write_unit(path, "one\n")
    assert write_unit(path, "two\n")
    assert path.read_text() == "two\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in path.parent.iterdir()] == ["syncengine.service"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A clear error, and another way."""
    (tmp_path / "systemd").write_text("a file")
    with pytest.raises(ConfigError) as caught:
        write_unit(unit_path(tmp_path), "one\n")
    assert "--print" in caught.value.hint
