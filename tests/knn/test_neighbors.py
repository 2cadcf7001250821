"""Exact neighbours against the oracle: ids and distances to the last bit."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from generators import integer_grid
from howdah.errors import UserError
from howdah.knn.brute import Brute
from howdah.knn.distances import METRICS, SPARSE_METRICS
from howdah.knn.neighbors import Neighbors
from howdah.knn.trees import Tree
from knn_oracle import neighbours
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits, load_iris, load_sample_image
from sklearn.neighbors import NearestNeighbors

N = 10


def floats(n: int = 9000, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def outliers() -> np.ndarray:
    """Two rows so far away that float32 overflows on them."""
    return np.vstack([floats(8500, 5), np.full((1, 5), 1e18), np.full((1, 5), 1e100)])


def copies_of_one_row() -> np.ndarray:
    rows = floats(303, 4)
    return np.vstack([np.repeat(rows[:1], 3000, axis=0), rows[1:]])


def tight_clusters() -> np.ndarray:
    """Distances within a cluster are far below what float32 can tell apart."""
    return np.repeat(floats(40, 5), 220, axis=0) + 1e-9 * floats(8800, 5, seed=1)


SETS = {
    "iris": lambda: load_iris().data,
    "digits": lambda: load_digits().data,
    "pixels": lambda: load_sample_image("china.jpg").reshape(-1, 3)[:20_000].astype(float),
    "floats": floats,
    "offset": lambda: floats() + 1e6,
    "grid": lambda: integer_grid(9000, 6, seed=0, levels=4).astype(float),
    "outliers": outliers,
    "small": lambda: floats(9000, 4) * 1e-25,
    "tight": tight_clusters,
    "copies": copies_of_one_row,
    "sorted": lambda: np.sort(floats(9000, 2), axis=0),
}


def queries_for(X: np.ndarray, m: int = 20) -> np.ndarray:
    """Stored rows, and rows that lie near some."""
    rng = np.random.default_rng(7)
    stored = X[rng.choice(len(X), m, replace=False)]
    spread = np.minimum(X.std(axis=0), 1) * 0.1
    return np.vstack([stored, stored + spread * rng.normal(size=stored.shape)])


def searches(X: np.ndarray, metric: str) -> dict:
    """Every search that serves the metric, with the points as it holds them."""
    found: dict = {"brute": (X, Brute(X, metric))}
    if metric != "cosine":
        for name in ("kd_tree", "ball_tree"):
            fitted = NearestNeighbors(algorithm=name, metric=metric).fit(X)
            found[name] = X, Tree(fitted)
    if metric in SPARSE_METRICS:
        found["sparse"] = csr_matrix(X), Brute(csr_matrix(X), metric)
    return found


def assert_equals_oracle(answers, Q, X, metric, **asked) -> None:
    for i, q in enumerate(Q):
        positions, distances = neighbours(q, X, metric, **asked)
        ours = slice(answers.starts[i], answers.starts[i + 1])
        np.testing.assert_array_equal(answers.positions[ours], positions)
        np.testing.assert_array_equal(answers.distances[ours], distances)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", SETS)
def test_equals_the_oracle(name, metric):
    if metric == "cosine" and name in ("outliers",):
        X = outliers()[:-1]  # the cosine refuses rows as long as the last
    else:
        X = SETS[name]()
    Q = queries_for(X)
    for search, (points, machine) in searches(X, metric).items():
        asked = csr_matrix(Q) if search == "sparse" else Q
        answers = Neighbors(points, metric, machine).query(asked, N)
        assert_equals_oracle(answers, Q, X, metric, n=N)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_stored_point_finds_itself_at_0(metric, offset):
    X = floats() + offset
    for points, machine in searches(X, metric).values():
        answers = Neighbors(points, metric, machine).query(points[100:150], 1)
        assert (answers.distances == 0).all()
        assert (answers.positions == np.arange(100, 150)).all()


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ["floats", "offset", "grid"])
def test_batches_of_any_size_give_the_same_bits(name, metric):
    X = SETS[name]()
    Q = queries_for(X, 150)
    for search, (points, machine) in searches(X, metric).items():
        asked = csr_matrix(Q) if search == "sparse" else Q
        neighbors = Neighbors(points, metric, machine)
        whole = neighbors.query(asked, N)
        for size in (1, 7, 299):
            parts = [neighbors.query(asked[i:i + size], N) for i in range(0, 2 * size, size)]
            held = sum(len(part.positions) for part in parts)
            np.testing.assert_array_equal(np.concatenate([part.positions for part in parts]),
                                          whole.positions[:held])
            np.testing.assert_array_equal(np.concatenate([part.distances for part in parts]),
                                          whole.distances[:held])


def test_agrees_with_scikit_learn():
    X = floats()
    Q = queries_for(X, 100)
    ours = Neighbors(X, "euclidean", Brute(X, "euclidean")).query(Q, N)
    for algorithm, tolerance in (("kd_tree", 1e-9), ("ball_tree", 1e-9), ("brute", 1e-6)):
        theirs = NearestNeighbors(algorithm=algorithm).fit(X).kneighbors(Q, N)
        np.testing.assert_array_equal(ours.positions.reshape(-1, N), theirs[1])
        np.testing.assert_allclose(ours.distances.reshape(-1, N), theirs[0], atol=tolerance)


@pytest.mark.parametrize("metric", METRICS)
def test_a_tie_across_the_last_place_goes_to_the_lowest_positions(metric):
    """Eight corners of a cube are equally far from its middle, and come in copies."""
    corners = np.array([[x, y, z] for x in (1, 3) for y in (1, 3) for z in (1, 3)], dtype=float)
    X = np.tile(corners, (40, 1))
    Q = np.full((1, 3), 2.0)
    for search, (points, machine) in searches(X, metric).items():
        asked = csr_matrix(Q) if search == "sparse" else Q
        answers = Neighbors(points, metric, machine).query(asked, 12)
        assert_equals_oracle(answers, Q, X, metric, n=12)


@pytest.mark.parametrize("metric", METRICS)
def test_radius_is_inclusive_and_cut_at_most(metric):
    X = integer_grid(3000, 3, seed=1, levels=6).astype(float) + 1
    Q = X[:15]
    radius = {"euclidean": np.sqrt(2.0), "manhattan": 2.0, "chebyshev": 1.0, "cosine": 0.01}[metric]
    if metric == "cosine":
        radius = float(neighbours(Q[0], X, metric, n=200)[1][-1])  # exactly a point's distance
    for search, (points, machine) in searches(X, metric).items():
        asked = csr_matrix(Q) if search == "sparse" else Q
        neighbors = Neighbors(points, metric, machine)
        every = neighbors.query(asked, radius=radius, most=3000)
        assert_equals_oracle(every, Q, X, metric, radius=radius)
        assert (every.found == np.diff(every.starts)).all()
        cut = neighbors.query(asked, radius=radius, most=5)
        assert_equals_oracle(cut, Q, X, metric, radius=radius, n=5)
        assert (cut.found == every.found).all()
        both = neighbors.query(asked, 5, radius)
        assert_equals_oracle(both, Q, X, metric, radius=radius, n=5)


def test_a_radius_that_holds_nothing_or_everything():
    X = floats(300, 3)
    for points, machine in searches(X, "euclidean").values():
        neighbors = Neighbors(points, "euclidean", machine)
        far = points[:2] * 0 + 1e9 if isinstance(points, np.ndarray) else csr_matrix(
            np.full((2, 3), 1e9))
        assert neighbors.query(far, radius=1.0).starts.tolist() == [0, 0, 0]
        assert neighbors.query(far, radius=1e12, most=10**6).found.tolist() == [300, 300]


@pytest.mark.parametrize("metric", METRICS)
def test_exclusions_of_every_length(metric):
    X = SETS["grid"]()[:2500] + 1
    Q = X[:12]
    rng = np.random.default_rng(3)
    excluded = [np.arange(0), np.arange(2500), *(rng.choice(2500, size, replace=False)
                for size in (1, 2, 3, 10, 100, 1000, 2495, 2400, 5, 50))]
    for search, (points, machine) in searches(X, metric).items():
        asked = csr_matrix(Q) if search == "sparse" else Q
        answers = Neighbors(points, metric, machine).query(asked, N, excluded=excluded)
        for i in range(len(Q)):
            one = Neighbors(points, metric, machine).query(asked[i:i + 1], N,
                                                           excluded=excluded[i:i + 1])
            assert_equals_oracle(one, Q[i:i + 1], X, metric, n=N, excluded=excluded[i])
            ours = slice(answers.starts[i], answers.starts[i + 1])
            np.testing.assert_array_equal(answers.positions[ours], one.positions)


def test_excluding_an_equal_row_leaves_out_one_copy():
    X = np.array([[0.0, 1], [1, 0], [0, 1], [0, 2]])
    Q = np.array([[0.0, 1], [5, 5]])
    for metric, first in (("euclidean", [2, 3, 1]), ("cosine", [2, 3, 1])):
        for search, (points, machine) in searches(X, metric).items():
            asked = csr_matrix(Q) if search == "sparse" else Q
            neighbors = Neighbors(points, metric, machine)
            answers = neighbors.query(asked, 3, exclude_same=True)
            assert answers.positions[:3].tolist() == first
            assert np.diff(answers.starts).tolist() == [3, 3]
            near = neighbors.query(asked, radius=0.5, exclude_same=True)
            assert near.positions[:near.starts[1]].tolist() == ([2, 3] if metric == "cosine"
                                                                else [2])


def test_more_neighbours_than_points_gives_all_points():
    X = floats(5, 2)
    for points, machine in searches(X, "euclidean").values():
        answers = Neighbors(points, "euclidean", machine).query(points, 8)
        assert np.diff(answers.starts).tolist() == [5] * 5


def test_one_point():
    X = np.array([[1.0, 2.0]])
    for points, machine in searches(X, "euclidean").values():
        answers = Neighbors(points, "euclidean", machine).query(points, 1)
        assert answers.positions.tolist() == [0] and answers.distances.tolist() == [0.0]


def test_no_queries():
    X = floats(50, 2)
    for points, machine in searches(X, "euclidean").values():
        if machine.__class__ is Brute:
            assert len(Neighbors(points, "euclidean", machine).query(points[:0], 3)) == 0


def test_rows_of_zeros_are_nobody_s_neighbours_for_cosine():
    """They have no direction; nor have queries of zeros any neighbour."""
    X = np.vstack([np.zeros((4, 3)), floats(20, 3), np.zeros((3, 3))])
    Q = np.vstack([X[3:7], X[:1]])
    for search, (points, machine) in searches(X, "cosine").items():
        for asked in ({"n": 27}, {"n": 3}, {"radius": 2.0}, {"radius": 1.5, "n": 20}):
            answers = Neighbors(points, "cosine", machine).query(
                Q if search == "brute" else csr_matrix(Q), **asked)
            counts = np.diff(answers.starts)
            assert counts[[0, 4]].tolist() == [0, 0], search
            alone = Neighbors(X[4:24], "cosine", Brute(X[4:24], "cosine")).query(
                Q[1:4], **{**asked, "n": min(asked.get("n", 20), 20)})
            assert answers.positions.tolist() == (alone.positions + 4).tolist(), (search, asked)


@pytest.mark.parametrize("metric", METRICS)
def test_a_query_that_stands_among_the_points_leaves_out_its_own_place(metric):
    """Whatever it repeats, as kneighbors() of scikit-learn without X."""
    X = integer_grid(300, 2, seed=0, levels=4).astype(float) + 1
    own = np.arange(300)
    for search, (points, machine) in searches(X, metric).items():
        machine_ = Neighbors(points, metric, machine)
        for asked in ({"n": 1}, {"n": 5}, {"n": 60}, {"radius": 0.5, "most": 100}):
            answers = machine_.query(points, exclude_same=True, own=own, **asked)
            listed = machine_.query(points, excluded=[[i] for i in range(300)], **asked)
            assert answers.positions.tolist() == listed.positions.tolist(), (search, asked)
            assert answers.distances.tolist() == listed.distances.tolist()
            if answers.found is not None:
                assert answers.found.tolist() == listed.found.tolist()
    placeless = machine_.query(points, 5, exclude_same=True, own=np.full(300, -1))
    assert placeless.positions.tolist() == machine_.query(points, 5, exclude_same=True
                                                          ).positions.tolist()


def test_values_that_distances_overflow_on_are_refused():
    X = floats(50, 2)
    with pytest.raises(UserError, match=r"1e\+200.*at most 1e\+150"):
        Neighbors(X, "euclidean", Brute(X, "euclidean")).query(np.array([[1e200, 0]]), 1)


# Numbers near the ends of float64

def magnitudes(rng: np.random.Generator, n: int, low: int, high: int) -> np.ndarray:
    """Rows (n, 3) of one magnitude each, some values 0 and some rows twice."""
    X = rng.normal(size=(n, 3)) * 10.0 ** rng.integers(low, high + 1, size=(n, 1))
    X[rng.random(X.shape) < 0.1] = 0.0
    X[n // 2:n // 2 + 5] = X[:5]
    return X


def exact_distance(q, x) -> float:
    """By fractions, and a root of 200 digits."""
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 200, -10000, 10000
        square = sum(((Decimal(a) - Decimal(b)) ** 2 for a, b in zip(q, x)), Decimal(0))
        return float(square.sqrt())


@pytest.mark.parametrize("low, high", [(-320, -300), (-200, -190), (-170, -150), (-320, 149),
                                       (-40, -30), (140, 149)])
@pytest.mark.parametrize("seed", range(2))
def test_distances_of_any_magnitude_are_right_whatever_finds_them(low, high, seed):
    X = magnitudes(np.random.default_rng(seed), 60, low, high)
    far = np.array([[exact_distance(q, x) for x in X.tolist()] for q in X.tolist()])
    found = {}
    for search, (points, machine) in searches(X, "euclidean").items():
        answers = Neighbors(points, "euclidean", machine).query(points, 7)
        found[search] = (answers.positions.tolist(), answers.distances.tolist())
        rows = answers.rows
        assert answers.distances == pytest.approx(far[rows, answers.positions], rel=1e-14,
                                                  abs=5e-324), search
        kth = np.sort(far, axis=1)[:, 6]
        assert (answers.distances.reshape(-1, 7)[:, -1] <= kth * (1 + 1e-14) + 5e-324).all()
    assert len({repr(answer) for answer in found.values()}) == 1


@pytest.mark.parametrize("low, high", [(-17, -17), (-320, -300), (-200, 200), (-320, 299)])
def test_cosine_is_the_same_for_rows_of_any_length(low, high):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(80, 3))
    X = np.ldexp(plain, np.round(rng.integers(low, high + 1, size=(80, 1)) * 3.32).astype(int))
    exact = np.abs(X) >= 2.0 ** -1022  # of subnormal ones bits are lost
    for search, (points, machine) in searches(X, "cosine").items():
        answers = Neighbors(points, "cosine", machine).query(points, 5)
        for i in np.flatnonzero(exact.all(axis=1)).tolist():
            positions, distances = neighbours(plain[i], plain, "cosine")
            kept = np.flatnonzero(exact.all(axis=1)[positions])[:1]
            assert answers.positions[5 * i] == positions[kept[0]] == i and distances[0] == 0
        assert (answers.distances[::5] <= 1e-15).all(), search
    if low > -300:
        positions = [neighbours(q, plain, "cosine", 5)[0].tolist() for q in plain]
        assert answers.positions.reshape(-1, 5).tolist() == positions
