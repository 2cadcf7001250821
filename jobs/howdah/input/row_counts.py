"""Counts of the rows that were used, skipped and refused; bad rows travel as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from howdah.input.lines import Block

SHOWN = 5
FIRST_BYTES = 200


@dataclass
class RowCounts:
    """Rows of the input by their fate. Merging is exact, in any order.

    `examples` are the first bad rows by file and place: dicts with `file`, `start` (of the split),
    `offset` (from the split's first line), `reason` and `text` (the row's first 200 bytes).
    """

    used: int = 0
    bad: int = 0
    empty: int = 0
    headers: int = 0
    examples: list = field(default_factory=list)

    def refuse(self, example: dict) -> None:
        """Count a bad row that `example_of` describes."""
        self.bad += 1
        if len(self.examples) < SHOWN or _place(example) < _place(self.examples[-1]):
            self.keep([example])

    def keep(self, examples: list) -> None:
        self.examples = sorted(self.examples + examples, key=_place)[:SHOWN]

    def merge(self, other: RowCounts) -> None:
        self.used += other.used
        self.bad += other.bad
        self.empty += other.empty
        self.headers += other.headers
        self.keep(other.examples)

    def counts(self) -> dict:
        return {"used": self.used, "bad": self.bad, "empty": self.empty, "headers": self.headers}

    def to_dict(self) -> dict:
        return {**self.counts(), "examples": self.examples}

    @classmethod
    def from_dict(cls, value: dict) -> RowCounts:
        return cls(**value)

    def summary(self) -> str:
        """One line for the user, parts that add up to the rows read."""
        read = self.used + self.bad + self.empty + self.headers
        return ("%d lines read: %d rows used, %d bad rows skipped, %d empty lines, %d header lines"
                % (read, self.used, self.bad, self.empty, self.headers))


def example_of(block: Block, offset: int, line: bytes, reason: str) -> dict:
    """A bad row as it travels: its place, the reason, its first 200 bytes."""
    return {"file": block.file, "start": block.start, "offset": block.offset + offset,
            "reason": reason, "text": first_bytes(line)}


def first_bytes(line: bytes) -> str:
    return line[:FIRST_BYTES].decode("utf-8", "backslashreplace")


def _place(example: dict) -> tuple:
    return (example["file"] or "", example["start"], example["offset"], example["text"])


def merged(all_counts) -> RowCounts:
    total = RowCounts()
    for each in all_counts:
        total.merge(each if isinstance(each, RowCounts) else RowCounts.from_dict(each))
    return total


def describe(example: dict, line_number: Optional[int] = None) -> str:
    """A bad row as the user reads it: place, reason, first bytes."""
    return "%s: %s: %r" % (place_of(example, line_number), example["reason"], example["text"])


def place_of(example: dict, line_number: Optional[int] = None) -> str:
    """File and line, or byte, of a bad row."""
    if example["file"] is None:
        return "a row whose place this runner does not tell"
    if line_number is not None:
        return "%s, line %d" % (example["file"], line_number)
    return "%s, byte %d%s" % (example["file"], example["start"] + example["offset"],
                              " or the line after" if example["start"] else "")
