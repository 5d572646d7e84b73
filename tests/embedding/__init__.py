"""The engine inside of other programs: without an event loop, in Qt's, in Textual's."""
