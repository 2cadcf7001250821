"""Blocks of text to rows: clean pieces as a whole, the others row by row."""

from __future__ import annotations

from typing import Iterator, Optional

import numpy as np

from howdah.errors import UserError
from howdah.input.headers import Header
from howdah.input.layout import Layout
from howdah.input.lines import BOM, Block, line_number
from howdah.input.packed import lines_of, unpack_rows
from howdah.input.packed_format import MARK
from howdah.input.row_counts import RowCounts, example_of, place_of
from howdah.input.rows import Rows
from howdah.input.single_rows import BadRow, row_reader
from howdah.input.whole_blocks import BlockReader

FEW_ROWS = 24
PARTS = 8
# A reading that failed is tried again after this many blocks: the file may have changed its hand.
BLOCKS_UNTIL_RETRY = 64
TOO_LARGE = "a value is too large for distances (at most %g)"
NO_DIRECTION = "all values are zero, which has no direction for cosine"


class Parser:
    """Turns blocks of text into rows; what it refuses is counted and kept in `row_counts`.

    `keep_lines` keeps the raw lines beside the rows; `nonzero` refuses rows of zeros only, which
    have no direction (cosine); `largest` refuses rows with values beyond it, whose distances would
    overflow; `keep_refused` keeps every refused row until `take_refused`.
    """

    def __init__(self, layout: Layout, keep_lines: bool = False, nonzero: bool = False,
                 keep_refused: bool = False, largest: Optional[float] = None):
        self.layout = layout
        self.keep_lines = keep_lines
        self.nonzero, self.largest = nonzero, largest
        self.row_counts = RowCounts()
        self.refused: list = []
        self.keep_refused = keep_refused
        self._header = Header.of(layout)
        if layout.format != "packed":
            self._read_row = row_reader(layout)
            self._whole = BlockReader(layout)
        self._reading = 0
        self._blocks = 0
        self._whole_rows = self._single_lines = 0
        self._whole_failed = False

    def parse(self, block: Block) -> Iterator[Rows]:
        """The good rows of a block, in order, in one or more pieces."""
        pieces = (self._packed_lines(block) if self.layout.format == "packed"
                  else self._text_pieces(block))
        for rows in pieces:
            if len(rows):
                self.row_counts.used += len(rows)
                yield rows

    def _packed_lines(self, block: Block) -> Iterator[Rows]:
        for at, line in lines_of(block.data):
            try:
                rows = unpack_rows(line, self.layout)
            except UserError as error:
                raise UserError("%s: %s" % (_place(block, at), error)) from None
            if self.nonzero:
                rows = self._kept(rows, rows.nonzero(), block, at, NO_DIRECTION)
            if self.largest:
                rows = self._kept(rows, rows.within(self.largest), block, at,
                                  TOO_LARGE % self.largest)
            yield rows

    def _kept(self, rows: Rows, good: np.ndarray, block: Block, at: int, reason: str) -> Rows:
        """The good rows of a packed block at `at`; the others are refused."""
        for i in np.flatnonzero(~good).tolist():
            self._refuse(example_of(block, at, b"row %d of the block" % (i + 1), reason))
        return rows if good.all() else rows.only(good)

    def _text_pieces(self, block: Block) -> Iterator[Rows]:
        """The pieces of a block, read in the way that did well on the blocks before."""
        data = block.data if block.data.endswith(b"\n") else block.data + b"\n"
        self._blocks += 1
        if self._blocks % BLOCKS_UNTIL_RETRY == 0:
            self._reading, self._whole_failed = 0, False
        self._whole_rows = self._single_lines = 0
        if self._header is not None and block.file and block.start == block.offset == 0:
            self._read_header(self._header, data, block.file)
        yield from self._pieces(block, data, 0, self._whole_failed)
        if self._single_lines > self._whole_rows and self._reading < self._whole.readings:
            self._reading += 1
            self._whole_failed = False

    def _read_header(self, header: Header, data: bytes, file: str) -> None:
        """Know a file's first line for a header though it be written in another way.

        A reading would take it for a row where all names but those of text columns are numbers.
        """
        first = _bare(data.lstrip(b"\r\n").split(b"\n", 1)[0])
        if first not in self._whole.headers and header.stands_in(first, file, first=True):
            self._whole.headers.append(first)

    def _pieces(self, block: Block, data: bytes, at: int, divide: bool = False) -> Iterator[Rows]:
        """A piece as a whole where it is clean, else its parts, else row by row."""
        rows = None if divide else self._try_whole(data)
        if len(data) == len(block.data):
            self._whole_failed = rows is None
        if rows is not None:
            self._whole_rows += len(rows)
            yield rows
            return
        edges = _edges(data) if self._reading < self._whole.readings else []
        if len(edges) <= 2:
            yield self._one_by_one(block, data, at)
            return
        for start, stop in zip(edges, edges[1:]):
            yield from self._pieces(block, data[start:stop], at + start)

    def _try_whole(self, data: bytes) -> Optional[Rows]:
        if self._reading >= self._whole.readings:
            return None
        rows = self._whole.read(data, self._reading)
        if rows is None or (rows.weights is not None and (rows.weights < 0).any()):
            return None
        if self.nonzero and not rows.nonzero().all():
            return None
        if self.largest and not rows.within(self.largest).all():
            return None
        if self.keep_lines:
            rows.lines = data[:-1].split(b"\n")
        return rows

    def _one_by_one(self, block: Block, data: bytes, at: int) -> Rows:
        values, weights, lines = [], [], []
        texts: dict = {role: [] for role in self.layout.texts}
        for line in data[:-1].split(b"\n"):
            good = self._good_row(block, line, at)
            at += len(line) + 1
            self._single_lines += 1
            if good is None:
                continue
            row, weight, words = good
            values.append(row)
            weights.append(weight)
            lines.append(line)
            for role in texts:
                texts[role].append(words[role])
        weight_array = None if self.layout.weight is None else np.array(weights, dtype=np.float64)
        return Rows(self._assembled(values), weight_array, texts,
                    lines if self.keep_lines else None)

    def _good_row(self, block: Block, line: bytes, at: int):
        """Values, weight and texts of a good row; None for another line, which is counted."""
        bare = _bare(line)
        if self._is_empty(bare):
            self.row_counts.empty += 1
        elif bare in self._whole.headers:
            self.row_counts.headers += 1
        else:
            try:
                return self._row(bare)
            except BadRow as bad:
                if MARK.match(bare):
                    raise UserError("%s: the input begins with text, but here is a packed block;"
                                    " keep packed and text files apart."
                                    % _place(block, at)) from None
                if self._header is not None and self._header.stands_in(bare, block.file):
                    self.row_counts.headers += 1
                else:
                    self._refuse(example_of(block, at, bare, str(bad)))
        return None

    def _refuse(self, example: dict) -> None:
        self.row_counts.refuse(example)
        if self.keep_refused:
            self.refused.append(example)

    def _is_empty(self, line: bytes) -> bool:
        if self.layout.format == "svmlight":
            line = line.partition(b"#")[0]  # as a line of nothing but a comment is
        return not line.strip()

    def _row(self, line: bytes) -> tuple:
        if b"\0" in line:
            raise BadRow("binary data")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise BadRow("not valid UTF-8") from None
        row, weight, words = self._read_row(text, self.layout)
        if weight is not None and weight < 0:
            raise BadRow("the weight is negative (%r)" % weight)
        if self.nonzero and not any(value for _, value in row) if self.layout.sparse else (
                self.nonzero and not any(row)):
            raise BadRow(NO_DIRECTION)
        if self.largest and any(abs(value) > self.largest for value in (
                [value for _, value in row] if self.layout.sparse else row)):
            raise BadRow(TOO_LARGE % self.largest)
        return row, weight, words

    def take_refused(self) -> list:
        """The rows refused since the last call, when they are kept."""
        taken, self.refused = self.refused, []
        return taken

    def _assembled(self, values: list):
        if not self.layout.sparse:
            return np.array(values, dtype=np.float64).reshape(len(values), len(self.layout.numeric))
        entries = [entry for row in values for entry in row]
        return (np.array([v for _, v in entries], dtype=np.float64),
                np.array([i for i, _ in entries], dtype=np.int64),
                np.array([len(row) for row in values], dtype=np.int64))


def _place(block: Block, at: int) -> str:
    """Where the line at `at` of a block stands, by its number if the file lies here."""
    number = None
    if block.file is not None and not block.start:
        number = line_number(block.file, block.offset + at)
    return place_of(example_of(block, at, b"", ""), number)


def _bare(line: bytes) -> bytes:
    """A line without its carriage return and byte order mark.

    Every file may begin with a mark, and Spark tells no files.
    """
    line = line[:-1] if line.endswith(b"\r") else line
    return line[len(BOM):] if line.startswith(BOM) else line


def _edges(data: bytes) -> list:
    """Where to cut a piece into parts of whole lines; [0, its end] for a few rows."""
    cuts = {0, len(data)}
    if data.count(b"\n") > FEW_ROWS:
        cuts |= {data.find(b"\n", len(data) * i // PARTS) + 1 for i in range(1, PARTS)}
    return sorted(cuts)
