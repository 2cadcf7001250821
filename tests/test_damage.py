"""Files of which 1 to 4 bytes changed are refused, or give the undisturbed answer; none crashes.

In CI 60 of each kind, in the nightly run 1,000. Each is read in a process of its own, which may
crash.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from howdah.errors import UserError
from howdah.indexing.build import Points, build
from howdah.input.batches import batches
from howdah.input.detect import detect
from howdah.input.lines import read_slice
from howdah.input.packed import pack_rows
from howdah.input.parse import Parser
from howdah.knn.index import load, save
from howdah.sparse import as_csr, is_sparse
from nightly import drawn

FILES = drawn(60, 1000)
SAME, REFUSED, OTHER = 10, 11, 12
X = np.random.default_rng(0).normal(size=(40, 3)).round(3)
TEXTS = {"id": ["i%02d" % i for i in range(40)], "label": ["ab"[i % 2] for i in range(40)],
         "target": [str(i) for i in range(40)]}
SPARSE = as_csr(np.where(X > 0, X, 0) + np.eye(40, 3))
INDEXES = {"brute": (Points(X, TEXTS), "euclidean", "brute"),
           "kd_tree": (Points(X, TEXTS, ["a", "b", "c"]), "euclidean", "kd_tree"),
           "ball_tree": (Points(X), "manhattan", "ball_tree"),
           "sparse": (Points(SPARSE, TEXTS), "cosine", "brute")}
BLOCKS = {"dense": [(rows, list("abc"), np.ones(40), TEXTS) for rows in (X, X[::-1])],
          "sparse": [(SPARSE, 1, None, TEXTS), (SPARSE, 1, None, TEXTS)]}


def index_answer(path: str) -> str:
    index = load(path)
    Q = np.abs([[0.1, 0.2, 0.3], [1, -1, 0.5]])
    answers = index.neighbors().query(as_csr(Q) if index.description.sparse else Q, 5)
    held = [None if part is None else part[answers.positions].tolist()
            for part in (index.ids, index.codes, index.targets)]
    return repr((answers.positions.tolist(), answers.distances.tolist(), held, index.columns,
                 index.positions_of(["i07", "none"]).tolist(),
                 index.classes and index.classes.tolist()))


def packed_answer(path: str) -> str:
    layout = detect(Path(path).read_bytes())
    parser = Parser(layout)
    found = [(as_rows(batch.X), batch.weights is None or batch.weights.tolist(), batch.texts)
             for batch in batches(parser, read_slice(path), 16)]
    return repr((layout.column_names(), found, parser.row_counts))


def as_rows(X) -> list:
    return (X.toarray() if is_sparse(X) else X).tolist()


def fate(path: str, answer: Callable, expected: str) -> int:
    """What a process that answers from a file exits with."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        code = SAME if answer(path) == expected else OTHER
    except UserError:
        code = REFUSED
    finally:
        os._exit(code)


def flipped(data: bytes, rng: random.Random) -> bytes:
    wrong = bytearray(data)
    for place in rng.sample(range(len(data)), rng.randint(1, 4)):
        wrong[place] = rng.choice([wrong[place] ^ 1 << rng.randrange(8), rng.randrange(256)])
    return bytes(wrong)


def fates(files: dict, answer: Callable, path: Path) -> Counter:
    rng = random.Random(0)
    found: Counter = Counter()
    expected = {}
    for kind, data in files.items():
        path.write_bytes(data)
        expected[kind] = answer(str(path))
    for number in range(FILES):
        kind = list(files)[number % len(files)]
        path.unlink()  # what maps the file before stays as it is
        path.write_bytes(flipped(files[kind], rng))
        found[fate(str(path), answer, expected[kind])] += 1
    print(dict(found))
    return found


@pytest.mark.slow
def test_damaged_indexes(tmp_path):
    files = {}
    for kind, asked in INDEXES.items():
        save(build(*asked), str(tmp_path / kind))
        files[kind] = (tmp_path / kind).read_bytes()
    found = fates(files, index_answer, tmp_path / "damaged")
    assert found[SAME] + found[REFUSED] == FILES, found


@pytest.mark.slow
def test_damaged_packed_files(tmp_path):
    files = {kind: b"".join(pack_rows(*block, first=block is blocks[0]) + b"\n"
                            for block in blocks) for kind, blocks in BLOCKS.items()}
    found = fates(files, packed_answer, tmp_path / "damaged")
    assert found[SAME] + found[REFUSED] == FILES, found
