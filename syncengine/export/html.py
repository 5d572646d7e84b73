"""Pages for a browser, from a disk: an index, and each conversation, in pages where it is long.

Beside each page lies its text as a script, `search/….js`, which the index loads to look
through all messages: a page that is opened from a disk may not fetch.
"""

from datetime import datetime

from syncengine.export.bubbles import (
    badges,
    bubble,
    day,
    heading,
    hole,
    local,
    short_time,
)
from syncengine.export.folder import File, Folder
from syncengine.export.indexing import Entry, index_page
from syncengine.export.manifest import ExportedConversation, Facts
from syncengine.export.names import page, stem
from syncengine.export.pieces import Item, Missing, Piece
from syncengine.export.safe import escaped, isolated, script_literal, shown
from syncengine.export.style import foot, head
from syncengine.models import Conversation, ConversationKey, Message

PAGE = 5000
"""Messages a page: a browser shows and filters so many at once without a pause."""


class Browsable:
    """The format: pages, their search data, and an index."""

    def __init__(self, *, own: str | None = None, size: int = PAGE) -> None:
        self._own, self._size = own, size
        self._entries: list[Entry] = []

    def conversation(self, folder: Folder, conversation: Conversation) -> "ConversationPages":
        """Begin a conversation's first page."""
        return ConversationPages(folder, conversation, self._own, self._size, self._entries)

    def end(self, folder: Folder, facts: Facts, found: list[ExportedConversation]) -> None:
        """Write the index."""
        folder.write("index.html", index_page(facts, found, self._entries))


class ConversationPages:
    """One conversation, oldest page first; each links to its neighbours."""

    def __init__(
        self,
        folder: Folder,
        conversation: Conversation,
        own: str | None,
        size: int,
        entries: list[Entry],
    ) -> None:
        self._folder, self._conversation = folder, conversation
        self._own, self._size, self._entries = own, size, entries
        key = ConversationKey(conversation.conversation_id, conversation.kind)
        self._stem = stem(key)
        self._files: list[str] = []
        self._number = self._on_page = 0
        self._day: str | None = None
        self._last: Message | None = None
        self._page, self._search = self._begin_page()

    def add(self, piece: Piece) -> None:
        """Write messages and holes where they are."""
        for item in piece.items:
            self._add(item, piece.unverified)

    def _add(self, item: Item, unverified: frozenset[str]) -> None:
        if isinstance(item, Missing):
            self._page.write(hole(item))
            return
        if self._on_page == self._size:
            self._turn()
        self._message(item, item.message_id in unverified)

    def end(self) -> tuple[str, ...]:
        """Write the end of the last page."""
        self._end_page(more=False)
        pages = self._number if self._last is not None else 0
        self._entries.append(Entry(self._stem, self._number, pages, self._last))
        return tuple(self._files)

    def discard(self) -> None:
        """Take away all pages."""
        self._entries[:] = [each for each in self._entries if each.stem != self._stem]
        for name in self._files:
            self._folder.discard(name)

    def _begin_page(self) -> tuple[File, File]:
        self._number += 1
        self._on_page, self._day = 0, None
        name = page(self._stem, self._number)
        names = (f"conversations/{name}.html", f"search/{name}.js")
        self._files.extend(names)
        shown_page, search = (self._folder.create(each) for each in names)
        shown_page.write(_page_head(self._conversation, self._number, self._stem))
        search.write("syncengineFound([\n")
        return shown_page, search

    def _end_page(self, *, more: bool) -> None:
        newer = f"{page(self._stem, self._number + 1)}.html" if more else None
        self._page.write(_page_foot(self._older(), newer))
        self._page.close()
        self._search.write("]);\n")
        self._search.close()

    def _turn(self) -> None:
        self._end_page(more=True)
        self._page, self._search = self._begin_page()

    def _older(self) -> str | None:
        return f"{page(self._stem, self._number - 1)}.html" if self._number > 1 else None

    def _message(self, message: Message, unverified: bool) -> None:
        self._on_page += 1
        self._last = message
        today = day(local(message.timestamp))
        if today is not None and today != self._day:
            self._day = today
            self._page.write(heading(today))
        own = message.sender == self._own
        self._page.write(bubble(message, own=own, unverified=unverified))
        self._search.write(_search_row(message))


def _search_row(message: Message) -> str:
    when = short_time(message.timestamp)
    row = [message.message_id, shown(message.sender), when, shown(message.text)]
    return f"{script_literal(row)},\n"


def _page_head(conversation: Conversation, number: int, stem_: str) -> str:
    title = escaped(conversation.conversation_id)
    older = _link(f"{page(stem_, number - 1)}.html#end", "← older") if number > 1 else ""
    return (
        head(f"{title} · {conversation.kind}", index=False)
        + '<body>\n<header><div><a href="../index.html">All conversations</a>'
        f"<h1>{isolated(conversation.conversation_id)}</h1>"
        f'<p class="facts">{" ".join(_facts(conversation, number))}</p>'
        '<div class="search"><input id="q" type="search" disabled autocomplete="off"'
        ' placeholder="Search this page ( / )" aria-label="Search this page">'
        '<span id="told" class="told" role="status"></span>'
        '<a id="everywhere" hidden href="../index.html">in all conversations</a>'
        f"</div></div></header>\n<main>\n<nav>{older}</nav>\n"
    )


def _facts(conversation: Conversation, number: int) -> list[str]:
    facts = [f'<span class="badge">{conversation.kind}</span>', *_state(conversation)]
    return [*facts, f"page {number}"] if number > 1 else facts


def _state(found: Conversation) -> list[str]:
    return badges(synced=found.synced, gaps=found.gaps, seams=found.seams, expired=found.expired)


def _page_foot(older: str | None, newer: str | None) -> str:
    links = _link(f"{older}#end", "← older") if older else "<span></span>"
    links += _link(newer, "newer →") if newer else ""
    now = datetime.now().astimezone()
    return (
        f'<nav id="end">{links}</nav>\n</main>\n'
        "<footer>Times are those of the place where this was exported"
        f" ({now:%Z, UTC%z}).</footer>\n" + foot(index=False)
    )


def _link(address: str, words: str) -> str:
    return f'<a href="{escaped(address)}">{words}</a>'
