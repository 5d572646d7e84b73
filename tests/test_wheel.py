"""The wheel, not the checkout: built, installed in a fresh environment, used."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

_USE = """
import asyncio, pathlib, sys
import syncengine
from syncengine.schema_files import schema_root

package = pathlib.Path(syncengine.__file__).parent
assert schema_root() == package / "schema", schema_root()
assert (package / "py.typed").exists()

async def main():
    async with syncengine.SyncEngine.open(sys.argv[1]) as engine:
        print(await engine.load_all_conversations())
        await syncengine.export_history(engine.reader, sys.argv[1] + ".pages", "html")

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_wheel_opens_a_store_in_a_fresh_environment(tmp_path: Path) -> None:
    """`schema/` reaches the wheel, and the core's dependencies suffice to use it."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("syncengine_im-*.whl")
    fresh = tmp_path / "venv"
    venv.create(fresh, with_pip=True)
    python = fresh / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    assert run(python, "-c", _USE, tmp_path / "a.db", cwd=tmp_path) == "[]\n"
    told = subprocess.run(
        [fresh / "bin" / "syncengine"], capture_output=True, text=True, check=False
    )
    assert "pip install 'syncengine-im[cli]'" in told.stderr
    assert "Traceback" not in told.stderr
