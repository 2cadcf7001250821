"""Lengths of rows of any magnitude, dense and CSR."""

from __future__ import annotations

import math

import numpy as np
import pytest
from howdah.lengths import lengths, squared_lengths, unit_rows
from scipy.sparse import csr_matrix

FORMS = [np.asarray, csr_matrix]


def rows_of_all_magnitudes() -> np.ndarray:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)) * 10.0 ** rng.integers(-320, 300, size=(600, 1))
    X[::7] = 0.0
    return X


@pytest.mark.parametrize("form", FORMS)
def test_lengths_of_all_magnitudes_are_those_of_hypot(form):
    X = rows_of_all_magnitudes()
    for found, row in zip(lengths(form(X)), X):
        assert found == pytest.approx(math.hypot(*row), rel=1e-14, abs=5e-324)


@pytest.mark.parametrize("form", FORMS)
def test_unit_rows_have_length_1_whatever_theirs_was(form):
    X = rows_of_all_magnitudes()
    units = unit_rows(form(X))
    units = units if isinstance(units, np.ndarray) else units.toarray()
    zero = ~X.any(axis=1)
    assert not units[zero].any()
    assert np.linalg.norm(units[~zero], axis=1) == pytest.approx(1.0, rel=1e-14)
    assert (np.sign(units) == np.sign(X)).all()


@pytest.mark.parametrize("form", FORMS)
def test_ordinary_rows_keep_the_bits_of_the_plain_formula(form):
    X = np.random.default_rng(0).normal(size=(200, 5))
    assert (lengths(form(X)) == np.sqrt(squared_lengths(form(X)))).all()
    units = unit_rows(np.concatenate([X, [[1e-200, 0, 0, 0, 0]]]))
    assert (units[:-1] == X / np.sqrt(squared_lengths(X))[:, None]).all()
    assert units[-1].tolist() == [1, 0, 0, 0, 0]


def test_float32_rows_are_measured_in_float64():
    X = np.array([[1e-30, 1e-30], [1e30, 1e30], [3, 4]], dtype=np.float32)
    assert lengths(X) == pytest.approx(np.hypot(*X.T.astype(np.float64)), rel=1e-14)
