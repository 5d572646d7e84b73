"""What protoc made is what it would make of today's schema: `make proto`."""

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from syncengine.schema_files import schema_path

ROOT = Path(__file__).parent.parent.parent


def test_the_compiled_schema_is_up_to_date(tmp_path: Path) -> None:
    """The descriptor that the package loads, and its types, come from roaming.proto."""
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{schema_path('wire')}",
        f"--descriptor_set_out={tmp_path / 'roaming.binpb'}",
        f"--pyi_out={tmp_path}",
        "roaming.proto",
    ]
    subprocess.run(command, check=True, cwd=ROOT)
    made = FileDescriptorSet.FromString((tmp_path / "roaming.binpb").read_bytes())
    kept = FileDescriptorSet.FromString(schema_path("wire", "roaming.binpb").read_bytes())
    assert made == kept
    types = ROOT / "syncengine" / "remote" / "easemob" / "roaming_pb2.pyi"
    assert (tmp_path / "roaming_pb2.pyi").read_text() == types.read_text()
