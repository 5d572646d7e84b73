"""The line below everything: where the copy stands, what is done, and what went wrong."""

from attrs import evolve, frozen
from rich.text import Text
from textual.widget import Widget

from syncengine.errors import SyncEngineError
from syncengine.plain import count, moment
from syncengine.reports import Progress, Report, Verification
from syncengine.tui.text import clean

_ERROR = "bold #f7768e"
_GOOD = "#9ece6a"
_BUSY = "#e0af68"


@frozen
class Standing:
    """All that the line tells."""

    account: str | None = None
    connected: bool = False
    """There is a server to ask; False: offline, as it was opened."""
    away: bool = False
    """It could not be reached when it was last asked."""
    progress: Progress | None = None
    """Of the sync under way."""
    syncing: bool = False
    elsewhere: bool = False
    """Another program syncs the file: this window only follows what it writes."""
    pending: int = 0
    """Deletions that were not sent yet."""
    refused: int = 0
    note: str = ""
    hint: str = ""
    wrong: bool = False
    """The note is about something that failed."""

    def noted(self, note: str, hint: str = "", *, wrong: bool = False) -> "Standing":
        """The same, with something to say."""
        return evolve(self, note=clean(note, 300), hint=clean(hint, 300), wrong=wrong)

    def failed(self, error: Exception) -> "Standing":
        """The same, with an error and what to do about it."""
        hint = error.hint if isinstance(error, SyncEngineError) else ""
        return self.noted(str(error), hint, wrong=True)

    def undo_words(self, seconds: float) -> str:
        """How long a deletion can be undone that is sent after so many seconds."""
        sooner = ", unless you sync" if self.connected else ""
        return f"u undoes it until it is sent: for {seconds:g} seconds at least{sooner}."


def started(standing: Standing, *, asked: bool) -> Standing:
    """A sync begins. One that nobody asked for leaves what was said before."""
    standing = evolve(standing, syncing=True, elsewhere=False)
    return standing.noted("") if asked else standing


def ended(
    standing: Standing, report: Report | Verification | None, *, asked: bool = True
) -> Standing:
    """What a sync leaves behind; None: it was cut off, and whoever did that says so. One that
    nobody asked for, and that brought nothing, takes back only what went wrong before."""
    standing = evolve(standing, syncing=False, progress=None)
    if report is None:
        return standing
    standing = evolve(standing, away=any(p.error == "Unreachable" for p in report.errors))
    if report.errors:
        first, more = report.errors[0], len(report.errors) - 1
        where = "" if first.conversation_id is None else f" in {first.conversation_id}"
        others = f" (and {more:,} more)" if more else ""
        return standing.noted(f"{first.message}{where}{others}", first.hint, wrong=True)
    news = _news(report)
    if news or asked or standing.wrong:
        return standing.noted(news or ("nothing new" if asked else ""))
    return standing


def _news(report: Report | Verification) -> str:
    added, removed = report.messages_added, report.messages_removed
    parts = [count(added, "new message")] if added else []
    parts += [f"{removed:,} removed"] if removed else []
    return ", ".join(parts)


def _doing(standing: Standing) -> tuple[str, str]:
    if not standing.connected:
        return "offline", _BUSY
    if standing.syncing:
        return "syncing", _BUSY
    if standing.elsewhere:
        return "another program syncs it", _GOOD
    return ("server not reached", _ERROR) if standing.away else ("online", _GOOD)


def status_text(standing: Standing) -> Text:
    """The line in words."""
    name = "no account yet" if standing.account is None else clean(standing.account, 60)
    doing, colour = _doing(standing)
    parts = [Text.assemble(" ", (name, "bold"), "  ", (f"● {doing}", colour))]
    progress = _told(standing)
    if progress is not None:
        parts.append(Text(progress_words(progress)))
    if standing.pending:
        parts.append(Text(f"{count(standing.pending, 'deletion')} to send", _BUSY))
    if standing.refused:
        parts.append(Text(f"{count(standing.refused, 'deletion')} refused", _ERROR))
    if standing.note and (progress is None or standing.wrong):
        parts.append(Text(standing.note, _ERROR if standing.wrong else ""))
    if standing.hint:
        parts.append(Text(standing.hint, "italic"))
    return Text("  ·  ").join(parts)


def _told(standing: Standing) -> Progress | None:
    """How far a sync is, unless it found nothing yet and something else is to be said."""
    progress = standing.progress if standing.syncing else None
    if progress is None or (standing.note and not progress.messages_added):
        return None
    return progress


def progress_words(progress: Progress) -> str:
    """How far a sync is."""
    done, known = progress.conversations_done, progress.conversations_known
    return f"{done:,}/{known:,} conversations, {progress.messages_added:,} new"


def as_of(moment_ms: int | None) -> str:
    """When all of the copy was last compared with the server."""
    return "never synced" if moment_ms is None else f"as of {moment(moment_ms)}"


class StatusLine(Widget):
    """Shows a standing."""

    DEFAULT_CSS = """
    StatusLine { height: auto; max-height: 3; background: $panel; }
    """

    standing = Standing()

    def show(self, standing: Standing) -> None:
        """Show this from now on."""
        if standing != self.standing:
            self.standing = standing
            self.refresh(layout=True)

    def render(self) -> Text:
        """The line, or as many as it needs."""
        return status_text(self.standing)
