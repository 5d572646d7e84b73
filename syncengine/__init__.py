"""An offline-first sync engine for chat history.

`EasemobRemote` is looked up when it is asked for: reading offline needs no HTTP library.
"""

from typing import TYPE_CHECKING, Any

from syncengine.changes import Activity, ActivityKind, Cause, Change, Update, What
from syncengine.config import Config, Environment
from syncengine.engine import SyncEngine
from syncengine.engine.recovering import recover
from syncengine.errors import (
    ConfigError,
    CursorExpired,
    CursorStuck,
    EngineClosed,
    Gone,
    Patience,
    Rejected,
    RemoteError,
    RemovalHeldBack,
    Scope,
    ServerFault,
    ServiceNotEnabled,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReplaced,
    StoreTooNew,
    SyncEngineError,
    Throttled,
    Unauthorized,
    Unintelligible,
    Unreachable,
)
from syncengine.export import Export, ExportFormat, ExportProgress, export_history
from syncengine.models import (
    Conversation,
    ConversationKey,
    Fetched,
    Found,
    Hit,
    Hole,
    Intent,
    IntentKind,
    IntentState,
    Kind,
    Loaded,
    Message,
    MessageType,
    Order,
    Retention,
    Slice,
    Source,
)
from syncengine.remote.port import Capabilities, Remote
from syncengine.reports import (
    Backup,
    Problem,
    Progress,
    Recovery,
    Report,
    State,
    Status,
    Upkeep,
    Verification,
)
from syncengine.store.lock import Holder, WriterLock, holder
from syncengine.store.recovery import check

if TYPE_CHECKING:
    from syncengine.remote.easemob.client import EasemobRemote

__all__ = [
    "Activity",
    "ActivityKind",
    "Backup",
    "Capabilities",
    "Cause",
    "Change",
    "Config",
    "ConfigError",
    "Conversation",
    "ConversationKey",
    "CursorExpired",
    "CursorStuck",
    "EasemobRemote",
    "EngineClosed",
    "Environment",
    "Export",
    "ExportFormat",
    "ExportProgress",
    "Fetched",
    "Found",
    "Gone",
    "Hit",
    "Holder",
    "Hole",
    "Intent",
    "IntentKind",
    "IntentState",
    "Kind",
    "Loaded",
    "Message",
    "MessageType",
    "Order",
    "Patience",
    "Problem",
    "Progress",
    "Recovery",
    "Rejected",
    "Remote",
    "RemoteError",
    "RemovalHeldBack",
    "Report",
    "Retention",
    "Scope",
    "ServerFault",
    "ServiceNotEnabled",
    "Slice",
    "Source",
    "State",
    "Status",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreReplaced",
    "StoreTooNew",
    "SyncEngine",
    "SyncEngineError",
    "Throttled",
    "Unauthorized",
    "Unintelligible",
    "Unreachable",
    "Update",
    "Upkeep",
    "Verification",
    "What",
    "WriterLock",
    "check",
    "export_history",
    "holder",
    "recover",
]


def __getattr__(name: str) -> Any:
    if name == "EasemobRemote":
        from syncengine.remote.easemob.client import EasemobRemote

        return EasemobRemote
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
