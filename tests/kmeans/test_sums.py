"""Exact sums: the same bits whatever the splits, the order, the batches and the merging."""

from __future__ import annotations

from fractions import Fraction

import generators
import numpy as np
import pytest
from howdah.errors import UserError
from howdah.kmeans.farthest import Farthest
from howdah.kmeans.grid import LIMIT
from howdah.kmeans.points import GridPoints, on_grid
from howdah.kmeans.sums import Sums, add_records
from howdah.task.records import RecordProtocol, dump_json
from oracle import InMemory, recentred
from scipy.sparse import csr_matrix

RNG = np.random.default_rng
KINDS = ["plain", "weighted", "cosine", "sparse", "sparse weighted", "standardize"]


def setting(kind: str, n: int = 3000, d: int = 6, k: int = 15):
    """X, weights and options; rows repeat, so that some tie."""
    X = np.abs(generators.heavy(n, d, 5, seed=0)) * 10.0 ** np.arange(-2, d - 2) + 0.1
    X[n // 2:] = X[:n - n // 2]
    if "sparse" in kind:
        X[RNG(1).random(X.shape) < 0.6] = 0.0
    weights = RNG(2).exponential(size=n) if "weighted" in kind else None
    options = {"metric": "cosine" if kind == "cosine" else "euclidean",
               "standardize": kind == "standardize"}
    C = X[RNG(3).choice(n, k, replace=False)] + 1e-3
    return csr_matrix(X) if "sparse" in kind else X, weights, options, C


def bits(sums: Sums) -> bytes:
    return dump_json([sums.counts, [record for _, record in sums.records()],
                      sums.farthest.record()])


def put(sums: Sums, other: Sums) -> None:
    """Add what another scan's records say."""
    for label, record in other.records():
        sums.put(label, record)
    sums.farthest.put(other.farthest.record())


def bits_of_round(sums: Sums, C: np.ndarray) -> bytes:
    r = recentred(sums, C)
    return dump_json([r.centroids, r.weights, r.counts, r.costs, r.empty])


@pytest.mark.parametrize("kind", KINDS)
def test_batch_size_changes_no_bit(kind):
    X, weights, options, C = setting(kind)
    whole = InMemory(X, weights, **options)
    want = bits(whole.sums(C))
    for batch in (1000, 257, 8191):
        other = InMemory(X, weights, **options, batch=batch, profile=whole.profile)
        assert bits(other.sums(C)) == want


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_splitting_permuting_and_merging_order_change_no_bit(kind, seed):
    X, weights, options, C = setting(kind)
    whole = InMemory(X, weights, **options)
    want = whole.sums(C)
    rng = RNG(seed)
    order = rng.permutation(X.shape[0])
    cuts = [0, *np.sort(rng.choice(X.shape[0], 6, replace=False)), X.shape[0]]
    parts = [InMemory(X[order[a:b]], None if weights is None else weights[order[a:b]], **options,
                      batch=333, profile=whole.profile).sums(C) for a, b in zip(cuts, cuts[1:])]
    merged = Sums(len(C), whole.space)
    for i in rng.permutation(len(parts)):
        put(merged, parts[i])
    assert bits(merged) == bits(want)
    assert bits_of_round(merged, C) == bits_of_round(want, C)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("added", [0, 1, 2])
def test_records_through_the_protocol_and_added_up_change_no_bit(kind, added):
    X, weights, options, C = setting(kind)
    whole = InMemory(X, weights, **options)
    want = bits_of_round(whole.sums(C), C)
    protocol = RecordProtocol()
    records: list = []
    far: list = []
    for start in range(0, X.shape[0], 700):
        part = InMemory(X[start:start + 700], None if weights is None else
                        weights[start:start + 700], **options, profile=whole.profile).sums(C)
        records += [protocol.read(protocol.write(str(label), record))
                    for label, record in part.records()]
        far.append(protocol.read(protocol.write("far", part.farthest.record()))[1])
    for _ in range(added):
        halves = [records[:len(records) // 2], records[len(records) // 2:]]
        records = [(key, add_records(r for other, r in half if other == key))
                   for half in halves for key in sorted({key for key, _ in half})]
        ridden = Farthest(len(C), whole.space)
        for record in far[:2]:
            ridden.put(record)
        far = [ridden.record(), *far[2:]]
    sums = Sums(len(C), whole.space)
    for key, record in records:
        sums.put(int(key), record)
    for record in far:
        sums.farthest.put(record)
    assert bits_of_round(sums, C) == want


@pytest.mark.parametrize("seed", range(3))
def test_sums_are_those_of_fractions(seed):
    X = generators.heavy(300, 3, 4, seed=seed)
    weights = RNG(seed).lognormal(sigma=5, size=300)
    memory = InMemory(X, weights)
    C = X[:4]
    sums = memory.sums(C)
    labels = memory.labels(C)
    steps = memory.space.steps(X)
    for label in range(4):
        own = np.flatnonzero(labels == label)
        for j in range(3):
            # The product is rounded once, then cut at 2**-80 of the largest weight and range.
            exact = sum(Fraction(float(weights[i] * steps[j, i])) for i in own)
            assert sums.vectors()[label, j] == pytest.approx(float(exact), rel=1e-15, abs=1e-9)
        assert sums.weights()[label] == pytest.approx(
            float(sum(map(Fraction, weights[own].tolist()))), rel=1e-15)


def test_weight_2_is_the_row_twice():
    X = np.round(generators.heavy(2000, 4, 5, seed=0), 2)
    weights = RNG(0).integers(1, 4, size=2000)
    repeated = np.repeat(X, weights, axis=0)
    profile = InMemory(repeated).profile
    C = X[:7] + 0.001
    twice = InMemory(repeated, profile=profile).measure(C)
    profile.heaviest = 3.0
    once = InMemory(X, weights.astype(np.float64), profile=profile).measure(C)
    assert (once.centroids == twice.centroids).all()
    assert (once.weights == twice.weights).all()
    assert once.costs == pytest.approx(twice.costs, rel=1e-12)
    assert once.counts.sum() == 2000 and twice.counts.sum() == len(repeated)


def test_weights_all_alike_are_none():
    X = np.round(generators.heavy(2000, 4, 5, seed=0), 2)
    C = X[:7] + 0.001
    plain = InMemory(X).measure(C)
    for weight in (1.0, 0.5, 3.0):
        measured = InMemory(X, np.full(2000, weight)).measure(C)
        assert measured.centroids == pytest.approx(plain.centroids, rel=1e-14)
        assert measured.cost == pytest.approx(weight * plain.cost, rel=1e-12)


def test_weight_0_counts_as_a_row_and_nothing_else():
    X = np.round(generators.heavy(1000, 3, 5, seed=0), 2)
    weights = np.ones(1000)
    weights[::2] = 0.0
    memory = InMemory(X, weights)
    measured = memory.measure(X[:5])
    half = InMemory(X[1::2], weights[1::2], profile=memory.profile).measure(X[:5])
    assert (measured.centroids == half.centroids).all()
    assert (measured.weights == half.weights).all() and measured.cost == half.cost
    assert measured.counts.sum() == 1000


@pytest.mark.parametrize("factor", [1e-200, 1.0, 1e200])
def test_weights_of_any_size(factor):
    X = generators.heavy(1000, 3, 5, seed=0)
    weights = RNG(0).uniform(0.5, 2, size=1000)
    want = InMemory(X, weights).measure(X[:5])
    measured = InMemory(X, weights * factor).measure(X[:5])
    assert measured.centroids == pytest.approx(want.centroids, rel=1e-12)
    assert measured.weights / factor == pytest.approx(want.weights, rel=1e-12)
    assert measured.costs / factor == pytest.approx(want.costs, rel=1e-12)


def test_a_full_batch_of_the_largest_values_does_not_overflow():
    """8,192 rows at either end of the range: the sums use every bit that float64 has."""
    X = np.concatenate([np.full((8192, 2), 1.0), np.full((8192, 2), -1.0), np.zeros((2, 2))])
    memory = InMemory(X)
    measured = memory.measure(np.array([[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]]))
    assert measured.centroids.tolist() == [[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]]
    assert measured.counts.tolist() == [8192, 8192, 2]
    assert measured.cost == 0.0


@pytest.mark.parametrize("limit", [LIMIT, -LIMIT])
def test_many_full_batches_of_the_largest_values_do_not_overflow(limit):
    batches, rows = 1500, 8192
    space = InMemory(np.array([[-1.0], [1.0]])).space
    points = GridPoints(np.full((1, rows), limit), np.ones(rows), np.zeros((1, 1)), space)
    sums, other = Sums(1, space), Sums(1, space)
    for _ in range(batches):
        sums.add(np.zeros(rows, dtype=np.intp), points)
        other.add(np.zeros(rows, dtype=np.intp), points)
    assert sums.vectors().tolist() == [[batches * rows * limit]]
    put(sums, other)
    assert sums.vectors().tolist() == [[2 * batches * rows * limit]]
    assert sums.squares().tolist() == [2 * batches * rows]


def test_a_cluster_without_points_has_no_mean_and_sends_no_record():
    X = np.array([[0.0], [1.0]])
    memory = InMemory(X)
    sums = memory.sums(np.array([[0.5], [99.0]]))
    first, second = sums.means()
    assert second is None and first.tolist() == [0.5]
    assert [label for label, _ in sums.records()] == [0]


def test_adding_the_same_points_twice_doubles_everything_but_the_mean():
    X = generators.heavy(500, 3, 5, seed=0)
    memory = InMemory(X)
    once, twice = memory.sums(X[:4]), memory.sums(X[:4])
    labels = memory.labels(X[:4])
    twice.add(labels, on_grid(X, memory.space))
    assert (twice.weights() == 2 * once.weights()).all()
    assert (twice.vectors() == 2 * once.vectors()).all()
    assert (np.array(twice.means()) == once.means()).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cosine"])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_means_are_rounded_once(kind, offset):
    """Each is the float nearest to the fraction, however far its column is from 0."""
    X, weights, options, C = setting(kind)
    X = X if "sparse" in kind else X + offset
    sums = InMemory(X, weights, **options).sums(C)
    space = sums.space
    for label in np.flatnonzero(sums.counts):
        low, high, part_low, part_high = sums.limbs[:, label].astype(object)
        totals = ((high << 26) + low << 40) + (part_high << 26) + part_low
        weight = Fraction(totals[0], 2 ** 40 if space.weighted else 1)
        steps = [c + total / weight for c, total in zip(space.centre, totals[2:])]
        exact = [step / Fraction(10) ** tens / 2 ** twos for step, tens, twos in zip(
            steps, space.tens.tolist(), space.twos.tolist())]
        assert sums.means()[label].tolist() == list(map(float, exact))


def test_sums_beyond_64_bits_keep_every_bit():
    memory = InMemory(np.array([[-1.0], [1.0]]))
    sums = memory.sums(np.array([[0.0]]))
    sums.limbs *= 2 ** 60
    assert sums.weights().tolist() == [2.0 ** 61] and sums.means()[0].tolist() == [0.0]
    sums.limbs[0, 0, 2] += 3
    assert sums.vectors().tolist() == [[3.0]]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("seed", range(4))
def test_weights_that_are_22_powers_of_ten_apart_keep_their_digits(kind, seed):
    """Each cluster's mean is that of fractions, though its rows weigh next to nothing."""
    rng = RNG(seed)
    X = np.round(rng.normal(size=(300, 3)), 3) + 10.0 * np.arange(3)[rng.integers(3, size=300)][
        :, None]
    weights = 10.0 ** (11 - 7.5 * (X[:, 0] // 5 + 1).clip(0, 3)) * rng.uniform(0.5, 1, size=300)
    weights[rng.random(300) < 0.1] = 0.0
    X, dense = (csr_matrix(X), X) if kind == "sparse" else (X, X)
    memory = InMemory(X, weights, batch=64)
    C = np.array([[0.0] * 3, [10.0] * 3, [20.0] * 3])
    sums, labels = memory.sums(C), memory.labels(C)
    for label, mean in enumerate(sums.means()):
        own = [(Fraction(w), [Fraction(repr(x)) for x in row]) for w, row in zip(
            weights[labels == label].tolist(), dense[labels == label].tolist()) if w]
        total = sum(w for w, _ in own)
        exact = [float(sum(w * row[j] for w, row in own) / total) for j in range(3)]
        assert mean == pytest.approx(exact, rel=1e-12)
        assert sums.weights()[label] == pytest.approx(float(total), rel=1e-15)
    whole = bits(InMemory(X, weights, profile=memory.profile).sums(C))
    assert bits(sums) == whole
    merged = Sums(3, memory.space)
    for part in (slice(200, 300), slice(0, 7), slice(7, 200)):
        put(merged, InMemory(X[part], weights[part], profile=memory.profile).sums(C))
    assert bits(merged) == whole


def test_weights_farther_apart_than_sums_hold_are_refused():
    X = np.arange(4.0)[:, None]
    memory = InMemory(X, np.array([1e12, 1e-13, 0.0, 1.0]))
    with pytest.raises(UserError, match="from 1e-13 to 1000000000000.0, .* 1e24 times"):
        memory.sums(X[:2])


def test_a_row_of_weight_0_lends_no_point_to_an_empty_cluster():
    """Nor does it keep a cluster that would have no weight left."""
    X, weights = np.array([[0.0], [1.0], [1.1]]), np.array([1.0, 1.0, 0.0])
    C = np.array([[0.0], [0.9], [50.0]])
    without = InMemory(X[:2], weights[:2]).measure(C)
    measured = InMemory(X, weights).measure(C)
    assert (measured.centroids == without.centroids).all()


def test_the_cost_of_points_that_are_their_centroids_is_0():
    X = np.repeat([[2.0], [7.0], [200.0]], 2, axis=0)
    for weights in (None, np.repeat([1e8, 1e8, 1e-8], 2)):
        measured = InMemory(X, weights).measure(X[::2])
        assert measured.cost == 0.0 and measured.centroids.ravel().tolist() == [2.0, 7.0, 200.0]
