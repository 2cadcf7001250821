"""All that a parser says of a text, as plain values, for tests that compare."""

from __future__ import annotations

from typing import List

import numpy as np
from howdah.input.layout import Layout
from howdah.input.lines import Block
from howdah.input.parse import Parser


def parsed(parser: Parser, blocks: List[Block]) -> tuple:
    """Everything that a parser says of some text, as plain values; floats with their bits."""
    values: list = []
    weights: list = []
    lines: list = []
    texts: list = []
    for rows in (rows for block in blocks for rows in parser.parse(block)):
        assert len(rows) > 0
        if isinstance(rows.X, tuple):
            entries = list(zip(rows.X[1].tolist(), map(bits, rows.X[0].tolist())))
            ends = np.cumsum(rows.X[2]).tolist()
            values += [entries[a:b] for a, b in zip([0, *ends], ends)]
        else:
            assert isinstance(rows.X, np.ndarray) and rows.X.dtype == np.float64
            values += [list(map(bits, row)) for row in rows.X.tolist()]
        weights += [None] * len(rows) if rows.weights is None else rows.weights.tolist()
        lines += [None] * len(rows) if rows.lines is None else rows.lines
        texts += [{role: held[i] for role, held in rows.texts.items()} for i in range(len(rows))]
    assert len(values) == len(weights) == len(lines) == len(texts) == parser.row_counts.used
    return values, weights, lines, texts, parser.row_counts.to_dict(), parser.take_refused()


def bits(value: float) -> str:
    """A float exactly; JSON's integer -0 is 0, so zeros count as one."""
    return (value + 0.0).hex()


def read_row_by_row(text: bytes, layout: Layout, **options) -> tuple:
    parser = Parser(layout, **options)
    parser._whole.readings = 0
    return parsed(parser, [Block(text)])


def check_counts(text: bytes, counts: dict, refused: list) -> None:
    """Every line counts once, and each bad row is found at its offset.

    `counts` and `refused` are the last two of what `parsed` says, all refused rows being kept.
    """
    read = text.count(b"\n") + (not text.endswith(b"\n"))
    assert counts["used"] + counts["bad"] + counts["empty"] + counts["headers"] == read
    assert len(refused) == counts["bad"]
    for example in refused:
        assert example["offset"] == 0 or text[example["offset"] - 1:example["offset"]] == b"\n"
        line = text[example["offset"]:].split(b"\n")[0]
        shown = line[3:] if line.startswith(b"\xef\xbb\xbf") else line
        assert shown[:200].decode("utf-8", "backslashreplace").startswith(example["text"][:190])
    assert counts["examples"] == refused[:5]
