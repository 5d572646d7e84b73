"""Finds the files of ``schema/``: inside the package when installed, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schema_root() -> Path:
    """The folder that holds ``store/`` and ``wire/``.

    A wheel carries ``schema`` as ``syncengine/schema``; an editable install or a
    checkout has it next to the package.
    """
    installed = _PACKAGE / "schema"
    return installed if installed.is_dir() else _PACKAGE.parent / "schema"


def schema_path(*parts: str) -> Path:
    """The path of one schema file, for example ``schema_path("wire", "roaming.binpb")``."""
    return schema_root().joinpath(*parts)
