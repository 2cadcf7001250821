"""The grid: steps, origin, decimals, and that other splits find the same one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from howdah.errors import UserError
from howdah.kmeans.centroids import GridCentroids
from howdah.kmeans.classify import classify
from howdah.kmeans.distances import own_distances
from howdah.kmeans.grid import GRID_BITS, LIMIT, Space, added_in_pairs, row_lengths, sparse_lengths
from howdah.kmeans.moments import Moments
from howdah.kmeans.points import on_grid
from howdah.task.records import dump_json, load_json
from oracle import InMemory, profile_of
from scipy.sparse import csr_matrix


def space_of(X, **options) -> Space:
    return Space.of(Moments.of(X), **options)


def same(a: Space, b: Space) -> bool:
    return dump_json(a.to_dict()) == dump_json(b.to_dict())


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e-3, 1.0, 7.3, 1e9, 1e150])
def test_steps_are_whole_numbers_of_at_most_40_bits(scale):
    X = scale * np.random.default_rng(0).normal(size=(500, 3))
    K = space_of(X).steps(X)
    assert (K == np.rint(K)).all()
    assert 2.0 ** (GRID_BITS - 4) < np.abs(K).max() <= LIMIT / 2


def test_values_come_back_within_half_a_step():
    X = np.random.default_rng(0).normal(loc=[0, 1e3, -1e6], scale=[1, 1e-3, 1e5], size=(500, 3))
    space = space_of(X)
    back = space.origin + space.steps(X).T / space.rate
    assert (np.abs(back - X) <= 2.0 ** -GRID_BITS * 2 * np.ptp(X, axis=0)).all()


@pytest.mark.parametrize("digits", [0, 1, 3])
def test_decimals_fall_on_the_grid(digits):
    """A tenth is a whole number of steps, so a mean of decimals is right to the last digit."""
    whole = np.random.default_rng(0).integers(-5000, 5000, size=(300, 1))
    X = np.array([[float("%de-%d" % (v, digits))] for v in whole.ravel()])
    space = space_of(X)
    steps = space.steps(X)[0]
    exact = [(Fraction(int(v), 10 ** digits) * Fraction(10) ** int(space.tens[0])
              * Fraction(2) ** int(space.twos[0])) - space.centre[0] for v in whole.ravel()]
    assert [Fraction(s) for s in steps] == exact


def test_scale_makes_ranges_at_most_1_and_undoes_with_unit():
    X = np.random.default_rng(0).normal(scale=[1e-3, 1.0, 1e5], size=(300, 3))
    for standardize in (False, True):
        space = space_of(X, standardize=standardize)
        metric = space.steps(X) * space.scale[:, None]
        assert 0.1 < np.abs(metric).max() <= 1
        std = X.std(axis=0) if standardize else 1.0
        a, b = metric[:, 0], metric[:, 1]
        want = (((X[0] - X[1]) / std) ** 2).sum()
        assert space.squared(((a - b) ** 2).sum()) == pytest.approx(want, rel=1e-9)


def test_constant_columns_stand_at_zero():
    X = np.column_stack([np.full(50, 3.7), np.arange(50.0), np.zeros(50)])
    for standardize in (False, True):
        space = space_of(X, standardize=standardize)
        K = space.steps(X)
        assert not K[0].any() and not K[2].any()
        assert np.isfinite(space.scale).all() and np.isfinite(space.rate).all()


def test_all_columns_constant():
    space = space_of(np.full((5, 2), 1e-3))
    assert not space.steps(np.full((5, 2), 1e-3)).any()
    assert space.unit > 0


@pytest.mark.parametrize("rows", [4096, 1024])
@pytest.mark.parametrize("seed", range(5))
def test_other_splits_find_the_same_grid(rows, seed):
    """Also where means of whole numbers lie halfway between two candidates for the origin."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 10, size=(rows, 6)).astype(np.float64)
    # Sums of 32 times an odd number: the mean of 4,096 rows is halfway between two steps of 2**-6.
    for j in range(6):
        i = 0
        while X[:, j].sum() % 64 != 32:
            X[i, j] = (X[i, j] + 1) % 10
            i += 1
    spaces = [profile_of(X[rng.permutation(rows)], rows=chunk).space("euclidean", False, False)
              for chunk in (rows, 1000, 777, 64, 13)]
    assert all(same(space, spaces[0]) for space in spaces)


def test_a_value_outside_the_profiled_range_is_refused_if_sums_are_to_be_exact():
    X = np.random.default_rng(0).normal(size=(100, 2))
    space = space_of(X)
    far = X[:1] + 100.0
    with pytest.raises(UserError, match="outside the range of its profile"):
        on_grid(far, space)
    assert len(on_grid(far, space, bounded=False)) == 1


def test_cosine_gives_unit_rows_whatever_their_length():
    X = np.random.default_rng(0).normal(size=(200, 5))
    for scale in (1.0, 1e-200, 1e200):
        points = on_grid(X * scale, space_of(X * scale, cosine=True))
        assert points.norms == pytest.approx(1.0, abs=1e-11)


def test_cosine_of_sparse_rows_is_that_of_dense_ones():
    X = np.random.default_rng(0).poisson(0.5, size=(300, 20)).astype(np.float64)
    X[:, 0] += 1
    space = space_of(X, cosine=True)
    dense, sparse = on_grid(X, space), on_grid(csr_matrix(X), space)
    assert (sparse.steps.toarray() == dense.steps.T).all()
    assert sparse_lengths(csr_matrix(X)) == pytest.approx(row_lengths(X.T), rel=1e-14)


def test_lengths_neither_overflow_nor_vanish():
    K = np.array([[3e200, 3e-200, 0.0], [4e200, 4e-200, 0.0]])
    assert row_lengths(K)[:2] == pytest.approx([5e200, 5e-200])
    assert row_lengths(K)[2] > 0     # to divide by


@pytest.mark.parametrize("rows", range(1, 18))
def test_rows_added_in_pairs_are_all_added_and_in_an_order_of_their_own(rows):
    K = np.random.default_rng(rows).normal(size=(rows, 100)) * 10.0 ** np.arange(rows)[:, None]
    whole = added_in_pairs(K.copy())
    assert np.allclose(whole, K.sum(axis=0), rtol=1e-14 * rows)
    for width in (1, 2, 7):
        assert np.array_equal(added_in_pairs(K[:, :width].copy()), whole[:width])


def test_a_row_has_the_same_grid_values_in_every_batch():
    X = np.random.default_rng(0).normal(size=(1000, 7))
    space = space_of(X)
    whole = on_grid(X, space)
    for start, stop in ((0, 1), (5, 700), (999, 1000)):
        part = on_grid(X[start:stop], space)
        assert (part.steps == whole.steps[:, start:stop]).all()
        assert (part.norms == whole.norms[start:stop]).all()


def test_float32_rows_stand_where_their_values_do():
    X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    space = space_of(X.astype(np.float64))
    assert (on_grid(X, space).steps == on_grid(X.astype(np.float64), space).steps).all()


@pytest.mark.parametrize("options", [{}, {"cosine": True}, {"standardize": True},
                                     {"sparse": True, "heaviest": 2.5}])
def test_a_space_survives_its_text_form(options):
    X = np.random.default_rng(0).lognormal(size=(100, 3))
    space = space_of(X, **options)
    back = Space.from_dict(load_json(dump_json(space.to_dict())))
    assert same(space, back)
    assert (back.steps(X) == space.steps(X)).all()


def test_origin_far_beyond_the_range_keeps_the_digits():
    """Timestamps: a second apart around 1.7e9."""
    X = 1.7e9 + np.arange(1000.0)[:, None]
    memory = InMemory(X)
    [measured] = memory.run_round([np.array([[1.7e9 + 100], [1.7e9 + 899]])])
    assert measured.centroids.ravel().tolist() == [1.7e9 + 249.5, 1.7e9 + 749.5]


@pytest.mark.parametrize("value", [0.0, 0.1, -1 / 3, 1e-250, 3e200, 1234567.891, 2.0 ** -52])
def test_a_constant_column_comes_back_to_the_last_bit(value):
    X = np.column_stack([np.full(30, value), np.arange(30.0)])
    for standardize in (False, True):
        measured = InMemory(X, standardize=standardize).measure(X[:2])
        assert measured.centroids[:, 0].tolist() == [value, value]


@pytest.mark.parametrize("scale", [1e-320, 1e-308, 1e-290, 1e-281, 1e-279, 1e-200, 1e200, 1e299])
def test_columns_of_any_range_keep_40_bits_of_it(scale):
    """Beside a column of ordinary range; the subnormal ones have fewer bits of their own."""
    X = np.random.default_rng(0).normal(size=(100, 2)) * [scale, 1.0]
    memory = InMemory(X)
    label = memory.labels(X[:2])
    measured = memory.measure(X[:2]) if scale < 1e150 else None
    back = [[float(Fraction(int(k) + c) / Fraction(10) ** int(p) / Fraction(2) ** int(q))
             for k, c, p, q in zip(column, memory.space.centre, memory.space.tens,
                                   memory.space.twos)] for column in memory.space.steps(X).T]
    assert np.array(back) == pytest.approx(X, abs=0.0, rel=1e-8)
    assert (np.abs(back - X) <= 2.0 ** -GRID_BITS * 2 * np.ptp(X, axis=0) + 5e-324).all()
    if measured is not None:
        for k in range(2):
            exact = [sum(map(Fraction, X[label == k, j].tolist())) / int((label == k).sum())
                     for j in range(2)]
            assert measured.centroids[k] == pytest.approx(
                [float(mean) for mean in exact], rel=1e-9, abs=1e-11 * scale + 5e-324)


@pytest.mark.parametrize("scale", [1e-180, 1e160])
def test_a_cost_that_float64_cannot_hold_is_refused(scale):
    X = np.random.default_rng(0).normal(size=(100, 2)) * scale
    with pytest.raises(UserError, match="widest column ranges over about .* scale the columns"):
        InMemory(X).measure(X[:2])
    standardized = InMemory(X, standardize=True).measure(X[:2])
    assert np.isfinite(standardized.cost) and standardized.cost > 0


def test_minus_zero_is_zero_whatever_the_splits():
    a, b = np.array([[0.0], [1.0]]), np.array([[-0.0], [1.0]])
    spelled = {dump_json(profile_of(np.concatenate(parts), rows=2).to_dict())
               for parts in ((a, b), (b, a))}
    assert len(spelled) == 1 and b"-0.0" not in spelled.pop()


@pytest.mark.parametrize("exponent", [39, 41, 100, 700, 950])
@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_a_row_far_away_is_nearest_to_the_centroid_in_its_direction(exponent, form):
    X = np.random.default_rng(0).normal(size=(100, 2))
    C = np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])
    memory = InMemory(form(X))
    far = np.ldexp(np.array([[1.0, 1.5], [-1.5, 1.0], [0.2, -1.0]]), exponent)
    points = on_grid(form(far), memory.space, bounded=False)
    grid_centroids = GridCentroids.of(C, memory.space)
    labels, _ = classify(points, grid_centroids)
    assert labels.tolist() == [0, 1, 2]
    distances = own_distances(form(far), points, C, grid_centroids, labels)
    assert distances == pytest.approx(np.hypot(*(far - C).T), rel=1e-11)
