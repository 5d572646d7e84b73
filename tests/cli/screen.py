"""What a person sees in the end, after everything that a program wrote to a terminal."""

import re

from rich.cells import cell_len

_PIECE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\r|\n|[^\x1b]")


class Screen:
    """A terminal of so many columns that knows the few sequences that we send."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[str] = [""]
        self._row = self._column = 0
        self.widest = 0
        """The most columns that were ever used of a line."""

    def write(self, text: str) -> "Screen":
        """Obey what a program sent."""
        for piece in _PIECE.finditer(text):
            if piece[2]:
                self._obey(piece[2], piece[1])
            elif piece[0] == "\r":
                self._column = 0
            elif piece[0] == "\n":
                self._down()
            else:
                self._put(piece[0])
        return self

    @property
    def lines(self) -> list[str]:
        """What stands there now, empty lines left out."""
        return [row.rstrip() for row in self._rows if row.strip()]

    def _obey(self, letter: str, number: str) -> None:
        if letter == "A":
            self._row = max(0, self._row - int(number or 1))
        elif letter == "K":
            assert number == "2", "only whole lines are erased"
            self._rows[self._row] = ""
        else:
            assert letter in "mhl", f"unknown sequence {number}{letter}"

    def _put(self, character: str) -> None:
        if self._column + cell_len(character) > self._columns:
            self._column = 0
            self._down()
        row = self._rows[self._row].ljust(self._column)
        at = self._column
        self._rows[self._row] = row[:at] + character + row[at + 1 :]
        self._column += cell_len(character)
        self.widest = max(self.widest, self._column)

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append("")
