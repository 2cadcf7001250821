"""What tests of several modules here share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from generators import write_csv
from scripts import DIGITS, IRIS, VOCABULARY, WORDCOUNT, succeed
from sklearn.datasets import load_digits


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """A folder of queries and k-NN indexes."""
    folder = tmp_path_factory.mktemp("knn")
    X = load_digits().data
    write_csv(folder / "queries.csv", np.vstack([X[:150], X[:150] + 0.25]))
    succeed("knn_index", DIGITS, "--label-column", "label", "-o", folder / "digits")
    for algorithm in ("kd_tree", "ball_tree"):
        succeed("knn_index", DIGITS, "--ignore-columns", "label", "--algorithm", algorithm,
                "-o", folder / algorithm)
    lines = IRIS.read_text().splitlines()
    rows = ["id," + lines[0]] + ["iris%d,%s" % (i, line) for i, line in enumerate(lines[1:])]
    (folder / "iris.csv").write_text("\n".join(rows) + "\n")
    succeed("knn_index", folder / "iris.csv", "--id-column", "id", "--label-column", "label",
            "-o", folder / "iris")
    succeed("knn_index", WORDCOUNT, "--transpose", "--metric", "cosine", "--ids-file", VOCABULARY,
            "--write-points", folder / "words.svm", "-o", folder / "words")
    return folder
