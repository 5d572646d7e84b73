"""The index: every conversation, what is missing of it, and the way to its newest page."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from syncengine.export.bubbles import badges, short_time
from syncengine.export.manifest import ExportedConversation, Facts
from syncengine.export.names import page
from syncengine.export.safe import escaped, isolated
from syncengine.export.style import foot, head
from syncengine.models import Message
from syncengine.plain import count
from syncengine.reports import Status

_PREVIEW = 120
"""Characters of the last message."""


@frozen
class Entry:
    """Where a conversation's pages are."""

    stem: str
    pages: int
    searchable: int
    """How many of them have search data worth loading."""
    last: Message | None


def index_page(
    facts: Facts, found: Sequence[ExportedConversation], entries: Sequence[Entry]
) -> str:
    """The whole page. The entries are those of the conversations, in their order."""
    rows = "".join(_row(each, entry) for each, entry in zip(found, entries, strict=True))
    status = facts.status
    return (
        head("Chat history", index=True) + "<body>\n<header><div><h1>Chat history</h1>"
        f'<p class="facts">{" · ".join(_summary(facts, found))}</p>'
        '<div class="search"><input id="q" type="search" disabled autocomplete="off"'
        ' placeholder="Search conversations and messages ( / )" aria-label="Search">'
        '<span id="told" class="told" role="status"></span></div></div></header>\n<main>\n'
        '<table><thead><tr><th>Conversation</th><th class="number">Messages</th>'
        '<th class="when">Last</th><th class="state">State</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table>\n"
        '<ul id="hits"></ul><button id="more" hidden>Show more</button>\n</main>\n'
        f"<footer>{_as_of(status)} manifest.json lists all files with their hashes.</footer>\n"
        + foot(index=True)
    )


def _summary(facts: Facts, found: Sequence[ExportedConversation]) -> Iterator[str]:
    if facts.status.account:
        yield isolated(facts.status.account)
    messages = sum(each.messages for each in found)
    yield f"{count(len(found), 'conversation')}, {count(messages, 'message')}"
    incomplete = sum(not each.whole for each in found)
    if incomplete:
        yield f'<span class="badge warn">{incomplete:,} not whole</span>'
    if facts.only is None and facts.status.listed_at is None:
        yield '<span class="badge warn">there may be more: the list was never read whole</span>'
    if facts.status.pending:
        yield f'<span class="badge warn">{count(facts.status.pending, "deletion")} under way</span>'
    yield f"exported {short_time(facts.started_at)}"


def _as_of(status: Status) -> str:
    if status.synced_at is None:
        return "The copy was never synced to its end."
    return f"As of the last sync, {short_time(status.synced_at)}."


def _row(found: ExportedConversation, entry: Entry) -> str:
    target = f"conversations/{page(entry.stem, entry.pages)}.html#end"
    name = escaped(found.conversation_id)
    when = short_time(entry.last.timestamp) if entry.last else ""
    kind = "" if found.kind == "chat" else f' <span class="badge">{found.kind}</span>'
    return (
        f'<tr data-stem="{escaped(entry.stem)}" data-pages="{entry.searchable}" data-name="{name}">'
        f'<td class="name"><a href="{escaped(target)}">{isolated(found.conversation_id)}</a>{kind}'
        f'<span class="last" dir="auto">{_preview(entry.last)}</span></td>'
        f'<td class="number">{found.messages:,}</td><td class="when">{when}</td>'
        f'<td class="state">{" ".join(_state(found))}</td></tr>\n'
    )


def _preview(last: Message | None) -> str:
    if last is None:
        return ""
    text = last.text if len(last.text) <= _PREVIEW else f"{last.text[:_PREVIEW]}…"
    mark = "" if last.type == "text" else f"[{last.type}] "
    return f"{isolated(last.sender)}: {mark}{escaped(text)}"


def _state(found: ExportedConversation) -> list[str]:
    return badges(
        synced=found.synced,
        gaps=len(found.gaps),
        seams=len(found.seams),
        expired=found.expired,
        unverified=found.unverified,
    )
