"""The index file: its description, its refusals, and that its arrays stay mapped."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from pathlib import Path

import joblib
import numpy as np
import pytest
from howdah.errors import UserError
from howdah.indexing.build import Points, build
from howdah.knn.description import (
    MAGIC,
    TAIL_BYTES,
    Description,
    checked_description,
    description_of_tail,
    read_description,
)
from howdah.knn.index import file_digest, load, refuse_other_digest, save
from scipy.sparse import random as random_sparse
from sklearn.neighbors import NearestNeighbors
from scripts import REPOSITORY

STORED = REPOSITORY / "tests" / "stored"


def points(n: int = 300, d: int = 4) -> Points:
    rng = np.random.default_rng(0)
    texts = {"id": ["p%d" % i for i in range(n)], "label": [str(i % 3) for i in range(n)],
             "target": [repr(i / 2) for i in range(n)]}
    return Points(rng.normal(size=(n, d)), texts)


@pytest.fixture
def path(tmp_path) -> str:
    """An index of 300 points with ids, labels and targets."""
    saved = str(tmp_path / "index.joblib")
    save(build(points(), "euclidean", "kd_tree"), saved)
    return saved


def refusal(path) -> str:
    with pytest.raises(UserError) as refused:
        load(str(path))
    return str(refused.value)


def test_what_was_saved_is_loaded(path):
    index = load(path)
    assert index.description == Description(
        "euclidean", "kd_tree", 300, 4, "float64", ids=True, classes=3, targets=True,
        payload_bytes=index.description.payload_bytes, points=index.description.points,
        sums_check=index.description.sums_check)
    np.testing.assert_array_equal(index.points, points().X)
    assert index.ids[7] == b"p7" and index.classes.tolist() == [b"0", b"1", b"2"]
    assert index.codes[:4].tolist() == [0, 1, 2, 0] and index.targets[3] == 1.5
    assert index.positions_of(["p299", "nobody", "p0"]).tolist() == [299, -1, 0]


def test_names_of_columns_are_saved_too(tmp_path):
    path = str(tmp_path / "index.joblib")
    names = ["height", "gr\u00f6\u00dfe", "0", ""]
    save(build(Points(points().X, {}, names), "euclidean", "brute"), path)
    assert load(path).columns == names
    save(build(Points(points().X), "euclidean", "brute"), path)
    assert load(path).columns is None


def test_the_last_kilobyte_is_enough_for_the_description(path):
    tail = Path(path).read_bytes()[-TAIL_BYTES:]
    assert description_of_tail(tail, path) == read_description(path)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
def test_arrays_are_mapped_not_read(tmp_path, algorithm):
    path = str(tmp_path / "large.joblib")
    save(build(points(200_000, 8), "euclidean", algorithm), path)
    before = anonymous_bytes()
    index = load(path)
    assert isinstance(index.fitted._fit_X, np.memmap) and _is_mapped(index.ids.data)
    assert isinstance(index.codes, np.memmap) and isinstance(index.targets, np.memmap)
    index.neighbors().query(np.zeros((3, 8)), 5)
    assert os.path.getsize(path) > 12_800_000
    assert anonymous_bytes() - before < 4_000_000


def test_sparse_arrays_are_mapped_too(tmp_path):
    path = str(tmp_path / "sparse.joblib")
    X = random_sparse(2000, 500, density=0.1, format="csr", random_state=0)
    save(build(Points(X), "cosine", "brute"), path)
    fit = load(path).fitted._fit_X
    assert all(_is_mapped(part) for part in (fit.data, fit.indices, fit.indptr))


def _is_mapped(array) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def anonymous_bytes() -> int:
    """Memory of this process that is no file's."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * int(re.search(r"Anonymous:\s+(\d+) kB", text)[1])  # type: ignore[index]


def test_a_missing_file(tmp_path):
    message = refusal(tmp_path / "none.joblib")
    assert re.match(r"The index .*none.joblib does not exist; build one with", message)


def test_an_empty_file(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    assert "is empty (0 bytes)" in refusal(tmp_path / "x")


def test_a_truncated_file_at_every_kind_of_place(path):
    data = Path(path).read_bytes()
    payload = read_description(path).payload_bytes
    for size in (100, 5000, len(data) // 2, payload - 1, payload, payload + 50, len(data) - 1):
        Path(path).write_bytes(data[:size])
        assert "is truncated: after %d bytes its end is missing" % size in refusal(path)


def test_a_file_with_a_hole(path):
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[:1000] + data[2000:])
    assert re.search("is damaged: it has %d bytes, but its description says %d"
                     % (len(data) - 1000, len(data)), refusal(path))


@pytest.mark.parametrize("compress", [("zlib", 1), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_a_compressed_dump(tmp_path, compress):
    path = str(tmp_path / "index.joblib")
    joblib.dump(NearestNeighbors().fit(points().X), path, compress=compress)
    assert "is compressed (%s)" % compress[0] in refusal(path)


def test_an_index_that_was_gzipped(path):
    Path(path).write_bytes(gzip.compress(Path(path).read_bytes()))
    assert "is compressed (gzip), but only an uncompressed joblib file" in refusal(path)


def test_a_foreign_file(tmp_path):
    (tmp_path / "points.csv").write_text("a,b\n1,2\n")
    assert "is no joblib file: it begins with b'a,b" in refusal(tmp_path / "points.csv")


def test_another_object(tmp_path):
    joblib.dump([1, 2, 3], tmp_path / "list.joblib")
    assert "holds a list, but an index is a fitted NearestNeighbors" in refusal(
        tmp_path / "list.joblib")


def test_an_estimator_that_was_not_fitted(tmp_path):
    joblib.dump(NearestNeighbors(), tmp_path / "n.joblib")
    assert "holds a NearestNeighbors that is not fitted" in refusal(tmp_path / "n.joblib")


def test_a_metric_that_howdah_does_not_know(tmp_path):
    joblib.dump(NearestNeighbors(metric="canberra").fit(points().X), tmp_path / "n.joblib")
    assert "uses the metric 'canberra', but howdah knows euclidean" in refusal(
        tmp_path / "n.joblib")


def with_description(path, **changed) -> None:
    """Change what the file says of itself."""
    data = Path(path).read_bytes()
    length = int.from_bytes(data[-16:-8], "little")
    told = {**json.loads(data[-16 - length:-16]), **changed}
    told.pop("crc32")
    text = json.dumps(told, separators=(",", ":")).encode()
    text = text[:-1] + b',"crc32":%d}' % zlib.crc32(text)
    Path(path).write_bytes(data[:-16 - length] + text + len(text).to_bytes(8, "little") + MAGIC)


def test_another_format_version(path):
    with_description(path, format_version=3, something_new=True)
    assert ("has format version 3, but this howdah reads versions 1 and 2; build it again"
            in refusal(path))


def test_another_scikit_learn(path):
    with_description(path, library_version="0.24.2")
    assert re.search(r"was built with scikit-learn 0.24.2, but here is scikit-learn \d+\.\d+",
                     refusal(path))


def test_nothing_is_unpickled_before_the_check(tmp_path):
    """A pickle that would write a file, in a wrapping of another format version."""
    path, trace = tmp_path / "evil.joblib", tmp_path / "ran"
    joblib.dump(Evil(str(trace)), path)
    text = json.dumps({"format_version": 7}).encode()
    path.write_bytes(path.read_bytes() + text + len(text).to_bytes(8, "little") + MAGIC)
    assert "format version 7" in refusal(path)
    assert not trace.exists()


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_the_digest(path):
    refuse_other_digest(path, file_digest(path).upper())
    with pytest.raises(UserError, match="has the SHA-256 [0-9a-f]{64}, but --index-sha256 is abc"):
        refuse_other_digest(path, "abc")


def test_a_plain_dump_is_accepted_with_a_warning(tmp_path):
    path = str(tmp_path / "plain.joblib")
    joblib.dump(NearestNeighbors(algorithm="ball_tree", metric="l1").fit(points().X), path)
    said: list = []
    index = load(path, said.append)
    assert index.description.metric == "manhattan" and index.description.algorithm == "ball_tree"
    assert len(said) == 1 and "is a plain joblib dump" in said[0]
    assert index.positions_of(["3", "300", "x", "\u00b2", "9" * 5000]).tolist() == [
        3, -1, -1, -1, -1]
    assert index.neighbors().query(points().X[5:6], 1).positions.tolist() == [5]
    assert index.columns is None


def test_a_plain_dump_of_a_table_has_its_columns_names(tmp_path):
    path = str(tmp_path / "plain.joblib")
    fitted = NearestNeighbors().fit(points().X)
    fitted.feature_names_in_ = np.array(list("abcd"), dtype=object)
    joblib.dump(fitted, path)
    assert load(path).columns == ["a", "b", "c", "d"]


def test_a_plain_dump_of_another_scikit_learn(tmp_path):
    path = tmp_path / "plain.joblib"
    joblib.dump(NearestNeighbors().fit(points().X), path)
    import sklearn

    old = sklearn.__version__.encode()
    new = b"0" * len(old[:1]) + old[1:]
    path.write_bytes(path.read_bytes().replace(old, new))
    assert re.search(r"was dumped by scikit-learn 0\.", refusal(path))


def test_a_file_that_cannot_be_mapped_is_read(path, unmappable):
    said: list = []
    index = load(path, said.append)
    assert index.description.n == 300 and not index.mapped
    assert len(said) == 1 and "cannot be mapped into memory ([Errno 19]" in said[0]


def test_a_remote_file_of_unknown_size(path):
    data = Path(path).read_bytes()
    assert checked_description(data[:TAIL_BYTES], data[-TAIL_BYTES:], None, "hdfs:///x").n == 300
    with pytest.raises(UserError, match="hdfs:///x is truncated: its end is missing"):
        checked_description(data[:TAIL_BYTES], data[-2000:-1000], None, "hdfs:///x")


def test_a_description_that_is_too_long_is_not_written():
    description = Description("euclidean", "brute", 1, 1, "float64",
                              candidates={"factory": "x" * 1000})
    with pytest.raises(UserError, match="more than"):
        description.trailer()


def test_the_stored_index_of_this_format_stays_readable():
    """Its description is read by every version; it is loaded where scikit-learn is the same."""
    data = (STORED / "iris-format1.joblib").read_bytes()
    length = int.from_bytes(data[-16:-8], "little")
    told = json.loads(data[-16 - length:-16])
    assert data.endswith(MAGIC) and told["payload_bytes"] == len(data) - length - 16
    assert Description(**told) == Description(
        "euclidean", "kd_tree", 150, 4, "float64", ids=True, classes=3,
        payload_bytes=told["payload_bytes"], library_version=told["library_version"],
        format_version=1)


def test_the_stored_index_answers(tmp_path):
    """The same points as it holds, but with today's scikit-learn in the description."""
    path = STORED / "iris-format1.joblib"
    from importlib.metadata import version

    if read_library(path)[:2] != version("scikit-learn").split(".")[:2]:
        assert re.search("was built with scikit-learn", refusal(path))
        return
    index = load(str(path))
    answers = index.neighbors().query(index.points[:1], 3)
    assert index.ids[answers.positions].tolist() == [b"iris0", b"iris17", b"iris4"]
    assert answers.distances[0] == 0
    assert index.columns is None


def read_library(path: Path) -> list:
    data = path.read_bytes()
    length = int.from_bytes(data[-16:-8], "little")
    return json.loads(data[-16 - length:-16])["library_version"].split(".")


def test_the_stored_index_of_another_format_is_refused_by_name():
    message = refusal(STORED / "format99.joblib")
    assert re.search(r"format99.joblib has format version 99, but this howdah reads versions 1 ",
                     message)
