"""A whole run as a function: over arrays it has the bits of the driver over the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from generators import write_csv, write_svmlight
from howdah.clustering.array_scans import ArrayScans
from howdah.clustering.clustering import Advanced, Begun, Ended, Sampled, Settings, cluster
from howdah.errors import UserError
from scripts import centroids_of, history, run
from sklearn.datasets import load_digits, load_iris
from scipy.sparse import random as random_sparse

IRIS, DIGITS = load_iris().data, load_digits().data


def test_four_points_by_hand():
    found = cluster(ArrayScans(np.array([[0.0], [1.0], [9.0], [11.0]])), Settings([2]))
    assert sorted(found.chosen.model.centroids.ravel()) == [0.5, 10.0]
    assert found.chosen.result.measured.cost == 2.5 and found.converged


def test_no_rows_for_the_clusters():
    with pytest.raises(UserError, match="-k is 3, but the input has only 1 distinct points"):
        cluster(ArrayScans(np.ones((5, 2))), Settings([3]))


@pytest.mark.parametrize("X, asked", [
    (IRIS, {}), (IRIS, {"standardize": True}), (IRIS, {"metric": "cosine"}),
    (IRIS, {"init": "random", "tol": 0.0, "seed": 3}), (DIGITS, {"sample_size": 300})])
def test_a_run_over_arrays_is_that_of_the_driver(tmp_path, X, asked):
    write_csv(tmp_path / "x.csv", X)
    words = [word for name, value in asked.items() for word in (
        ["--" + name] if value is True else ["--" + name.replace("_", "-"), value])]
    assert run("driver", tmp_path / "x.csv", "-k", 4, *words, "--output-dir",
               tmp_path / "out").code == 0
    found = cluster(ArrayScans(X), Settings([4], **asked)).chosen
    assert found.model.centroids.tobytes() == centroids_of(tmp_path / "out").tobytes()
    assert [each.cost for each in found.result.history] == [
        each["cost"] for each in history(tmp_path / "out")]


def test_sample_weights_and_several_k(tmp_path):
    weights = np.arange(150) % 4 + 0.5
    write_csv(tmp_path / "x.csv", np.column_stack([IRIS, weights]))
    assert run("driver", tmp_path / "x.csv", "-k", "2,3", "--weight-column", 4, "--restarts", 2,
               "--output-dir", tmp_path / "out").code == 0
    found = cluster(ArrayScans(IRIS, weights), Settings([2, 3], restarts=2))
    for k, each in found.by_k.items():
        there = centroids_of(tmp_path / "out" / ("k-%d" % k))
        assert each.model.centroids.tobytes() == there.tobytes()
    assert found.chosen.k == found.choice.k and len(found.choices) == 2


def test_sparse_rows(tmp_path):
    X = random_sparse(300, 20, 0.2, "csr", random_state=0)
    X.data = np.round(X.data, 6)
    write_svmlight(tmp_path / "x.svm", X.toarray())
    assert run("driver", tmp_path / "x.svm", "-k", 3, "--output-dir", tmp_path / "out").code == 0
    found = cluster(ArrayScans(X), Settings([3])).chosen
    assert found.model.centroids.tobytes() == centroids_of(tmp_path / "out").tobytes()


def test_what_happens_is_told_in_its_order():
    told: list = []
    found = cluster(ArrayScans(IRIS), Settings([3]), told.append)
    kinds = [type(event) for event in told]
    assert kinds[:2] == [Sampled, Begun] and kinds[-1] is Ended
    assert set(kinds[2:-1]) == {Advanced} and len(kinds) - 3 == len(found.chosen.result.history)
    assert told[0].sample.profile.rows == 150 and list(told[1].by_k) == [3]
