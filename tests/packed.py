"""What jobs/pack.py left in a folder.

    folder = pack("points.csv", tmp_path / "packed", "--id-column", "name")
    points(folder).X, points(folder).weights, points(folder).texts["id"]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from howdah.input.layout import InputOptions
from howdah.input.packed import packed_layout, unpack_rows
from howdah.input.rows import Rows
from scipy.sparse import csr_matrix, vstack
from scripts import succeed


def pack(source, folder: Path, *args) -> Path:
    succeed("pack", source, "--output-dir", folder, *args)
    return folder


def lines(folder: Path) -> list:
    return [line for part in sorted(folder.glob("part-*")) for line in
            part.read_bytes().splitlines()]


def columns(folder: Path) -> list:
    return packed_layout(lines(folder)[0], InputOptions(), "").column_names()


def points(folder: Path) -> Rows:
    """All rows of all blocks; sparse ones as CSR."""
    layout = packed_layout(lines(folder)[0], InputOptions(), "")
    blocks: list = [unpack_rows(line, layout) for line in lines(folder)]
    texts = {role: [text for block in blocks for text in block.texts[role]]
             for role in layout.texts}
    weights = None
    if layout.weight is not None:
        weights = np.concatenate([block.weights for block in blocks])
    if not layout.sparse:
        return Rows(np.concatenate([block.X for block in blocks]), weights, texts)
    rows = [csr_matrix((values, places, np.concatenate([[0], np.cumsum(lengths)])))
            for values, places, lengths in (block.X for block in blocks)]
    width = max(part.shape[1] for part in rows)
    for part in rows:
        part.resize(part.shape[0], width)
    return Rows(vstack(rows), weights, texts)
