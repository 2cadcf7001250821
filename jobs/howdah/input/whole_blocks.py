"""Whole blocks of clean rows at once: simdjson's speed for what is written as JSON writes numbers.

A row of numbers is a row of JSON numbers, so a block becomes one flat JSON array with a marker
after every row; simdjson reads it exactly (each number rounds as Python's float does) at about
500 MB a second on one core, three times as fast as pandas.read_csv. It refuses what JSON does not
allow (NA, nan, 1e400, an empty field, +1, .5, text). Where a file writes numbers in another way
(+1, .5, 5., 007) a second reading takes them with float().

A reading returns None, or raises, for everything that it is not sure of: then the rows are read
one by one (single_rows.py), and where a reading takes a block it must say the same.
"""

from __future__ import annotations

import csv
import json
from operator import itemgetter
from typing import Any, Optional

import numpy as np
import simdjson

from howdah.input.layout import Layout
from howdah.input.lines import BOM
from howdah.input.rows import LARGEST, MOST_SPARSE_COLUMNS, Rows

MARKER = 1e301
MARK = b",1e301,"
STRING = 1e302
STRING_MARK = b" 1e302 "
NUMERIC = b"0123456789.eE+- \t\r"
NOT_CONTROLS = bytes(range(32, 256))
NUMBERS_ONLY = bytes.maketrans(b'{}[]:"', b"      ")


class Columns:
    """Where a layout's columns stand once the fields `apart` are cut out of its rows."""

    def __init__(self, layout: Layout, apart: set):
        kept = [i for i in range(layout.fields) if i not in apart]
        self.apart = apart
        self.width = len(kept)
        place = {field: i for i, field in enumerate(kept)}
        numeric = [place[i] for i in layout.numeric]
        # A slice is a view, a list a copy.
        neighbours = numeric == list(range(numeric[0], numeric[-1] + 1)) if numeric else False
        self._numeric = slice(numeric[0], numeric[-1] + 1) if neighbours else numeric
        self._weight = None if layout.weight is None else place[layout.weight]

    def rows(self, table: np.ndarray, texts: dict) -> Rows:
        weights = None if self._weight is None else table[:, self._weight]
        return Rows(table[:, self._numeric], weights, texts)


class BlockReader:
    """Reads clean blocks of one layout; `readings` is the number of ways it has, quickest first."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self._json = simdjson.Parser()
        #: Lines that are headers.
        self.headers = [] if layout.header is None else [layout.header.encode("utf-8")]
        used = {*layout.numeric, layout.weight}
        texts = {*layout.texts.values(), *layout.unread_texts}
        self._columns = (Columns(layout, texts),
                         Columns(layout, {i for i in range(layout.fields) if i not in used}))
        self._all_columns = Columns(layout, set())
        self._read = {"jsonl": self._jsonl, "svmlight": self._svmlight}.get(
            layout.format, self._delimited)
        self.readings = 1 if layout.format in ("jsonl", "svmlight") else 2

    def read(self, data: bytes, reading: int) -> Optional[Rows]:
        """The rows of `data` (whole lines, the last one ended), or None where it is not clean."""
        for header in self.headers:
            if header in data:
                return None
        try:
            return self._read(data, reading)
        except (ValueError, TypeError, RuntimeError):
            return None

    def _marked_table(self, data: bytes, width: int, strings=()) -> Optional[np.ndarray]:
        """The numbers of rows of `width` fields between commas, with a column of MARKER behind.

        `strings` are the columns that hold STRING. None if a row is another, or a number too large.
        """
        n = line_count(data)
        numbers = self._flat(data)
        if len(numbers) != n * (width + 1):
            return None
        table = numbers.reshape(n, width + 1)
        large = np.count_nonzero(np.abs(numbers) > LARGEST)
        if large != n * (1 + len(strings)) or (table[:, width] != MARKER).any():
            return None
        return table if all((table[:, i] == STRING).all() for i in strings) else None

    def _flat(self, data: bytes) -> np.ndarray:
        """All numbers, MARKER after those of each line."""
        # simdjson's parser takes no other text while this document lives.
        document: Any = self._json.parse(b"".join((b"[", data.replace(b"\n", MARK), b"0]")))
        numbers = np.frombuffer(document.as_buffer(of_type="d"), dtype=np.float64)
        del document
        return numbers[:-1]

    def _floats(self, data: bytes, width: int) -> Optional[np.ndarray]:
        n = line_count(data)
        if data.translate(None, NUMERIC) != (b"," * (width - 1) + b"\n") * n:
            return None
        fields = data[:-1].replace(b"\n", b",").split(b",")
        table = np.fromiter(map(float, fields), np.float64, n * width).reshape(n, width)
        return table if np.abs(table).max() <= LARGEST else None

    def _delimited(self, data: bytes, reading: int) -> Optional[Rows]:
        layout, kept, texts = self.layout, self._columns[reading], {}
        delimiter = None if layout.delimiter == " " else layout.delimiter.encode("utf-8")
        if kept.apart or reading or b'"' in data:
            data = data.replace(b"\r\n", b"\n")
        if delimiter is not None and b'"' in data:
            data = unquoted(data, delimiter)
        if kept.apart:
            refuse_odd_text(data)
            data, fields = without_fields(data, delimiter, layout.fields, kept.apart)
            texts = {role: b"\n".join(fields[i]).decode("utf-8").split("\n")
                     for role, i in layout.texts.items()}
        if b"[" in data or (delimiter != b"," and b"," in data):
            return None
        if delimiter is None and reading:
            data = b"\n".join(b",".join(line.split()) for line in data[:-1].split(b"\n")) + b"\n"
        elif delimiter != b",":
            data = data.replace(delimiter or b" ", b",")
        table = (self._floats if reading else self._marked_table)(data, kept.width)
        return None if table is None else kept.rows(table, texts)

    def _jsonl(self, data: bytes, reading: int) -> Optional[Rows]:
        layout, strings = self.layout, {}
        if b'"' in data:
            data, strings = self._without_strings(data.replace(b"\r\n", b"\n"))
        numbers = {*layout.numeric, layout.weight}
        if not numbers.isdisjoint(strings) or not {*layout.texts.values()}.issubset(strings):
            return None
        ends = (b'{":', b',":', b"}\n") if layout.keys is not None else (b"[", b",", b"]\n")
        shape = ends[0] + ends[1] * (layout.fields - 1) + ends[2]
        if data.translate(None, NUMERIC) != shape * line_count(data):
            return None
        table = self._marked_table(data.translate(NUMBERS_ONLY), layout.fields, strings)
        texts = {role: strings[i] for role, i in layout.texts.items()}
        return None if table is None else self._all_columns.rows(table, texts)

    def _without_strings(self, data: bytes) -> tuple:
        """JSON rows with " for every key, STRING for every string; and the strings by position.

        Between two quotes stands a key or a string, so the text is cut at its quotes; the first
        row says what is to be where. Raises ValueError for rows that differ from it.
        """
        keys, n = self.layout.keys, line_count(data)
        row: Any = json.loads(data[:data.index(b"\n")])
        if not isinstance(row, list if keys is None else dict):
            raise ValueError("another kind of row")
        values: list = row if keys is None else [row.get(key) for key in keys]  # type: ignore
        are_strings = [isinstance(value, str) for value in values]
        step = 2 * (sum(are_strings) + len(keys or ()))
        parts: list = data.split(b'"')
        if (b"\\" in data or data.translate(None, NOT_CONTROLS) != b"\n" * n
                or len(parts) != step * n + 1):
            raise ValueError("strings that need a closer look, or another number of them")
        at, strings = 1, {}
        for i, is_string in enumerate(are_strings):
            if keys is not None:
                if parts[at::step] != [keys[i].encode("utf-8")] * n:
                    raise ValueError("another key")
                parts[at::step] = [b'"'] * n
                at += 2
            if is_string:
                strings[i] = b"\n".join(parts[at::step]).decode("utf-8").split("\n")
                parts[at::step] = [STRING_MARK] * n
                at += 2
        return b"".join(parts), strings

    def _svmlight(self, data: bytes, reading: int) -> Optional[Rows]:
        """A row is a target, which is cut off, then index:value for every entry."""
        data = data.replace(b"\r\n", b"\n")
        if b"#" in data or b"," in data or b"[" in data:
            return None
        refuse_odd_text(data)
        if any(space in data for space in (b"\t", b"\r", b"\v", b"\f")):
            return None
        rows = [line.partition(b" ") for line in data[:-1].split(b"\n")]
        targets = [target for target, _, _ in rows]
        if not all(targets) or b":" in b"".join(targets):
            return None
        data = b"\n".join([b"0 " + entries for _, _, entries in rows]) + b"\n"
        entries = self._entries(data, len(rows))
        texts = {role: b"\n".join(targets).decode("utf-8").split("\n")
                 for role in self.layout.texts}
        return None if entries is None else Rows(entries, None, texts)

    def _entries(self, data: bytes, n: int) -> Optional[tuple]:
        """Values, columns and lengths of n rows `0 index:value ...`."""
        colons = data.count(b":")
        if data.translate(None, b"0123456789").count(b" :") != colons:
            return None  # an index with more than digits
        flat = data.replace(b" \n", b"\n").replace(b" ", b",").replace(b":", b",")
        numbers = self._flat(flat)
        ends = np.flatnonzero(np.abs(numbers) > LARGEST)
        if len(ends) != n or len(numbers) != 2 * (n + colons):
            return None  # too large a value, or a number alone
        starts = np.concatenate([[0], ends[:-1] + 1])
        inner = np.ones(len(numbers), dtype=bool)
        inner[ends] = inner[starts] = False
        entries = numbers[inner].reshape(-1, 2)
        lengths = (ends - starts - 1) // 2
        columns = entries[:, 0].astype(np.int64) - (0 if self.layout.zero_based else 1)
        width = MOST_SPARSE_COLUMNS if self.layout.width is None else self.layout.width
        if not ascending(columns, lengths) or not ((columns >= 0) & (columns < width)).all():
            return None
        return entries[:, 1].copy(), columns, lengths


def line_count(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == 10))


def ascending(columns: np.ndarray, lengths: np.ndarray) -> bool:
    """Whether each row's columns (of that length, one row after the other) ascend."""
    first_of_row = np.zeros(len(columns) + 1, dtype=bool)
    first_of_row[np.cumsum(lengths) - lengths] = True
    return bool(((np.diff(columns) > 0) | first_of_row[1:len(columns)]).all())


def refuse_odd_text(data: bytes) -> None:
    """ValueError for what a text field may not hold, or what one row of many starts with."""
    if b"\0" in data:
        raise ValueError("binary data")
    if not data.isascii():
        data.decode("utf-8")
        if BOM in data:
            raise ValueError("a byte order mark")


def unquoted(data: bytes, delimiter: bytes) -> bytes:
    """Rows without the quotes around whole fields; ValueError where that could change a field."""
    text = np.frombuffer(b"\n" + data, dtype=np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    if len(quotes) % 2 or b"\r" in data or len(delimiter) != 1:
        raise ValueError("quotes that need a closer look")
    opening, closing = quotes[0::2], quotes[1::2]
    ends = (text == ord(delimiter)) | (text == ord("\n"))
    ends_before = np.cumsum(ends)
    if (not (ends[opening - 1] & ends[closing + 1]).all()
            or (ends_before[opening] != ends_before[closing]).any()
            or (closing - opening).max() > csv.field_size_limit()):
        raise ValueError("quotes inside a field, or a delimiter inside quotes")
    return data.replace(b'"', b"")


def without_fields(data: bytes, delimiter: Optional[bytes], fields: int, apart: set) -> tuple:
    """Rows without the fields `apart`, and those fields' values by position.

    delimiter  None for blanks

    Fields at the ends of the row are cut off, which is quicker than to cut every field.
    """
    lines: list = data[:-1].split(b"\n")
    left = next(i for i in range(fields) if i not in apart)
    right = next(i for i in range(fields) if fields - 1 - i not in apart)
    columns: dict = {}
    if left + right == len(apart):
        if left:
            *cut, lines = transposed([line.split(delimiter, left) for line in lines], left + 1)
            columns.update(enumerate(cut))
        if right:
            lines, *cut = transposed([line.rsplit(delimiter, right) for line in lines], right + 1)
            columns.update(enumerate(cut, fields - right))
    else:
        rows = [line.split(delimiter) for line in lines]
        if set(map(len, rows)) != {fields}:
            raise ValueError("a row of another width")
        columns = {i: [row[i] for row in rows] for i in apart}
        kept = itemgetter(*(i for i in range(fields) if i not in apart))
        lines = [(delimiter or b" ").join(kept(row)) for row in rows]
    return b"\n".join(lines) + b"\n", columns


def transposed(rows: list, width: int) -> list:
    if set(map(len, rows)) != {width}:
        raise ValueError("a row of another width")
    return list(zip(*rows))
