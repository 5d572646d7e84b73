"""Small windows over the large one: a question, and the help."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from syncengine.models import ConversationKey, Message
from syncengine.tui.keys import help_text
from syncengine.tui.looks import clock, day, joined, message_lines
from syncengine.tui.text import clean


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


def about_conversation(key: ConversationKey, undo: str) -> Confirm:
    """The question before a conversation is deleted; `undo` says how long it can be undone."""
    name = (clean(key.conversation_id, 60), "bold")
    question = Text.assemble("Delete the conversation with ", name, "?")
    return Confirm(question, f"All its messages go, here and on the server. {undo}", "Delete")


def about_message(message: Message, undo: str) -> Confirm:
    """The question before a message is deleted."""
    lines = message_lines(message, 50, own=False, unverified=False)[1:4]
    sent = f"{day(message.timestamp)}, {clock(message.timestamp)}"
    name = (clean(message.sender, 60), "bold")
    question = Text.assemble("Delete this message?\n\n", name, f"  {sent}\n", joined(lines))
    return Confirm(question, f"It goes here and on the server, for you. {undo}", "Delete")
