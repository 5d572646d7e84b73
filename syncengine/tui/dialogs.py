"""Small windows over the large one: a question, and the help."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

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


class HelpScreen(ModalScreen[None]):
    """What every key does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "Close"),
        Binding("ctrl+c", "app.quit", "Quit", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A page that scrolls where the terminal is small."""
        with VerticalScroll(id="help", classes="dialog") as page:
            page.border_title = "Help"
            page.border_subtitle = "Esc closes"
            yield Static(help_text())

    def on_mount(self) -> None:
        """The keys scroll it."""
        self.query_one("#help").focus()


class Confirm(ModalScreen[bool]):
    """A question; no is the answer that an absent mind gives."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
        Binding("ctrl+c", "app.quit", "Quit", show=False),
    ]

    def __init__(self, question: Text, consequence: str, yes: str) -> None:
        super().__init__()
        self._question, self._consequence, self._yes = question, consequence, yes

    def compose(self) -> ComposeResult:
        """The question, what it means, two buttons."""
        with Vertical(id="confirm", classes="dialog"):
            yield Static(self._question, id="question")
            yield Static(Text(self._consequence), id="consequence")
            with Horizontal(id="buttons"):
                yield Button("Cancel (n)", id="no")
                yield Button(f"{self._yes} (y)", id="yes", variant="error")

    def on_mount(self) -> None:
        """Enter cancels, unless one moves."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An answer by mouse or Enter."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """An answer by its letter."""
        self.dismiss(answer)
