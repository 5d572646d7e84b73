"""CouchDB's replication protocol, as far as one puller needs it: a database named `copy`."""

import hashlib
import json
from collections.abc import Sequence

from attrs import define, field

from benchmarks.peers.answers import (
    Answer,
    Record,
    Reply,
    Request,
    array,
    encoded,
    nothing,
)


def shelf(records: Sequence[Record]) -> Answer:
    """Every record is a document with one revision, and a change of its own."""
    changes: list[bytes] = []
    documents: dict[str, bytes] = {}
    for number, each in enumerate(records, 1):
        name, digest = each["id"], hashlib.md5(encoded(each)).hexdigest()
        rev = f"1-{digest}"
        changes.append(encoded({"seq": number, "id": name, "changes": [{"rev": rev}]}))
        stamp = {"_id": name, "_rev": rev, "_revisions": {"start": 1, "ids": [digest]}}
        fields = {key: value for key, value in each.items() if key != "id"}
        documents[name] = encoded({"id": name, "docs": [{"ok": {**stamp, **fields}}]})
    return _Database(changes, documents).answer


@define
class _Database:
    changes: Sequence[bytes]
    documents: dict[str, bytes]
    checkpoints: dict[str, dict[str, object]] = field(factory=dict)
    """Written by the puller, to go on from; never read again here, but it asks."""

    def answer(self, request: Request) -> Reply:
        """One question."""
        path = request.path.removeprefix("/copy").strip("/")
        if path == "_changes":
            return self._since(int(request.query.get("since", 0)), int(request.query["limit"]))
        if path == "_bulk_get":
            wanted = json.loads(request.body)["docs"]
            found = [self.documents[each["id"]] for each in wanted]
            return Reply([b'{"results":', array(found), b"}"])
        if path.startswith("_local/"):
            return self._checkpoint(path, request)
        return Reply([encoded(self._about())]) if not path else nothing()

    def _since(self, since: int, limit: int) -> Reply:
        end = min(since + limit, len(self.changes))
        left = len(self.changes) - end
        tail = f',"last_seq":{end},"pending":{left}}}'.encode()
        return Reply([b'{"results":', array(self.changes[since:end]), tail])

    def _checkpoint(self, path: str, request: Request) -> Reply:
        if request.method == "PUT":
            rev = f"0-{len(self.checkpoints) + 1}"
            self.checkpoints[path] = {**json.loads(request.body), "_rev": rev}
            return Reply([encoded({"ok": True, "id": path, "rev": rev})], "201 Created")
        found = self.checkpoints.get(path)
        return nothing() if found is None else Reply([encoded(found)])

    def _about(self) -> dict[str, object]:
        """The server and the database at once: each asks for other fields."""
        size = len(self.changes)
        server = {"couchdb": "Welcome", "version": "3.3.3", "uuid": "0" * 32}
        return {**server, "db_name": "copy", "doc_count": size, "update_seq": size}
