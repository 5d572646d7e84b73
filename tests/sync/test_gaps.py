"""The range algebra: pictures, and random histories."""

from itertools import takewhile

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from syncengine.store.batch import HEAD, START, Gap, Shift
from syncengine.sync.gaps import JUMP, STEP, Local, Run, Woven, weave


@define
class Copy:
    """What is held, in memory: applies what `weave` says as the store does."""

    places: dict[str, int] = field(factory=dict)
    gaps: list[Gap] = field(factory=list)
    numbered: bool = False
    """A higher number was sent later."""

    def below(self, position: int) -> int | None:
        return max((p for p in self.places.values() if p < position), default=None)

    def newer(self, position: int, message_id: str) -> int:
        lower = (m for m in reversed(self.order) if self.places[m] < position)
        newer = takewhile(lambda m: self.numbered and int(m[1:]) > int(message_id[1:]), lower)
        return min([position, *(self.places[m] for m in newer)])

    def apply(self, run: Run) -> Woven | None:
        held = {m: self.places[m] for m in run.ids if m in self.places}
        woven = weave(run, Local(held, self.gaps, self.below, self.newer))
        if isinstance(woven, Shift):
            self.shift(woven)
            return self.apply(run)
        if woven is not None:
            self.places.update(zip(run.ids, woven.places, strict=True))
            self.gaps = list(woven.gaps)
        return woven

    def shift(self, shift: Shift) -> None:
        def moved(position: int) -> int:
            return position + shift.by if shift.at <= position < HEAD else position

        self.places = {m: moved(p) for m, p in self.places.items()}
        self.gaps = [evolve(g, low=moved(g.low), high=moved(g.high)) for g in self.gaps]

    @property
    def order(self) -> list[str]:
        return sorted(self.places, key=self.places.__getitem__)

    def picture(self) -> str:
        """Held messages and gaps from oldest to newest: `? [m1 m2] ~ [m5]`, `~` a seam."""
        marks = [(p, 1, m) for m, p in self.places.items()]
        marks += [(g.low, 2, "~" if g.seam else "?") for g in self.gaps]
        words: list[str] = []
        for _, what, name in sorted(marks):
            if what == 2:
                words.append(name)
            elif words and words[-1].startswith("["):
                words[-1] = f"{words[-1][:-1]} {name}]"
            else:
                words.append(f"[{name}]")
        return " ".join(words)


def new_copy() -> Copy:
    """A conversation of which the list told: one gap and no messages."""
    return Copy(gaps=[Gap(START, HEAD)])


def run(text: str, **flags: bool) -> Run:
    """A run written oldest first, as pictures are."""
    return Run(text.split()[::-1], cursor="next", **flags)


def test_new_conversation_is_one_gap_and_its_first_page_leaves_a_smaller_one() -> None:
    """Law 2: the first page closes the newest end, not the start of history."""
    copy = new_copy()
    assert copy.picture() == "?"
    copy.apply(run("m8 m9", head=True))
    assert copy.picture() == "? [m8 m9]"


def test_a_chain_reaches_the_start_of_history() -> None:
    """Law 2: the gap closes when the server says that history starts here."""
    copy = new_copy()
    copy.apply(run("m3 m4", head=True))
    copy.apply(run("m1 m2 m3", end=True))
    assert copy.picture() == "[m1 m2 m3 m4]"


def test_spans_join_when_a_page_reaches_a_held_message() -> None:
    """Law 2: catching up closes the gap at the head by meeting what is held."""
    copy = Copy({"m1": 0, "m2": STEP}, [Gap(STEP, HEAD)])
    copy.apply(run("m4 m5", head=True))
    assert copy.picture() == "[m1 m2] ? [m4 m5]"
    copy.apply(run("m2 m3 m4"))
    assert copy.picture() == "[m1 m2 m3 m4 m5]"


def test_a_page_of_new_messages_alone_never_joins() -> None:
    """Law 2: a short page without a held message proves nothing about the other side."""
    copy = Copy({"m1": 0}, [Gap(0, HEAD)])
    copy.apply(run("m9", head=True))
    assert copy.picture() == "[m1] ? [m9]"


def test_a_start_of_history_above_what_is_held_makes_a_seam() -> None:
    """Law 2: what lay between may have expired unseen: shown, never called whole."""
    copy = Copy({"m1": 0}, [Gap(0, HEAD)])
    copy.apply(run("m8 m9", head=True, end=True))
    assert copy.picture() == "[m1] ~ [m8 m9]"


def test_deeper_gaps_become_seams_when_history_starts_above_them() -> None:
    """Law 2: below the start of history nothing can be fetched any more."""
    copy = Copy({"m1": 0, "m5": JUMP}, [Gap(START, 0), Gap(0, JUMP), Gap(JUMP, HEAD)])
    copy.apply(run("m8 m9", head=True, end=True))
    assert copy.picture() == "~ [m1] ~ [m5] ~ [m8 m9]"


def test_an_empty_conversation_is_whole_when_the_server_says_so() -> None:
    """Law 9: empty and never synced differ."""
    copy = new_copy()
    copy.apply(Run([], head=True, end=True))
    assert copy.picture() == ""


def test_a_continuation_that_shows_newer_messages_is_thrown_away() -> None:
    """Law 2: a start that is gone may be answered with the head."""
    copy = Copy({"m1": 0, "m2": STEP, "m3": 2 * STEP}, [Gap(START, 0)])
    assert copy.apply(run("m3 m1", end=True)) is None
    assert copy.picture() == "? [m1 m2 m3]"


def test_a_run_that_hangs_on_nothing_is_thrown_away() -> None:
    """Law 2: a page below a message that is not held proves nothing."""
    copy = new_copy()
    assert copy.apply(run("m1 m2")) is None


def test_a_message_imported_into_a_whole_span_gets_its_place() -> None:
    """Law 3: a message imported into the past is placed where the page shows it."""
    copy = Copy({"m1": 0, "m2": STEP, "m3": 2 * STEP})
    copy.apply(run("m1 new m2 m3", head=True))
    assert copy.picture() == "[m1 new m2 m3]"


def test_an_import_at_a_pages_end_leaves_a_gap_below() -> None:
    """Law 2: below an unknown message more unknown ones may lie."""
    copy = Copy({"m1": 0, "m2": STEP, "m3": 2 * STEP})
    copy.apply(run("new m2 m3", head=True))
    assert copy.picture() == "[m1] ? [new m2 m3]"


def test_what_was_shown_below_a_message_is_not_put_past_older_ones_into_a_gap() -> None:
    """Laws 3 and 5: the page does not say that the older ones are gone. A later one does."""
    copy = Copy({"m1": 0, "m2": STEP, "m5": 2 * STEP}, [Gap(START, 0)])
    copy.apply(run("m3 m4 m5", head=True))
    assert copy.picture() == "? [m1 m2] ? [m3 m4 m5]"
    copy.apply(run("m2 m3"))
    assert copy.picture() == "? [m1 m2 m3 m4 m5]"


def test_a_guessed_order_is_no_proof_that_something_is_gone() -> None:
    """Laws 3 and 5: a page that passes by a message whose order to the older ones no page has
    shown does not cover it, and what parts them stays open."""
    copy = Copy({"m1": 0, "m5": STEP})
    copy.apply(run("m4 m5", head=True))
    assert copy.picture() == "[m1] ? [m4 m5]"
    woven = copy.apply(run("m1 m5", head=True))
    assert copy.picture() == "[m1] ? [m4 m5]"
    assert woven is not None
    assert woven.unproved == [(copy.places["m4"], copy.places["m5"])]
    copy.apply(run("m0 m4 m1 m5", head=True))
    assert copy.picture().endswith("[m0 m4 m1 m5]")


def test_what_is_not_shown_and_was_sent_later_stands_above_what_is_new() -> None:
    """Laws 3 and 5: it may come back with a server's backup; a page further down, which it
    would not stand on, must not tell that it is missing."""
    copy = Copy({"m1": 0, "m7": JUMP, "m8": JUMP + STEP, "m9": JUMP + 2 * STEP}, numbered=True)
    copy.gaps = [Gap(0, JUMP)]
    copy.apply(run("m5 m6 m9", head=True))
    assert copy.picture() == "[m1] ? [m5 m6 m7 m8 m9]"
    assert copy.places["m6"] < copy.places["m7"]


def test_each_of_the_new_messages_stands_where_it_was_sent() -> None:
    """Law 3: also where what is not shown was sent between them, and at the newest end."""
    copy = Copy({"m1": 0, "m3": STEP, "m5": 2 * STEP, "m7": 3 * STEP}, numbered=True)
    copy.apply(run("m1 m2 m4 m6 m8", head=True))
    assert copy.picture() == "[m1 m2 m3 m4 m5 m6 m7 m8]"
    copy = Copy({"m5": 0, "m7": STEP}, [Gap(START, 0), Gap(STEP, HEAD)], numbered=True)
    copy.apply(run("m3 m6", head=True))
    assert copy.picture() == "? [m3 m5 m6 m7]"


def test_an_order_that_the_server_contradicts_is_not_followed() -> None:
    """Law 3: a new message shown above one that is held is not put below it."""
    copy = Copy({"m7": 0, "m8": STEP, "m9": 2 * STEP}, numbered=True)
    copy.apply(run("m7 m5 m9", head=True))
    assert copy.picture() == "[m7 m8 m5 m9]"


def test_above_a_gap_that_is_no_guess_a_page_proves_what_is_gone() -> None:
    """Law 2: newer messages that stood above the head's gap are newer: passing by closes it."""
    copy = Copy({"m1": 0, "m5": JUMP}, [Gap(0, JUMP)])
    copy.apply(run("m1 m9", head=True))
    assert copy.picture() == "[m1 m5 m9]"


def test_what_was_shown_below_a_message_comes_from_the_gap_where_history_ends() -> None:
    """Law 2: a chain that ends without the older messages leaves no gap, and seams at them."""
    copy = Copy({"m2": STEP, "m5": 2 * STEP}, [Gap(START, STEP)])
    copy.apply(run("m1 m5", head=True))
    copy.apply(run("m0 m1", end=True))
    assert copy.picture() == "~ [m2] ~ [m0 m1 m5]"


def test_a_page_that_contradicts_the_order_moves_the_rows() -> None:
    """Law 3: the server's page decides the order, not what was held before."""
    copy = Copy({"m1": 0, "m3": STEP, "m2": 2 * STEP, "m4": 3 * STEP})
    copy.apply(run("m1 m2 m3 m4", head=True, end=True))
    assert copy.picture() == "[m1 m2 m3 m4]"


def test_a_proved_page_moves_what_is_held_above_its_start() -> None:
    """Law 3: where a page hangs for certain, what it shows below is below."""
    copy = Copy({"m3": 0, "m1": STEP, "m2": 2 * STEP}, [Gap(START, 0)])
    copy.apply(run("m1 m2 m3", proved=True))
    assert copy.picture() == "? [m1 m2 m3]"


def test_room_between_positions_is_made_where_it_is_used_up() -> None:
    """Law 3: the span is renumbered, the order stays."""
    copy = Copy({"m1": 0, "m2": 1, "m3": 2}, [Gap(2, HEAD)])
    copy.apply(run("m1 a b c m2 m3", head=True))
    assert copy.picture() == "[m1 a b c m2 m3]"


def test_gaps_with_nothing_left_between_them_become_one() -> None:
    """Law 1: after deletions two gaps can meet; a run between them leaves one below it."""
    copy = Copy({}, [Gap(START, 5 * STEP), Gap(-STEP, HEAD)])
    copy.apply(run("m8 m9", head=True))
    assert copy.picture() == "? [m8 m9]"
    assert len(copy.gaps) == 1


def test_a_seam_at_the_head_takes_part_in_later_reads() -> None:
    """Law 2: a seam stays where it is when messages arrive above it."""
    copy = Copy({"m1": 0}, [Gap(0, HEAD, seam=True)])
    copy.apply(run("m8 m9", head=True, end=True))
    assert copy.picture() == "[m1] ~ [m8 m9]"


class Histories(RuleBasedStateMachine):
    """A server that only grows, read in any order: nothing is lost, nothing is called
    whole that is not."""

    @initialize(length=st.integers(0, 12))
    def begin(self, length: int) -> None:
        self.server = [f"s{i}" for i in range(length)]
        self.made = length
        self.copy = new_copy()
        self.seen_to: str | None = None  # newest message on the server at the last head read
        self.head_read = False

    @rule(count=st.integers(1, 6))
    def arrive(self, count: int) -> None:
        new = [f"s{self.made + i}" for i in range(count)]
        self.made += count
        self.server += new
        if not any(gap.high == HEAD for gap in self.copy.gaps):
            newest = self.copy.below(HEAD)
            self.copy.gaps.append(Gap(START if newest is None else newest, HEAD))

    @rule(size=st.integers(1, 7))
    def read_head(self, size: int) -> None:
        page = self.server[::-1][:size]
        self.copy.apply(Run(page, head=True, end=len(page) < size, cursor="c"))

    @precondition(lambda self: self.copy.places)
    @rule(data=st.data(), size=st.integers(1, 7))
    def read_below(self, data: st.DataObject, size: int) -> None:
        start = data.draw(st.sampled_from(self.copy.order))
        below = self.server[: self.server.index(start)][::-1]
        page = below[:size]
        self.copy.apply(Run([start, *page], end=len(page) < size, cursor="c"))

    @invariant()
    def order_is_the_servers(self) -> None:
        """Law 3."""
        assert self.copy.order == [m for m in self.server if m in self.copy.places]

    @invariant()
    def nothing_is_inside_a_gap(self) -> None:
        """Law 1."""
        for gap in self.copy.gaps:
            assert not any(gap.low < p < gap.high for p in self.copy.places.values())

    @invariant()
    def what_is_not_in_a_gap_is_here(self) -> None:
        """Law 2: every message that is not held lies in some gap."""
        before: str | None = None
        for message in [*self.server, None]:
            if message is None or message in self.copy.places:
                low = START if before is None else self.copy.places[before]
                high = HEAD if message is None else self.copy.places[message]
                between = self.server[
                    0 if before is None else self.server.index(before) + 1 : len(self.server)
                    if message is None
                    else self.server.index(message)
                ]
                covered = any(g.low <= low and high <= g.high for g in self.copy.gaps)
                assert covered or not between
                before = message

    @invariant()
    def no_seams_where_nothing_expires(self) -> None:
        """Law 2: a seam needs a start of history above held messages."""
        assert not any(gap.seam for gap in self.copy.gaps)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


@given(st.lists(st.integers(0, 60), unique=True, min_size=2, max_size=40), st.data())
def test_a_sound_head_page_always_ends_in_the_servers_order(
    numbers: list[int], data: st.DataObject
) -> None:
    """Law 3: whatever order was held, after a page its messages stand as the page shows."""
    ids = [f"m{n}" for n in numbers]
    known = data.draw(st.lists(st.sampled_from(ids), unique=True))
    spacing = data.draw(st.sampled_from([1, 2, STEP]))
    copy = Copy({m: i * spacing for i, m in enumerate(known)})
    copy.apply(Run(ids, head=True, cursor="c"))
    order = copy.order
    assert [m for m in order if m in ids] == ids[::-1]
    assert len(set(copy.places.values())) == len(copy.places)
