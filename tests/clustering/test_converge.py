"""The loop: what it measures, when it stops, what it reports."""

from __future__ import annotations

import generators
import numpy as np
import pytest
from howdah.clustering.converge import UNCHANGED, Result, Rules, iterate
from oracle import InMemory, noisy_rows
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris

X = generators.blobs(3000, 3, 6, seed=0)
MEMORY = InMemory(X)
START = X[:6] + 1e-3


def race(run_round, starts, rules, shift, after_round=lambda runs: None, **options) -> Result:
    """The result of one run."""
    return iterate(run_round, {"it": starts}, rules, shift, after_round, **options)["it"]


class Counted:
    """run_round over MEMORY that keeps what it was asked to measure."""

    def __init__(self):
        self.scans: list = []

    def __call__(self, centroid_sets):
        self.scans.append(list(centroid_sets))
        return MEMORY.run_round(centroid_sets)


def test_the_history_is_that_of_plain_rounds():
    run_round = Counted()
    result = race(run_round, [START], Rules(tol=0, max_rounds=200), MEMORY.shift)
    assert result.converged and result.stop == UNCHANGED
    assert [r.round for r in result.history] == list(range(1, len(result.history) + 1))
    C = START
    for record, [measured_at] in zip(result.history, run_round.scans):
        measured = MEMORY.measure(C)
        assert (measured_at == C).all()
        assert record.cost == measured.cost and record.empty == measured.empty
        assert record.shift == MEMORY.shift(C, measured.centroids)
        C = measured.centroids
    # The result was measured by the last scan, which moved nothing.
    assert (result.centroids == C).all()
    assert result.measured.cost == MEMORY.measure(result.centroids).cost
    assert result.history[-1].shift == 0


def test_min_gain_stops_at_the_first_round_that_gains_less():
    result = race(MEMORY.run_round, [START], Rules(min_gain=0.05), MEMORY.shift)
    costs = [r.cost for r in result.history]
    gains = [1 - b / a for a, b in zip(costs, costs[1:])]
    assert gains[-1] < 0.05 and all(gain >= 0.05 for gain in gains[:-1])
    assert result.converged and "--min-gain 0.05" in result.stop
    assert result.measured.cost == costs[-1]


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_max_rounds_counts_moves_and_is_no_convergence(rounds):
    run_round = Counted()
    result = race(run_round, [START], Rules(tol=0, max_rounds=rounds), MEMORY.shift)
    assert not result.converged and "--max-rounds %d" % rounds in result.stop
    # One more scan supplies the cost and the sizes of the final centroids.
    assert len(run_round.scans) == len(result.history) == rounds + 1
    assert (result.centroids == run_round.scans[-1][0]).all()


def test_max_minutes():
    times = iter(range(0, 10_000, 25))
    result = race(MEMORY.run_round, [START], Rules(tol=0, max_minutes=2), MEMORY.shift,
                  clock=lambda: next(times))
    assert not result.converged and "--max-minutes 2" in result.stop
    # The clock is read three times a scan: two scans end after 150 s.
    assert len(result.history) == 2
    assert result.history[0].seconds == 25


def test_convergence_is_said_though_a_limit_is_reached_as_well():
    end = race(MEMORY.run_round, [START], Rules(tol=0, max_rounds=200), MEMORY.shift)
    result = race(MEMORY.run_round, [end.centroids], Rules(tol=0, max_rounds=0), MEMORY.shift)
    assert result.converged and result.stop == UNCHANGED


def test_no_convergence_while_a_cluster_is_empty():
    start = np.vstack([START[:5], [[1e3, 1e3, 1e3]]])
    result = race(MEMORY.run_round, [start], Rules(min_gain=0.9), MEMORY.shift)
    assert result.history[0].empty == [5]
    assert not result.history[-1].empty


@pytest.mark.parametrize("tol", [1e-2, 1e-4])
def test_tol_is_scikit_learns(tol):
    data = load_iris().data
    start = noisy_rows(data, 3, seed=3)
    theirs = KMeans(3, init=start, n_init=1, algorithm="lloyd", tol=tol).fit(data)
    memory = InMemory(data)
    result = race(memory.run_round, [start], Rules(
        tol=tol, tol_scale=float(np.mean(data.var(axis=0))), max_rounds=300), memory.shift)
    assert result.converged
    assert result.centroids == pytest.approx(theirs.cluster_centers_, rel=1e-9)
    # The scan that measures the last centroids comes on top of its iterations, unless that scan
    # is the one that finds nothing moved.
    assert len(result.history) - theirs.n_iter_ in (0, 1)


def test_several_courses_share_scans_and_end_as_if_alone():
    run_round = Counted()
    starts = {"a": START, "b": X[50:56], "c": X[100:106], "d": X[200:203]}
    rules = Rules(tol=0, max_rounds=100)
    results = iterate(run_round, {name: [start] for name, start in starts.items()}, rules,
                      MEMORY.shift)
    lengths = {name: len(result.history) for name, result in results.items()}
    assert len(set(lengths.values())) > 2 and max(lengths.values()) == len(run_round.scans)
    for name, start in starts.items():
        alone = race(MEMORY.run_round, [start], rules, MEMORY.shift)
        assert (results[name].centroids == alone.centroids).all()
        assert results[name].stop == alone.stop
        assert [r.cost for r in results[name].history] == [r.cost for r in alone.history]


@pytest.mark.parametrize("max_rounds", [4, 100])
def test_after_a_round_the_courses_that_it_advanced_are_told_by_name(max_rounds):
    """Whatever order they end in; and a limit ends all that are left at once."""
    starts = {"slow": [X[50:56]], "short": [X[200:203]], "other": [START]}
    seen: dict = {name: [] for name in starts}

    def after_round(runs):
        for name, run in runs.items():
            assert len(run.centroids) == len(starts[name][0])
            seen[name].append(run.history[-1])

    results = iterate(MEMORY.run_round, starts, Rules(tol=0, max_rounds=max_rounds), MEMORY.shift,
                      after_round)
    assert {name: result.history for name, result in results.items()} == seen


# What a scan tells of the next one

APART = generators.blobs(3000, 3, 6, seed=0, separation=25)
APART_MEMORY = InMemory(APART)
MIDDLES = generators.centres(3, 6, 0, 25)


class Told(Counted):
    """run_round over APART_MEMORY whose scans tell what they know of the next."""

    def __call__(self, centroid_sets):
        self.scans.append(list(centroid_sets))
        return [APART_MEMORY.measure(centroids, told=True) for centroids in centroid_sets]


def same(ours: Result, theirs: Result) -> bool:
    return ((ours.centroids == theirs.centroids).all() and ours.stop == theirs.stop
            and ours.converged == theirs.converged and ours.measured.cost == theirs.measured.cost
            and (ours.measured.counts == theirs.measured.counts).all()
            and [(r.round, r.cost, r.shift, r.empty) for r in ours.history]
            == [(r.round, r.cost, r.shift, r.empty) for r in theirs.history])


@pytest.mark.parametrize("rules", [Rules(), Rules(tol=0), Rules(tol=1e-4), Rules(min_gain=0.5),
                                   Rules(max_rounds=2), Rules(max_rounds=1), Rules(max_rounds=0)])
def test_what_a_scan_told_is_not_scanned_for(rules):
    """Otherwise the run is the same, to the last bit of its history."""
    start = MIDDLES + 0.1
    plain = race(APART_MEMORY.run_round, [start], rules, APART_MEMORY.shift)
    run_round, seen = Told(), []
    ours = race(run_round, [start], rules, APART_MEMORY.shift,
                lambda runs: seen.append(runs["it"].history[-1]))
    assert same(ours, plain)
    assert seen == ours.history and [r.scan for r in seen] == [True, False][:len(seen)]
    assert len(run_round.scans) == 1
    assert len(seen) == (1 if rules.max_rounds == 0 else 2)
    assert ["no scan" in r.line() for r in seen] == [not r.to_dict()["scan"] for r in seen]


def test_courses_that_need_scans_get_them_beside_one_that_needs_none():
    starts = {"known": [MIDDLES + 0.1], "far": [APART[100:106]], "starts": [
        MIDDLES - 0.1, MIDDLES + 0.1, APART[:6]]}
    rules = Rules(tol=0, max_rounds=100)
    run_round = Told()
    together = iterate(run_round, starts, rules, APART_MEMORY.shift)
    assert len(together["far"].history) > 3
    for name, starts in starts.items():
        assert same(together[name], race(APART_MEMORY.run_round, starts, rules, APART_MEMORY.shift))
    # While starts race, every scan measures what is left of them.
    assert list(map(len, run_round.scans[:3])) == [5, 3, 1]


# Rivals

def test_courses_of_several_rivals_end_as_if_alone():
    starts = [[X[i:i + 6] + 1e-3 for i in range(a, a + 30, 7)] for a in (0, 100)]
    rules = Rules(tol=0, max_rounds=100)
    together = iterate(MEMORY.run_round, dict(enumerate(starts)), rules, MEMORY.shift)
    for name, starts in enumerate(starts):
        result = together[name]
        alone = race(MEMORY.run_round, starts, rules, MEMORY.shift)
        assert (result.centroids == alone.centroids).all()
        assert [r.cost for r in result.history] == [r.cost for r in alone.history]


def test_every_scan_leaves_the_better_half():
    run_round = Counted()
    starts = [X[i:i + 6] + 1e-3 for i in range(0, 70, 7)]
    result = race(run_round, starts, Rules(tol=0, max_rounds=100), MEMORY.shift)
    assert [len(scan) for scan in run_round.scans[:4]] == [10, 5, 3, 2]
    assert all(len(scan) == 1 for scan in run_round.scans[4:])
    for before, after in zip(run_round.scans, run_round.scans[1:]):
        measured = sorted(MEMORY.run_round(before), key=lambda m: m.cost)
        assert all((m.centroids == c).all() for m, c in zip(measured, after))
    costs = [r.cost for r in result.history]
    assert all(b <= a * (1 + 1e-12) for a, b in zip(costs, costs[1:]))
    first = [m.cost for m in MEMORY.run_round(starts)]
    assert costs[0] == min(first)


def test_a_rival_that_overtakes_takes_the_course_along():
    run_round = Counted()
    starts = [X[i:i + 6] + 1e-3 for i in range(0, 120, 6)]
    seen = []
    result = race(run_round, starts, Rules(tol=0, max_rounds=4), MEMORY.shift,
                  lambda runs: seen.append((runs["it"].centroids, runs["it"].history[-1])))
    assert len(seen) == len(run_round.scans) == len(result.history)
    for scan, (centroids, record) in zip(run_round.scans, seen):
        measured = MEMORY.run_round(scan)
        best = int(np.argmin([m.cost for m in measured]))
        # What the driver saves: the leader's next centroids, in the end those of the result.
        last = record is result.history[-1]
        assert (centroids == (result.centroids if last else measured[best].centroids)).all()
        assert record.cost == measured[best].cost
        assert record.shift == MEMORY.shift(scan[best], measured[best].centroids)
    assert result.measured.cost == min(m.cost for m in MEMORY.run_round(run_round.scans[-1]))


def test_rounds_before_only_shift_the_numbers():
    rules = Rules(tol=0, max_rounds=3)
    plain = race(MEMORY.run_round, [START], rules, MEMORY.shift)
    resumed = race(MEMORY.run_round, [START], rules, MEMORY.shift, rounds_before=7)
    assert [r.round for r in resumed.history] == [r.round + 7 for r in plain.history]
    assert (resumed.centroids == plain.centroids).all() and resumed.stop == plain.stop


def test_a_record_of_a_round_for_people_and_programs():
    [record, *_] = race(MEMORY.run_round, [START], Rules(), MEMORY.shift).history
    assert {"round": 1, "cost": record.cost, "empty": 0}.items() <= record.to_dict().items()
    assert record.line().split()[0] == "1"
