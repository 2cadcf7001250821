"""The profile: what one scan finds out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from howdah.clustering.profiles import from_readable, readable
from howdah.kmeans.moments import row_hashes
from howdah.kmeans.profile import Profile
from howdah.task.records import dump_json, load_json
from oracle import profile_of


def test_rows_columns_and_weights():
    X = np.random.default_rng(0).normal(size=(1000, 4))
    w = np.random.default_rng(1).uniform(0, 3, size=1000)
    profile = profile_of(X, w, rows=170)
    assert (profile.rows, profile.width) == (1000, 4)
    assert profile.total_weight == pytest.approx(w.sum(), rel=1e-12)
    assert profile.heaviest == w.max()
    assert profile.moments.means == pytest.approx(X.mean(axis=0))


def test_without_weights_there_is_no_total():
    profile = profile_of(np.zeros((5, 2)))
    assert profile.total_weight is None and profile.heaviest is None
    assert profile.distinct.count == 1 and profile.distinct.exact


def test_merging_is_commutative_in_what_the_grid_needs():
    X = np.random.default_rng(0).normal(size=(300, 2))
    a, b = profile_of(X[:100]), profile_of(X[100:])
    one = a.merge(b).space("euclidean", True, False)
    other = profile_of(X[100:]).merge(profile_of(X[:100])).space("euclidean", True, False)
    assert dump_json(one.to_dict()) == dump_json(other.to_dict())


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 51.0)])
def test_both_text_forms_keep_every_bit(weights):
    X = np.random.default_rng(0).normal(size=(50, 3))
    profile = Profile.of(X, weights, row_hashes(X), 100)
    record = Profile.from_dict(load_json(dump_json(profile.to_dict())))
    assert dump_json(record.to_dict()) == dump_json(profile.to_dict())
    text = json.loads(json.dumps(readable(profile)))
    assert text["rows"] == 50 and text["columns"] == 3 and text["distinct_rows"] == 50
    assert text["max"] == X.max(axis=0).tolist()
    again = from_readable(text)
    assert dump_json(again.to_dict()) == dump_json(profile.to_dict())
