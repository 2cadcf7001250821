"""What the head of the first file tells of the whole input."""

from __future__ import annotations

import bz2
import os
import zlib
from dataclasses import dataclass
from typing import Optional

from howdah.input.lines import Block
from howdah.input.packed_format import first_block
from howdah.input.parse import Parser
from howdah.launch.inputs import HEAD_BYTES, Inputs, head_of, whole_lines


@dataclass
class Head:
    """What the first file's head says of the whole input.

    rows        exact if the head is all there is
    columns     of sparse rows at least so many
    entries     values in a row of sparse data, None for dense
    text_bytes  of the unpacked input
    """

    rows: float
    exact: bool
    columns: int
    entries: Optional[float]
    text_bytes: float


def read_head(inputs: Inputs, files) -> Head:
    path = next(path for path, size in inputs.files if size != 0)
    head = head_of(path, files)
    whole = len(inputs.files) == 1 and len(head) < HEAD_BYTES
    if inputs.layout.format == "packed":
        header, length = first_block(head)
        rows, columns, values = header.rows, header.width, header.entries
        whole = whole and head.count(b"\n") == 1
    else:
        head = whole_lines(head)
        pieces = list(Parser(inputs.layout).parse(Block(head)))
        rows, length = sum(map(len, pieces)), len(head)
        columns, values = inputs.layout.n_columns or 0, 0
        if inputs.layout.sparse:
            sparse: list = [piece.X for piece in pieces]
            columns = max((int(indices.max(initial=-1)) + 1 for _, indices, _ in sparse), default=0)
            values = sum(len(entries) for entries, _, _ in sparse)
    text = sum(size / packing_of(each, head) for each, size in inputs.files)
    return Head(rows if whole else text * rows / length, whole, columns,
                values / max(rows, 1) if inputs.layout.sparse else None, text)


def packing_of(path: str, head: bytes) -> float:
    """Bytes of a file per byte of its text, by what its codec makes of the head."""
    codec = {".gz": zlib.compress, ".bz2": bz2.compress}.get(os.path.splitext(path)[1])
    return len(codec(head)) / len(head) if codec and head else 1.0
