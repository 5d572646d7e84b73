"""The command `python -m benchmarks`: what it runs, what it says, what it leaves behind."""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import arguments
from benchmarks.cases import CASES, PROGRAMS, question
from benchmarks.results import Result, Row

COMMAND = [sys.executable, "-m", "benchmarks"]
LITTLE_ROOM = """
import argparse, resource, sys
from benchmarks.__main__ import run
from benchmarks.showing import console
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
options = argparse.Namespace(
    scale="small", plot=None, profile=False, runs=1, messages=400, clients=200, only=True
)
sys.exit(run(sys.argv[1:], options, console()).code)
"""
"""A process that may write no large file, and runs small cases."""


def ended(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)


def test_a_wrong_name_lists_the_right_ones() -> None:
    """Who mistypes a case is told all of them, and nothing runs."""
    done = ended("pull", "serch")
    assert done.returncode == 2
    assert all(name in done.stderr for name in [*CASES, *PROGRAMS])
    assert done.stdout == ""


def test_a_flag_of_one_case_is_none_of_several() -> None:
    """Several cases take their scale's values; a flag that only one knows is an error."""
    with pytest.raises(SystemExit) as refused:
        arguments.parsed(["pull", "fleet", "--runs", "3"])
    assert refused.value.code == 2


def test_a_single_case_takes_its_own_flags() -> None:
    """Before or after the common ones; what is not given comes from the scale."""
    names, options = arguments.parsed(["--scale", "full", "pull", "--runs", "7"])
    assert (names, options.runs, options.scale) == (["pull"], 7, "full")
    assert not hasattr(options, "world")
    assert arguments.defaults("pull", "full")["world"] == "200x1000"


def test_no_name_means_all_cases() -> None:
    """The nine; programs that run alone are not among them."""
    names, _ = arguments.parsed([])
    assert names == list(CASES)
    assert len(names) == 9
    assert not set(names) & set(PROGRAMS)


@pytest.mark.parametrize("name", CASES)
def test_a_scale_names_only_flags_that_there_are(name: str) -> None:
    """A value for a flag that was renamed would be ignored in silence."""
    parser = argparse.ArgumentParser()
    CASES[name].add_arguments(parser)
    flags = set(vars(parser.parse_args([])))
    assert set(CASES[name].SCALES) == set(arguments.SCALES)
    for values in CASES[name].SCALES.values():
        assert set(values) <= flags


@pytest.mark.parametrize("name", [*CASES, *PROGRAMS])
def test_every_case_asks_a_question(name: str) -> None:
    """Its first line, which `--help` shows."""
    case = CASES[name] if name in CASES else PROGRAMS[name]
    assert question(case).endswith("?")


def test_json_and_plot_say_what_the_table_says(tmp_path: Path) -> None:
    """One file for programs, with where it was measured; a picture where there is one."""
    file, pictures = tmp_path / "found.json", tmp_path / "pictures"
    done = ended(
        *("fleet", "--clients", "200", "--only", "--json", str(file), "--plot", str(pictures))
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    (result,) = found["results"]
    assert (result["case"], result["right"], found["skipped"]) == ("fleet", True, {})
    assert found["command"].startswith("python -m benchmarks fleet --clients 200")
    assert {"commit", "machine", "versions", "scale"} <= found.keys()
    assert all(row["name"] in done.stdout for row in result["rows"])
    assert [each.name for each in pictures.iterdir()] == ["fleet.svg"]
    assert "\x1b" not in done.stderr + done.stdout, "bars are for terminals"


@pytest.mark.parametrize(("names", "code"), [(["delete", "fleet"], 0), (["delete"], 1)])
def test_a_case_without_room_is_left_out(tmp_path: Path, names: list[str], code: int) -> None:
    """It says why, and the rest goes on; only where nothing ran is it a failure."""
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_ROOM, *names],
        capture_output=True,
        text=True,
        check=False,
        env={"TMPDIR": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == code, done.stderr
    assert "delete cannot run here: " in done.stdout
    assert ("with jitter, with budget" in done.stdout) == ("fleet" in names)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_result_shows_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    """What did not do the work has no speed, and the command fails."""
    from benchmarks.__main__ import Outcome
    from benchmarks.results import row
    from benchmarks.showing import console, show

    rows: list[Row] = [row("engine", [123456.0], "messages/s")]
    wrong = Result(case="pull", setting="", rows=rows, wrong="a message is missing")
    show(wrong, console())
    said = capsys.readouterr().out
    assert "a message is missing" in said
    assert "123,456" not in said
    assert Outcome([wrong]).code == 1


def wait_for(holds: Callable[[], Any]) -> None:
    """Until it does."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


MEASURING = {
    "pull": ["--world", "30x1000", "--growth"],
    "idle": ["--messages", "20000"],
}
"""Cases whose files are those of processes that they start, and their own."""


@pytest.mark.parametrize(
    ("case", "number"),
    [("pull", signal.SIGINT), ("pull", signal.SIGTERM), ("idle", signal.SIGINT)],
)
def test_an_interrupted_case_leaves_nothing(tmp_path: Path, case: str, number: int) -> None:
    """Neither a process nor a file, and it says no more than that it was interrupted."""
    env = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*COMMAND, case, *MEASURING[case]], stderr=pipe, stdout=pipe, env=env
    )
    with process:
        watched = psutil.Process(process.pid)
        wait_for(lambda: list(tmp_path.rglob("*.db-wal")) or process.poll() is not None)
        children = watched.children(recursive=True)
        assert children
        process.send_signal(number)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in words
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() for child in children)
