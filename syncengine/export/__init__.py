"""Writes the copy into files that need no program of ours: JSON lines, or pages for a browser.

`core` goes through the conversations, `pieces` reads them, `jsonl` and `html` render what was
read, `folder` puts it on the disk: private files, all there or none.
"""

from syncengine.export.core import export_history
from syncengine.export.manifest import Export, ExportedConversation, ExportedFile
from syncengine.export.rendering import ExportFormat, ExportProgress

__all__ = [
    "Export",
    "ExportFormat",
    "ExportProgress",
    "ExportedConversation",
    "ExportedFile",
    "export_history",
]
