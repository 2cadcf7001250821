"""The weighted sample: unbiased, mergeable, and fair to rare and repeated rows."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.kmeans.coreset import CHUNK_ROWS, Sampler, choose_references, sample_size, sensitivities
from howdah.kmeans.moments import row_hashes
from howdah.kmeans.priority_sample import PrioritySample
from howdah.task.records import RecordProtocol
from oracle import InMemory
from scipy.sparse import csr_matrix

RNG = np.random.default_rng


def dense(X) -> np.ndarray:
    return X if isinstance(X, np.ndarray) else X.toarray()


def same(a: PrioritySample, b: PrioritySample) -> bool:
    (X, w), (Y, v) = a.weighted(), b.weighted()
    return bool(X.shape == Y.shape and (dense(X) == dense(Y)).all() and (w == v).all())


def offered(n: int = 3000, seed: int = 0):
    """Rows with weights, masses and priorities, as a Sampler would offer them."""
    rng = RNG(seed)
    X, w = rng.normal(size=(n, 3)), rng.uniform(0, 2, size=n)
    masses = w * rng.lognormal(size=n)
    return X, w, masses, masses / (1 - rng.random(n))


# Priority sampling

def test_the_top_rows_by_priority_are_kept_with_their_weights():
    X, w, masses, priorities = offered(100)
    sample = PrioritySample(10)
    for part in np.array_split(np.arange(100), 7):
        sample.offer(X[part], w[part], masses[part], priorities[part])
    order = np.argsort(-priorities)
    rows, weights = sample.weighted()
    assert (rows == X[order[:10]]).all()
    tau = priorities[order[10]]
    assert weights == pytest.approx(
        w[order[:10]] * np.maximum(1, tau / masses[order[:10]]), rel=1e-15)


@pytest.mark.parametrize("size", [1, 50, 2999, 3000, 5000])
@pytest.mark.parametrize("seed", range(3))
def test_merged_samples_are_the_sample_of_all_rows(size, seed):
    X, w, masses, priorities = offered(seed=seed)
    whole = PrioritySample(size)
    whole.offer(X, w, masses, priorities)
    rng = RNG(seed)
    cuts = [0, *np.sort(rng.choice(3000, 8, replace=False)), 3000]
    parts = []
    for a, b in zip(cuts, cuts[1:]):
        part = PrioritySample(size)
        for c in range(a, b, 100):
            s = slice(c, min(c + 100, b))
            part.offer(X[s], w[s], masses[s], priorities[s])
        parts.append(part)
    records = [record for i in rng.permutation(len(parts))
               for record in parts[i].records(most_bytes=4000)]
    protocol = RecordProtocol()
    sent = [protocol.read(protocol.write("sample", record))[1] for record in records]
    assert same(PrioritySample.of_records(sent), whole)
    assert len(PrioritySample.of_records(sent)) == min(size, 3000)


def test_no_more_rows_than_the_size_leave_every_weight_as_it_was():
    X, w, masses, priorities = offered(200)
    sample = PrioritySample(200)
    sample.offer(X, w, masses, priorities)
    assert len(sample) == 200
    assert (np.sort(sample.weighted()[1]) == np.sort(w)).all()


def test_an_empty_sample():
    sample = PrioritySample(5)
    assert len(sample) == 0 and sample.weighted()[0].shape == (0, 0)
    assert list(sample.records()) == [] and PrioritySample.of_records([]) is None


def test_sparse_chunks_of_growing_width_are_padded():
    sample = PrioritySample(4)
    sample.offer(csr_matrix(np.ones((2, 2))), np.ones(2), np.ones(2), np.array([5.0, 6.0]))
    sample.offer(csr_matrix(np.ones((2, 4))), np.ones(2), np.ones(2), np.array([7.0, 8.0]))
    back = PrioritySample.of_records(list(sample.records(most_bytes=100)))
    assert same(back, sample)
    assert sample.weighted()[0].toarray().tolist() == [[1, 1, 1, 1]] * 2 + [[1, 1, 0, 0]] * 2


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("tasks", [1, 3])
def test_weighted_sums_over_the_sample_are_unbiased(weighted, tasks):
    """400 seeds: the mean of each estimate lies within four standard errors of the truth."""
    X = generators.heavy(1200, 2, 5, seed=0)
    w = RNG(1).exponential(size=1200) if weighted else np.ones(1200)
    memory = InMemory(X, w if weighted else None)
    functions = [lambda X: np.ones(len(X)), lambda X: X[:, 0], lambda X: X[:, 1] ** 2,
                 lambda X: (X[:, 0] > 8).astype(float)]
    truth = np.array([w @ f(X) for f in functions])
    found = []
    for seed in range(400):
        rows, weights = memory.sample(5, 60, seed, tasks).weighted()
        found.append([weights @ f(rows) for f in functions])
    found = np.array(found)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - truth) < 4 * error).all()
    assert (found.std(axis=0) < np.abs(truth)).all()


# Sensitivities

@pytest.mark.parametrize("weighted", [False, True])
def test_sensitivities_have_mean_1_and_favour_far_rows_and_rare_references(weighted):
    X = np.vstack([RNG(0).normal(size=(5000, 2)), [[100.0, 100.0]] * 3])
    w = RNG(1).uniform(0.5, 2, size=5003) if weighted else None
    s = sensitivities(X, 2, RNG(2), w)
    assert np.average(s, weights=w) == pytest.approx(1.0)
    assert s.min() > 0 and s[-3:].min() > 50 * np.median(s)


@pytest.mark.parametrize("X", [np.zeros((50, 2)), np.full((50, 2), 1e-9), np.ones((1, 3)),
                               np.repeat([[1.0, 2.0], [3.0, 4.0]], [49, 1], axis=0)])
def test_sensitivities_of_few_distinct_rows(X):
    s = sensitivities(X, 5, RNG(0))
    assert np.isfinite(s).all() and s.mean() == pytest.approx(1.0) and s.min() > 0


def test_a_chunk_of_weight_0_does_not_divide_by_it():
    assert (sensitivities(np.ones((5, 2)), 3, RNG(0), np.zeros(5)) == 1).all()


def test_references_are_distinct_rows():
    X = np.repeat(generators.blobs(30, 3, 4, seed=0), 100, axis=0)
    references = choose_references(X, 20, RNG(0), np.ones(len(X)))
    assert len(np.unique(references, axis=0)) == len(references) == 20
    few = choose_references(np.repeat(X[:1], 500, axis=0), 20, RNG(0), np.ones(500))
    assert len(few) == 1


# Samplers

def sampled(X, weights=None, seed=0, size=500, k=5, chunk=CHUNK_ROWS, **options):
    sampler = Sampler(k, size, seed, **options)
    for start in range(0, X.shape[0], chunk):
        w = None if weights is None else weights[start:start + chunk]
        part = X[start:start + chunk]
        sampler.add(part, w, row_hashes(part))
    return sampler.sample


def test_the_same_splits_and_seed_give_the_same_sample_and_others_another():
    X = generators.blobs(5000, 3, 5, seed=0)
    assert same(sampled(X, chunk=1000), sampled(X.copy(), chunk=1000))
    assert not same(sampled(X, chunk=1000), sampled(X, chunk=1000, seed=1))
    assert not same(sampled(X, chunk=1000), sampled(X, chunk=999))


def test_sampled_rows_are_rows_as_they_were_read():
    X = 1e6 + generators.blobs(3000, 3, 5, seed=0)
    known = set(map(tuple, X.tolist()))
    for options in ({}, {"cosine": True}, {"standardize": True}):
        rows, _ = sampled(X, **options).weighted()
        assert len(rows) == 500 and all(tuple(row) in known for row in rows.tolist())


def test_a_weight_of_0_is_never_sampled():
    X = generators.heavy(3000, 2, 5, seed=0)
    w = np.zeros(3000)
    w[::10] = 1.0
    X[1::10] *= 1e3     # far rows, but without weight
    rows, weights = sampled(X, w, size=5000).weighted()
    assert len(rows) == 300 and (weights == 1).all()
    assert {tuple(r) for r in rows.tolist()} == {tuple(r) for r in X[::10].tolist()}


@pytest.mark.parametrize("order", ["file", "shuffled"])
def test_nine_copies_in_ten_leave_room_for_the_others(order):
    X = generators.copies(50_000, 8)
    if order == "shuffled":
        X = X[RNG(0).permutation(len(X))]
    one = (X == generators.copies(10, 8)[0]).all(axis=1)
    for seed in range(3):
        rows, weights = sampled(X, size=2000, k=10, seed=seed).weighted()
        copied = (rows == generators.copies(10, 8)[0]).all(axis=1)
        assert 20 <= copied.sum() <= 1500
        assert weights[copied].sum() == pytest.approx(one.sum(), rel=0.3)
        assert weights[~copied].sum() == pytest.approx((~one).sum(), rel=0.15)


def test_identical_chunks_draw_other_numbers():
    """In a constant stretch the same number again and again would keep or drop all its rows."""
    X = np.tile(generators.blobs(200, 2, 3, seed=0), (40, 1))
    rows, _ = sampled(X, size=400, chunk=200).weighted()
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) > 100 and counts.max() < 20


def test_a_rare_far_cluster_is_always_sampled():
    X = generators.blobs(60_000, 4, 3, seed=0)
    X[12_345:12_350] = 500.0
    for seed in range(5):
        rows, weights = sampled(X, size=300, seed=seed).weighted()
        far = (rows == 500.0).all(axis=1)
        assert far.sum() == 5 and weights[far] == pytest.approx(1.0)


@pytest.mark.parametrize("d", [20, 2000])
def test_sparse_chunks_are_sampled_as_sparse_rows(d):
    """Also where rows are so wide that distances are those of projections."""
    X = np.where(RNG(0).random((3000, d)) < 0.02, 1.0, 0.0)
    X[:, 0] = np.arange(3000)
    rows, weights = sampled(csr_matrix(X), chunk=1000).weighted()
    assert rows.shape == (500, d)
    assert (rows.toarray() == X[rows.toarray()[:, 0].astype(int)]).all()
    assert weights.sum() == pytest.approx(3000, rel=0.2)


def test_a_smaller_sample_is_the_top_of_a_larger_one():
    X = generators.blobs(3000, 3, 5, seed=0)
    large, small = sampled(X, size=500), sampled(X, size=60)
    large.shrink(60)
    assert same(large, small)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_values_of_any_size(scale):
    X = scale * generators.blobs(2000, 3, 5, seed=0)
    assert same(sampled(X / scale, chunk=500), sampled(X / scale, chunk=500))
    rows, weights = sampled(X).weighted()
    assert len(rows) == 500 and np.isfinite(weights).all() and weights.min() >= 1


def test_sample_sizes():
    assert sample_size(50, 16) == 20_000
    assert sample_size(1000, 16) == 40_000
    assert sample_size(50, 1 << 20) == 500
    assert sample_size(1, 1) == 20_000
