"""The header of an input's first file, as the lines of all its files repeat it."""

from __future__ import annotations

import csv
from itertools import zip_longest
from typing import Optional

from howdah.errors import UserError
from howdah.input.layout import Layout, header_names, is_missing, is_number, some_of


class Header:
    """The names in the header of a layout, one of them no number: no good row looks like it."""

    def __init__(self, layout: Layout, names: list):
        self.layout = layout
        self.names = names
        self._sorted = sorted(names)

    @classmethod
    def of(cls, layout: Layout) -> Optional[Header]:
        if layout.header is None:
            return None
        names = header_names(layout.header, layout.delimiter)
        return None if all(map(is_number, names)) else cls(layout, names)

    def stands_in(self, line: bytes, file: Optional[str], first: bool = False) -> bool:
        """Whether a line is this header, however it is written; `first`: the first of its file.

        Raises UserError for its names in another order, and for a first line of other names.
        """
        try:
            names = header_names(line.decode("utf-8"), self.layout.delimiter)
        except (UnicodeDecodeError, csv.Error):
            return False
        if names == self.names:
            return True
        if sorted(names) == self._sorted or first and self._is_other_header(names):
            raise UserError(self._complaint(names, file))
        return False

    def _is_other_header(self, fields: list) -> bool:
        """Words where there should be numbers; of another width also one of this header's names."""
        if len(fields) == self.layout.fields:
            return all(_is_word(fields[i]) for i in self.layout.numeric)
        return all(map(_is_word, fields)) and not set(fields).isdisjoint(self.names)

    def _complaint(self, names: list, file: Optional[str]) -> str:
        pairs = enumerate(zip_longest(names, self.names))
        at = next(i for i, (theirs, ours) in pairs if theirs != ours)
        return ("%s has the header %s from column %d on, where the input's first file has %s; give"
                " all files the same columns in the same order, or run them apart."
                % (file or "A file of the input", some_of(names[at:]), at,
                   some_of(self.names[at:])))


def _is_word(text: str) -> bool:
    return any(map(str.isalpha, text)) and not is_number(text) and not is_missing(text)
