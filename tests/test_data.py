"""The committed data is what its README says and what its script makes."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import make_data
import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_svmlight_file

DATA = Path(__file__).resolve().parent.parent / "data"
COMMITTED = ("iris.csv", "digits.csv.gz", "wordcount.svm", "wordcount.vocabulary.txt")


def digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha256(gzip.decompress(content) if path.suffix == ".gz" else content).hexdigest()


def readme_digests() -> dict:
    return dict(re.findall(r"^\| (\S+) .*\| `([0-9a-f]{64})` \|$",
                           (DATA / "README.md").read_text("utf-8"), re.MULTILINE))


def test_readme_lists_every_data_file():
    assert set(readme_digests()) == {*COMMITTED, "pixels.csv"}
    others = {"README.md", "make_data.py", "pixels.csv", "__pycache__"}
    assert {path.name for path in DATA.iterdir()} - others == set(COMMITTED)


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_file_has_the_digest_of_the_readme(name):
    assert digest(DATA / name) == readme_digests()[name]


def test_script_makes_the_committed_files_again(tmp_path):
    make_data.write_all(tmp_path)
    assert {path.name: digest(path) for path in tmp_path.iterdir()} == {
        name: digest(DATA / name) for name in COMMITTED}


def test_script_makes_the_pixels_of_the_readme(pixels):
    assert digest(pixels) == readme_digests()["pixels.csv"]
    assert np.loadtxt(pixels, delimiter=",", skiprows=1, max_rows=5).shape == (5, 3)


@pytest.mark.parametrize("name, load", [("iris.csv", load_iris), ("digits.csv.gz", load_digits)])
def test_table_holds_the_very_values_of_scikit_learn(name, load):
    table = np.loadtxt(DATA / name, delimiter=",", skiprows=1)
    assert np.array_equal(table[:, :-1], load().data)
    assert np.array_equal(table[:, -1], load().target)


def test_word_counts_add_up_to_the_words_of_the_licence():
    X, sections = load_svmlight_file(str(DATA / "wordcount.svm"), zero_based=False)
    words = (DATA / "wordcount.vocabulary.txt").read_text().split()
    assert X.shape == (33, len(words)) and X.nnz == 1079
    assert sorted(set(sections)) == list(range(11))
    in_text = re.findall("[a-z]{2,}", make_data.LICENCE.read_text("utf-8").lower())
    totals = dict(zip(words, np.asarray(X.sum(axis=0)).ravel()))
    assert totals == {word: in_text.count(word) for word in set(in_text)}
