"""Pull endpoints as the documentation of WatermelonDB and of RxDB asks for them."""

from collections.abc import Sequence

from benchmarks.peers.answers import Answer, Record, Reply, Request, array, encoded


def watermelon(records: Sequence[Record]) -> Answer:
    """All changes since the last pull in one answer: everything at first, then nothing."""
    created = array([encoded(each) for each in records])
    first = _changes(created)
    later = _changes(b"[]")

    def answer(request: Request) -> Reply:
        return first if request.query["last_pulled_at"] == "0" else later

    return answer


def _changes(created: bytes) -> Reply:
    head = b'{"timestamp":1000,"changes":{"messages":{"updated":[],"deleted":[],"created":'
    return Reply([head, created, b"}}}"])


def rxdb(records: Sequence[Record]) -> Answer:
    """A batch after a checkpoint, which is the number of records that were given."""
    documents = [encoded({**each, "_deleted": False}) for each in records]

    def answer(request: Request) -> Reply:
        low = int(request.query["updatedAt"])
        end = min(low + int(request.query["limit"]), len(documents))
        newest = records[end - 1]["id"] if end else ""
        tail = b',"checkpoint":' + encoded({"id": newest, "updatedAt": end}) + b"}"
        return Reply([b'{"documents":', array(documents[low:end]), tail])

    return answer
