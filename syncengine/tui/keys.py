"""The keys of the window, and what its help says of them."""

from rich.text import Text
from textual.binding import Binding

BINDINGS = (
    Binding("slash,ctrl+f", "search", "Search", key_display="/"),
    Binding("s", "sync", "Sync"),
    Binding("d,delete", "delete", "Delete", key_display="d"),
    Binding("u", "undo", "Undo"),
    Binding("r", "retry", "Try again", show=False),
    Binding("escape,backspace,left,h", "list", "Back", show=False),
    Binding("right,l", "forward", "Messages", show=False),
    Binding("question_mark,f1", "help", "Help", key_display="?"),
    Binding("q,ctrl+c,ctrl+q", "quit", "Quit", key_display="q"),
)
"""Everywhere."""

_KEYS = (
    ("Everywhere", (
        ("Tab", "go to the other pane; Esc goes back to the list"),
        ("/  Ctrl+F", "search"),
        ("s", "sync now"),
        ("u", "undo the last deletion, while it was not sent"),
        ("?  F1", "this help"),
        ("q  Ctrl+C", "quit, also while a sync is under way"),
    )),
    ("In a list", (
        ("↑ ↓  j k", "one up or down"),
        ("PgUp PgDn", "a page up or down"),
        ("Home End", "to the first or the last: in a conversation, its whole history"),
        ("Enter", "open the conversation"),
        ("d  Del", "delete what the cursor is on, after a question"),
        ("r", "try again to fetch what is missing here"),
    )),
    ("In the search", (
        ("↑ ↓", "choose a result, while you type"),
        ("Enter", "jump to it"),
        ("Tab", "search everywhere, or in this conversation alone"),
        ("Esc", "leave the search"),
    )),
    ("Signs", (
        ("*", "pinned"),
        ("#", "a group or a chat room"),
        ("?", "known from the server's list, its history was never fetched"),
        ("⋯", "some messages are not here yet; a sync fetches them"),
        ("~", "some messages may have expired on the server, unseen"),
        ("†", "the server does not have it any more; this copy keeps it"),
    )),
)  # fmt: skip


def help_text() -> Text:
    """All keys and signs."""
    text = Text()
    for title, keys in _KEYS:
        text.append(f"{title}\n", "bold underline")
        for key, meaning in keys:
            text.append(f"  {key:<11}", "bold")
            text.append(f"{meaning}\n")
        text.append("\n")
    text.append("The mouse works, too: click, and turn its wheel.")
    return text
