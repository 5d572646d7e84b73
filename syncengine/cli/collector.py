"""Keeps Python's collector of cycles from holding up a command that syncs."""

import gc

_YOUNG = 20_000
"""Objects more than were let go of, until the youngest are looked through: a pull has about
2,000 messages on their way, which come and go without its help."""


def spare_what_is_here() -> None:
    """Called once, when a program of ours has loaded what it needs.

    To look through all objects of a program takes 20 to 40 ms, in which its event loop is
    held. What exists by now stays to the end, so it need not be looked through; and what a
    pull makes needs it seldom. A program that embeds the engine decides this for itself
    (README, Embed it).
    """
    gc.freeze()
    gc.set_threshold(_YOUNG)
