"""What a message, a conversation and a hole look like, pure: values in, lines of `Text` out."""

from collections.abc import Sequence
from datetime import datetime
from zlib import crc32

from rich.text import Text

from syncengine.models import Conversation, Hit, Message, MessageType
from syncengine.tui.text import body_lines, clean, fit, fit_name, spread, wrapped

_COLOURS = ("#7aa2f7", "#bb9af7", "#e0af68", "#f7768e", "#7dcfff", "#ff9e64", "#73daca")
_OWN = "bold #9ece6a"
_DIM = "#8088a0"
_HOLE = "italic #e0af68"
_SEAM = "italic #c0a0d8"
FOUND = "bold #1a1b26 on #e0af68"
"""A word that a search found."""
INDENT = 6
"""Columns before a message's text: those of its time."""
MARK = "†"
"""Stands at what the server does not show any more."""
_LEAST_NAME = 8
"""Columns of a conversation's id in the list."""
_SHORT = 200
"""Characters of a name or a preview that are looked at."""


def _local(timestamp: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp / 1000)
    except (ValueError, OverflowError, OSError):
        return None


def clock(timestamp: int) -> str:
    """The time of day in the reader's time zone; of what no calendar has, nothing."""
    moment = _local(timestamp)
    return "--:--" if moment is None else f"{moment:%H:%M}"


def day(timestamp: int) -> str:
    """The day in the reader's time zone."""
    moment = _local(timestamp)
    return f"{timestamp} ms" if moment is None else f"{moment:%A}, {moment.day} {moment:%B %Y}"


def when(timestamp: int, now: int) -> str:
    """A moment, short: today's time, this year's day, or the month of another year."""
    moment, today = _local(timestamp), _local(now)
    if moment is None or today is None:
        return ""
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    return f"{moment:%d %b}" if moment.year == today.year else f"{moment:%b %Y}"


def carried(message: Message) -> str:
    """What a message says, before its text: nothing for text, else what it is."""
    return "" if message.type is MessageType.TEXT else f"[{message.type}] "


def message_lines(message: Message, width: int, *, own: bool, unverified: bool) -> list[Text]:
    """A message: who and when, and below what. An attachment is its type and file name."""
    name = clean(message.sender, _SHORT)
    colour = _OWN if own else f"bold {_COLOURS[crc32(name.encode()) % len(_COLOURS)]}"
    head = Text.assemble((clock(message.timestamp), _DIM), " ", (name, colour))
    if message.edited_at is not None:
        head.append("  edited", _DIM)
    if unverified:
        head.append(f"  {MARK} not on the server any more", _DIM)
    head.truncate(width, overflow="ellipsis")
    kind = carried(message)
    body = body_lines(f"{kind}{message.text}", width - INDENT)
    if kind:
        body[0].stylize("cyan", 0, len(kind) - 1)
    return [head, *(Text.assemble(" " * INDENT, line) for line in body)]


def rule(words: str, width: int, style: str) -> list[Text]:
    """Words in the middle, with a line to both sides where there is room."""
    lines = wrapped(Text(words), max(2, width - 4))
    for line in lines:
        free = width - line.cell_len - 2
        left = max(0, free // 2)
        line.plain = f"{'─' * left} {line.plain} {'─' * max(0, free - left)}"
        line.stylize(style)
        line.truncate(width)
    return lines


def day_lines(timestamp: int, width: int) -> list[Text]:
    """Between two days."""
    return rule(day(timestamp), width, _DIM)


def start_lines(width: int) -> list[Text]:
    """Above the first message."""
    return rule("this is where the history starts", width, _DIM)


def empty_lines(width: int) -> list[Text]:
    """In place of messages, where nothing is missing."""
    return rule("there are no messages here", width, _DIM)


def gap_lines(state: str, width: int) -> list[Text]:
    """Where messages are missing that a sync can fetch; `state` says what is done about it."""
    return rule(f"⋯ not here yet · {state} ⋯", width, _HOLE)


def seam_lines(width: int) -> list[Text]:
    """Where messages may have been lost for ever (law 2)."""
    return rule("~ messages may have expired on the server here ~", width, _SEAM)


def _preview(conversation: Conversation, width: int) -> Text:
    last = conversation.last_message
    if last is None:
        words = "nothing in it" if conversation.synced else "never synced"
        return Text(f"({words})", f"italic {_DIM}")
    said = clean(f"{last.sender}: {carried(last)}{last.text}", _SHORT)
    return Text(fit(said, width), _DIM)


def marks(conversation: Conversation) -> Text:
    """What is special about a conversation, in signs that the help explains."""
    signs = Text()
    if conversation.last_message is not None and not conversation.synced:
        signs.append(" ?", _HOLE)
    elif conversation.gaps:
        signs.append(" ⋯", _HOLE)
    if conversation.seams:
        signs.append(" ~", _SEAM)
    if conversation.expired:
        signs.append(f" {MARK}", _SEAM)
    return signs


def conversation_lines(conversation: Conversation, width: int, now: int) -> list[Text]:
    """An entry of the list: its id, when something was last said in it, and what."""
    last = conversation.last_message
    pin = ("* ", "bold #e0af68") if conversation.pinned else "  "
    group = "" if conversation.kind == "chat" else "#"
    said = Text.assemble(marks(conversation), " ", when(last.timestamp, now) if last else "")
    said.stylize(_DIM)
    room = width - said.cell_len - len("* ") - len(group) - 1
    named = fit_name(clean(conversation.conversation_id, _SHORT), max(_LEAST_NAME, room))
    name = Text.assemble(pin, group, (named, "bold"))
    unread = Text()
    if conversation.unread_count > 0:
        unread = Text(f" {min(conversation.unread_count, 999)} ", "bold #1a1b26 on #9ece6a")
    below = Text.assemble("  ", _preview(conversation, max(0, width - 3 - unread.cell_len)))
    return [spread(name, said, width), spread(below, unread, width)]


def hit_lines(hit: Hit, width: int, now: int) -> list[Text]:
    """A result: where and when, and the piece of text with its words marked."""
    message = hit.message
    group = "" if message.kind == "chat" else "#"
    where = Text.assemble(
        (clean(message.conversation_id, _SHORT), "bold"), "  ", clean(message.sender, _SHORT)
    )
    where = Text.assemble(group, where)
    head = spread(where, Text(when(message.timestamp, now), _DIM), width)
    said = Text.assemble("  ", (carried(message), "cyan"), snippet(hit, width - 2))
    said.truncate(width, overflow="ellipsis")
    return [head, said]


def snippet(hit: Hit, width: int) -> Text:
    """The piece of a message that was found, its words marked; in so few columns that the
    first word is not among them, it begins later."""
    begin = hit.highlights[0][0] if hit.highlights else 0
    text, end = Text(), begin - width // 3 if begin > width // 2 else 0
    cut = end > 0
    for first, last in hit.highlights:
        text.append(clean(hit.snippet[end:first]))
        text.append(clean(hit.snippet[first:last]), FOUND)
        end = last
    text.append(clean(hit.snippet[end:]))
    before = "…" if cut or not hit.message.text.startswith(hit.snippet) else ""
    return Text.assemble(before, text, "" if hit.message.text.endswith(hit.snippet) else "…")


def joined(lines: Sequence[Text]) -> str:
    """Lines as they stand."""
    return "\n".join(line.plain for line in lines)
