"""A window in the terminal: it binds the engine's reads and its changes to a screen, and
leaves the network to the engine."""

from syncengine.tui.app import Browser

__all__ = ["Browser"]
