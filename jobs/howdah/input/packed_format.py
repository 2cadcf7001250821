"""The bytes of a packed block: a line of text to a header and arrays, and back.

    howdah2: and the base64 of
      4 bytes   CRC-32 of the header and its length
      4 bytes   length of the header
      header    JSON, padded to 8 bytes: rows, width, columns, schema, arrays, and their checksum
      arrays    as the header lists them (name, dtype, shape), each padded to 8 bytes

All numbers are little-endian. Arrays: `X` by columns (d, n), or for sparse points `values`,
`columns`, `lengths`; `weights`; and `text.ROLE` (UTF-8, a line each). What is read is what was
written, and whatever was written is checked before anyone indexes by it: SciPy, which does not look
at the indices of sparse rows, would read and write where they point. Blocks of `howdah1:` have
neither the first 4 bytes nor schema and checksum.
"""

from __future__ import annotations

import binascii
import json
import math
import re
import zlib
from dataclasses import dataclass
from typing import Optional, Union

import numpy as np
import pybase64

from howdah.checksum import checksum
from howdah.errors import UserError
from howdah.input.rows import LARGEST, MOST_SPARSE_COLUMNS

VERSION = 2
PACKED_HEAD = b"howdah%d:" % VERSION
MARK = re.compile(rb"howdah([0-9]{1,9}):")
ALIGNMENT = 8
TEXT = "text."
FLOATS = ("<f4", "<f8")
DTYPES = {"X": FLOATS, "values": FLOATS, "columns": ("<i4",), "lengths": ("<i4",),
          "weights": ("<f8",)}
#: What decoding a line of anything may raise.
DAMAGES = (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class BlockHeader:
    """What a block says of itself, checked.

    columns   names of dense columns, None in a block that relies on those before it; for sparse
              rows the number of the first column: 0 or 1
    schema    the digest of dense columns; None in sparse blocks and those of version 1
    places    (name, dtype, shape, offset in the decoded block) of every array
    size      bytes of the decoded block
    checksum  of the arrays; None in blocks of version 1
    """

    rows: int
    width: int
    columns: Union[list, int, None]
    schema: Optional[str]
    places: list
    size: int
    checksum: Optional[int]

    @property
    def sparse(self) -> bool:
        return isinstance(self.columns, int)

    @property
    def names(self) -> list:
        """Names of the arrays."""
        return [name for name, *_ in self.places]

    @property
    def entries(self) -> int:
        """How many values the rows have."""
        return math.prod(self.places[0][2])


def encoded(told: dict, arrays: dict) -> bytes:
    """A line, without the newline, of what the header tells (but of arrays) and arrays by name."""
    held = [a.astype(a.dtype.newbyteorder("<"), copy=False) for a in arrays.values()]
    body = b"".join(_padded(a.tobytes()) for a in held)
    text = json.dumps({**told, "arrays": [[name, a.dtype.str, list(a.shape)]
                                          for name, a in zip(arrays, held)],
                       "checksum": checksum(body)}, separators=(",", ":")).encode("utf-8")
    head = len(text).to_bytes(4, "little") + text
    head = zlib.crc32(head).to_bytes(4, "little") + head
    return PACKED_HEAD + pybase64.b64encode(_padded(head) + body)


def decoded(line) -> tuple[BlockHeader, dict]:
    """Header and arrays (views of the decoded bytes) of a block: bytes or a memoryview.

    Raises UserError for another version, and one of DAMAGES for what is no whole block.
    """
    version, start = _version(line)
    data = pybase64.b64decode(line[start:], validate=True)
    header = _header(data, version)
    if header.size != len(data):
        raise ValueError("it has %d bytes instead of %d" % (len(data), header.size))
    body = memoryview(data)[header.places[0][3]:]
    if header.checksum is not None and checksum(body) != header.checksum:
        raise ValueError("its checksum is wrong")
    arrays = {name: np.frombuffer(data, kind, math.prod(shape), at).reshape(shape)
              for name, kind, shape, at in header.places}
    _check_values(header, arrays)
    return header, arrays


def first_block(head: bytes) -> tuple[BlockHeader, int]:
    """Header of the first block, and the bytes of its line; `header_bytes` of it are enough.

    Raises UserError for a damaged header, or another version.
    """
    try:
        version, start = _version(head)
        text = head[start:].split(b"\n", 1)[0].rstrip(b"\r\t ")
        header = _header(pybase64.b64decode(text[:len(text) // 4 * 4], validate=True), version)
    except DAMAGES as error:
        raise damaged(error) from None
    return header, start + 4 * -(-header.size // 3) + 1


def header_bytes(head: bytes) -> int:
    """How many bytes of a file its first block's header takes; 0 for no packed block."""
    found = MARK.match(head)
    if not found:
        return 0
    start, before = found.end(), 4 if found[1] == b"1" else 8
    try:
        first = pybase64.b64decode(head[start:start + 12], validate=True)
    except binascii.Error:
        return 0
    size = int.from_bytes(first[before - 4:before], "little")
    return start + 4 * (-(-(before + size) // 3) + 1)


def damaged(error: Exception) -> UserError:
    return UserError("A packed block is damaged (%s); pack the input again." % error)


def _version(line) -> tuple[int, int]:
    """The version of a block, and where its base64 begins; UserError for one that is not known."""
    found = MARK.match(bytes(line[:20]))
    if not found:
        raise ValueError("it does not begin with %s" % PACKED_HEAD.decode("ascii"))
    if int(found[1]) not in (1, VERSION):
        raise UserError("The input holds packed blocks of version %d, but this howdah reads"
                        " versions 1 and %d; pack the input again, or use the howdah that packed"
                        " it."
                        % (int(found[1]), VERSION))
    return int(found[1]), found.end()


def _header(data: bytes, version: int) -> BlockHeader:
    """The header of a decoded block, of which its beginning is enough."""
    before = 4 if version == 1 else 8
    size = int.from_bytes(data[before - 4:before], "little")
    text = data[before:before + size]
    if version > 1 and zlib.crc32(data[4:before + size]) != int.from_bytes(data[:4], "little"):
        raise ValueError("the checksum of its header is wrong")
    told = json.loads(text)
    needed = {"rows", "width", "columns", "arrays", *(("checksum",) if version > 1 else ())}
    missing = needed - set(told)
    if missing:
        raise ValueError("its header has no %s" % ", ".join(sorted(missing)))
    rows, width = _count(told["rows"], 1), _count(told["width"], 0)
    columns, schema = told["columns"], told.get("schema")
    _check_columns(columns, width, schema, version)
    places = _places(told["arrays"], before + _padded_size(len(text), before))
    _check_shapes(places, rows, width, isinstance(columns, int))
    end = places[-1]
    end_at = end[3] + _padded_size(math.prod(end[2]) * end[1].itemsize)
    return BlockHeader(rows, width, columns, schema, places, end_at,
                       _count(told["checksum"], 0) if version > 1 else None)


def _count(value, least: int) -> int:
    if type(value) is not int or not least <= value <= 1 << 32:
        raise ValueError("its header counts %.40r" % (value,))
    return value


def _check_columns(columns, width: int, schema, version: int) -> None:
    if type(columns) is int and columns in (0, 1) and width <= MOST_SPARSE_COLUMNS:
        return
    if columns is None and version > 1 and isinstance(schema, str):
        return
    if (not isinstance(columns, list) or len(columns) != width
            or not all(isinstance(name, str) for name in columns)
            or version > 1 and not isinstance(schema, str)):
        raise ValueError("its header does not name %d columns" % width)


def _places(listed: list, at: int) -> list:
    """(name, dtype, shape, offset) of the arrays that a header lists, the first one at `at`."""
    places = []
    for name, dtype, shape in listed:
        if dtype not in (("|u1",) if str(name).startswith(TEXT) else DTYPES.get(name, ())):
            raise ValueError("its header lists an array %.40r of type %.40r" % (name, dtype))
        shape = tuple(_count(size, 0) for size in shape)
        kind = np.dtype(dtype)
        places.append((name, kind, shape, at))
        at += _padded_size(math.prod(shape) * kind.itemsize)
    return places


def _check_shapes(places: list, rows: int, width: int, sparse: bool) -> None:
    """Raise ValueError unless the arrays are those of so many rows and columns."""
    shapes = {name: shape for name, _, shape, _ in places}
    names = ["values", "columns", "lengths"] if sparse else ["X"]
    others = [name for name in shapes if name != "weights" and not name.startswith(TEXT)]
    expected = {"X": (width, rows), "lengths": (rows,), "weights": (rows,),
                "columns": shapes.get("values")}
    if (others != names or len(shapes) != len(places) or places[0][0] != names[0]
            or any(shape != expected.get(name, shape) or len(shape) != 1 + (name == "X")
                   for name, shape in shapes.items())):
        raise ValueError("its arrays %s are not those of %d rows and %d columns"
                         % (["%s %s" % each for each in shapes.items()], rows, width))


def _check_values(header: BlockHeader, arrays: dict) -> None:
    """Raise ValueError for arrays that no rows have."""
    _check_numbers(arrays["values" if header.sparse else "X"], -LARGEST, "values")
    if "weights" in arrays:
        _check_numbers(arrays["weights"], 0, "weights")
    if header.sparse:
        _check_indices(arrays["columns"], arrays["lengths"], header.width)
    for name, held in arrays.items():
        if name.startswith(TEXT) and bytes(held).count(b"\n") + 1 != header.rows:
            raise ValueError("it has %d texts for %d rows"
                             % (bytes(held).count(b"\n") + 1, header.rows))


def _check_numbers(values: np.ndarray, least: float, what: str) -> None:
    # A NaN is the least and the largest, and neither more nor less than anything.
    if values.size and not (least <= float(values.min()) and float(values.max()) <= LARGEST):
        raise ValueError("it holds %s from %r to %r"
                         % (what, float(values.min()), float(values.max())))


def _check_indices(columns: np.ndarray, lengths: np.ndarray, width: int) -> None:
    if lengths.min(initial=0) < 0 or lengths.sum(dtype=np.int64) != len(columns):
        raise ValueError("the lengths of its rows do not add up")
    if not len(columns):
        return
    if columns.min() < 0 or columns.max() >= width:
        raise ValueError("it holds columns from %d to %d of %d"
                         % (columns.min(), columns.max(), width))
    ascending = columns[1:] > columns[:-1]
    ends = np.cumsum(lengths, dtype=np.int64)[:-1]
    ascending[ends[(ends > 0) & (ends < len(columns))] - 1] = True
    if not ascending.all():
        raise ValueError("the columns of a row do not ascend")


def _padded(data: bytes) -> bytes:
    return data.ljust(_padded_size(len(data)), b"\0")


def _padded_size(size: int, before: int = 0) -> int:
    return size + -(size + before) % ALIGNMENT
