"""What was written and what was deleted, by whom: the truth that a copy is compared with."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from syncengine.emulator import World
from tests.harness import USER

Words = dict[str, Any]
"""A line that a process said."""
Name = tuple[str, str]
"""A conversation: its id and kind."""
Age = tuple[int, int]
"""Of a message: whether it was written during the test, and its time. Times of the two sorts
are not compared: the emulator's world is a little older than our twin of it."""


@define
class Deletion:
    """One that the killed process asked for."""

    call: str
    name: Name
    ids: list[str]
    """What it covered of that which had been read before."""
    last: str | None
    """Of a deletion up to a time: the message that has this time."""
    until: int = 0
    """Ms: it had returned by then, or its process was dead."""
    accepted: bool = False
    """The call returned."""


@define
class Ledger:
    """Everything that was written and deleted, by whom."""

    ages: dict[Name, dict[str, Age]] = field(factory=dict)
    deletions: list[Deletion] = field(factory=list)
    elsewhere: set[str] = field(factory=set)
    """Deleted by the other device."""

    @classmethod
    def of(cls, world: World) -> "Ledger":
        """What the server holds before anything happens."""
        keys = [listed.entry.key for listed in world.conversations(USER)]
        return cls(
            {
                (key.conversation_id, str(key.kind)): {
                    str(m.message_id): (0, m.timestamp)
                    for m in world.history(USER, key.conversation_id, key.kind)
                }
                for key in keys
            }
        )

    def note_life(self, said: Iterable[Words], death: int) -> None:
        """What a process asked for in its life."""
        asked: dict[int, Deletion] = {}
        for words in said:
            if words["did"] == "asking":
                name = (words["name"], words["kind"])
                deletion = Deletion(words["call"], name, words["ids"], words.get("last"), death)
                asked[words["number"]] = deletion
            elif words["did"] == "asked":
                asked[words["number"]].accepted = True
                asked[words["number"]].until = words["at"]
        self.deletions += asked.values()

    def note_elsewhere(self, words: Words) -> None:
        """What the other device, or somebody else, did."""
        self.elsewhere |= set(words.get("deleted", ()))
        if "sent" in words:
            self.ages[words["name"], words["kind"]][words["sent"]] = (1, words["at"])

    def covered(self, deletion: Deletion) -> set[str]:
        """All that a deletion may take."""
        ages = self.ages[deletion.name]
        if deletion.call == "ids":
            return set(deletion.ids)
        until = ages[deletion.last] if deletion.last else (1, deletion.until)
        return {message_id for message_id, age in ages.items() if age <= until}

    def buried(self) -> set[str]:
        """What had been read when its deletion was accepted: never to be seen again."""
        return set().union(*(each.ids for each in self.deletions if each.accepted))

    def to_be_gone(self) -> set[str]:
        """What accepted deletions must have taken from the server: also what had not been
        read yet, of a deletion up to a time."""
        accepted = [each for each in self.deletions if each.accepted and each.call == "before"]
        return self.buried().union(*map(self.covered, accepted))

    def may_be_gone(self) -> set[str]:
        """What somebody asked to be deleted, whether that was accepted or not."""
        return self.elsewhere.union(*map(self.covered, self.deletions))

    def everything(self) -> set[str]:
        """All messages that ever were."""
        return {message_id for ages in self.ages.values() for message_id in ages}

    def summary(self) -> str:
        """How much of each sort there was."""
        calls = Counter((each.call, each.accepted) for each in self.deletions)
        asked = ", ".join(f"{count} {call}" for (call, yes), count in calls.items() if yes)
        lost = sum(not each.accepted for each in self.deletions)
        return f"{asked}, and {lost} without an answer; {len(self.elsewhere)} deleted elsewhere"
