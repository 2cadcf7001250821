"""Make the data sets of this folder from what scikit-learn and the licence text bring along.

python data/make_data.py                     writes the committed files, here
python data/make_data.py --to DIR            writes them into DIR
python data/make_data.py --pixels FILE.csv   writes the pixels of china.jpg, and nothing else
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import Counter
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from sklearn.datasets import load_digits, load_iris, load_sample_image

HERE = Path(__file__).resolve().parent
LICENCE = HERE.parent / "LICENSE"
IRIS_COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def csv_text(columns: Sequence[str], X: np.ndarray, labels: Sequence[int] = ()) -> str:
    """A header and one line per row of X (n, d), its label last; whole numbers without a point."""
    rows = [["%g" % value for value in row] for row in X]
    for row, label in zip(rows, labels):
        row.append(str(label))
    return "".join(",".join(row) + "\n" for row in [list(columns), *rows])


def iris() -> str:
    """150 rows of 4 lengths in cm, and the species as 0, 1 or 2."""
    data = load_iris()
    return csv_text([*IRIS_COLUMNS, "label"], data.data, data.target)


def digits() -> str:
    """1,797 rows of 8 x 8 grey values from 0 to 16, and the digit."""
    data = load_digits()
    names = ["p%d" % i for i in range(data.data.shape[1])]
    return csv_text([*names, "label"], data.data, data.target)


def pixels() -> str:
    """273,280 rows, one a pixel of china.jpg in the order of the image: red, green, blue."""
    table = load_sample_image("china.jpg").reshape(-1, 3)
    return "red,green,blue\n" + "".join("%d,%d,%d\n" % tuple(row) for row in table.tolist())


def sectioned_paragraphs(text: str) -> List[Tuple[int, str]]:
    """(section, paragraph) of the licence: 0 before section 1, 10 from the appendix on."""
    section, found = 0, []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        number = re.match(r"\s{0,4}(\d)\. ", paragraph)
        if number:
            section = int(number.group(1))
        elif paragraph.strip().startswith("APPENDIX"):
            section = 10
        found.append((section, paragraph))
    return found


def word_counts() -> Tuple[str, str]:
    """The licence's paragraphs as svmlight rows `section index:count ...`, and the vocabulary.

    Words are runs of two or more letters in lower case; the word on line i of the vocabulary has
    the index i, counted from 1.
    """
    documents = [(section, Counter(re.findall(r"[a-z]{2,}", paragraph.lower())))
                 for section, paragraph in sectioned_paragraphs(LICENCE.read_text("utf-8"))]
    words = sorted(set().union(*(counts for _, counts in documents)))
    index = {word: i for i, word in enumerate(words, start=1)}
    rows = ["%d %s\n" % (section, " ".join("%d:%d" % (index[w], counts[w]) for w in sorted(counts)))
            for section, counts in documents if counts]
    return "".join(rows), "".join(word + "\n" for word in words)


def write_all(folder: Path) -> None:
    """Write the four committed files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    counts, vocabulary = word_counts()
    (folder / "iris.csv").write_bytes(iris().encode())
    with gzip.GzipFile(folder / "digits.csv.gz", "wb", compresslevel=9, mtime=0) as file:
        file.write(digits().encode())
    (folder / "wordcount.svm").write_bytes(counts.encode())
    (folder / "wordcount.vocabulary.txt").write_bytes(vocabulary.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("--pixels", type=Path, metavar="FILE.csv")
    options = parser.parse_args()
    if options.pixels:
        options.pixels.write_bytes(pixels().encode())
    else:
        write_all(options.to)


if __name__ == "__main__":
    main()
