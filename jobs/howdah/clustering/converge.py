"""The loop of k-means: rounds until a rule stops them. It knows only `run_round`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np

from howdah.kmeans.recentre import Recentred

Shift = Callable[[np.ndarray, np.ndarray], float]
RunRound = Callable[[list], list]

UNCHANGED = "the centroids no longer move"


@dataclass
class Rules:
    """When to stop. `tol`, if given, replaces `min_gain` (both as in the driver's help).

    `tol_scale` is the mean of the column variances, as in scikit-learn.
    """

    min_gain: float = 0.001
    tol: Optional[float] = None
    tol_scale: float = 1.0
    max_rounds: int = 20
    max_minutes: Optional[float] = None


@dataclass
class Round:
    """One round: the cost and empty clusters of its input centroids, and how far they moved.

    `scan` is False where the scan before told all of it (see howdah.kmeans.bounds).
    """

    round: int
    cost: float
    shift: float
    empty: list
    seconds: float
    scan: bool = True

    def line(self) -> str:
        """As the driver prints it."""
        numbers = "%5d  %-20.12g  %-12.6g  %5d  " % (
            self.round, self.cost, self.shift, len(self.empty))
        return numbers + ("%7.1f" % self.seconds if self.scan else "no scan needed")

    def to_dict(self) -> dict:
        return {"round": self.round, "cost": self.cost, "shift": self.shift,
                "empty": len(self.empty), "empty_labels": self.empty,
                "seconds": round(self.seconds, 3), "scan": self.scan}


@dataclass
class Result:
    """Centroids (k, d) that a scan has measured, with their weights, counts and costs.

    `converged` is False when only a limit stopped the run; `stop` says which rule did.
    """

    centroids: np.ndarray
    measured: Recentred
    converged: bool
    stop: str
    history: list = field(default_factory=list)


class LloydRun:
    """One run of k-means on its way: what the next scan should measure, and when it is done.

    It starts from one or several sets of centroids, of which every scan leaves the better half; its
    record of a round is that of the set of least cost, so the cost never rises. A scan
    measures its input centroids and gives the next ones, so the result is always centroids that a
    scan has measured: the last scan moves nothing. `known` is what the next scan would say, where
    the last one told it already.
    """

    def __init__(self, starts: list, rules: Rules, shift: Shift, rounds_before: int = 0):
        self.starts = list(starts)
        self.rounds_before = rounds_before
        self.rules = rules
        self.shift = shift
        self.history: list = []
        self.result: Optional[Result] = None
        self.known: Optional[Recentred] = None
        self._settled: Optional[np.ndarray] = None

    @property
    def centroids(self) -> np.ndarray:
        """The centroids to go on from: the result's, once there is one."""
        return self.result.centroids if self.result is not None else self.starts[0]

    def advance(self, measured: list, seconds: float, elapsed: float) -> None:
        """Take in what is measured of `self.starts`; sets `result` when a rule stops the run."""
        order = sorted(range(len(self.starts)), key=lambda i: measured[i].cost)
        leader, best = self.starts[order[0]], measured[order[0]]
        last_cost = self.history[-1].cost if self.history else None
        moved = self.shift(leader, best.centroids)
        if self._settled is leader:
            stop = "--tol %g: the centroids moved by %.3g in all" % (
                self.rules.tol or 0.0, self.history[-1].shift)
        else:
            stop = _converged(self.rules, best.cost, last_cost, best.empty)
        if not stop and moved == 0:
            stop = UNCHANGED
        limit = "" if stop else _limit(self.rules, len(self.history), elapsed)
        self.history.append(Round(self.rounds_before + len(self.history) + 1, best.cost, moved,
                                  best.empty, seconds, best is not self.known))
        if stop or limit:
            self.result = Result(leader, best, bool(stop), stop or limit, self.history)
        else:
            self.starts = [measured[i].centroids for i in order[:(len(order) + 1) // 2]]
            self.known = best.next if len(self.starts) == 1 else None
            if self.rules.tol is not None and moved <= self.rules.tol * self.rules.tol_scale:
                self._settled = self.starts[0]


def iterate(run_round: RunRound, starts: dict, rules: Rules, shift: Shift,
            after_round: Callable[[dict], None] = lambda runs: None,
            clock: Callable[[], float] = time.monotonic, rounds_before: int = 0) -> dict:
    """Lloyd's rounds for several runs, which share every scan.

    `starts` holds the sets of centroids of each run, lists of (k, d) arrays, by the run's name;
    `run_round` measures a list of such arrays in one scan. Returns the Results by name, each as if
    its run had run alone. `after_round` gets the runs that a round advanced, by name: those
    that ended earlier are not among them; where a scan told the next round of some, it is called
    again with these. `rounds_before` only shifts the rounds' numbers (a run that is resumed).
    """
    begun = clock()
    runs = {name: LloydRun(sets, rules, shift, rounds_before) for name, sets in starts.items()}
    while True:
        active = {name: run for name, run in runs.items() if run.result is None}
        if not active:
            return {name: run.result for name, run in runs.items()}
        started = clock()
        measured = iter(run_round([start for run in active.values() for start in run.starts]))
        seconds, elapsed = clock() - started, clock() - begun
        for run in active.values():
            run.advance([next(measured) for _ in run.starts], seconds, elapsed)
        after_round(active)
        known = {name: run for name, run in active.items()
                 if run.result is None and run.known}
        for run in known.values():
            run.advance([run.known], 0.0, elapsed)
        if known:
            after_round(known)


def _converged(rules: Rules, cost: float, last_cost: Optional[float], empty: list) -> str:
    """The cost fell by less than min_gain; never while a cluster is empty."""
    if rules.tol is not None or last_cost is None or empty:
        return ""
    if last_cost - cost < rules.min_gain * last_cost:
        # The cost cannot rise but by the rounding of its own sum.
        gain = max(last_cost - cost, 0.0) / last_cost if last_cost else 0.0
        return "--min-gain %g: the last round lowered the cost by %.2g %%" % (
            rules.min_gain, 100 * gain)
    return ""


def _limit(rules: Rules, moves: int, seconds: float) -> str:
    if moves >= rules.max_rounds:
        return "--max-rounds %d reached" % rules.max_rounds
    if rules.max_minutes is not None and seconds >= 60 * rules.max_minutes:
        return "--max-minutes %g reached" % rules.max_minutes
    return ""
