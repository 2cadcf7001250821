"""How good the seeds of one sample scan are, beside scikit-learn's best of ten starts.

    python tests/bench/seeding_quality.py               # ten seeds of every data set
    python tests/bench/seeding_quality.py --small       # a minute: for CI
    python tests/bench/seeding_quality.py --sets digits copies --json FILE --baselines FILE

Per data set and seed: the cost after the sample scan and after at most three rounds, divided by
the median cost of five scikit-learn KMeans(n_init=10) fits of the same rows, and for --init random
the same after as many rounds as its default rule takes. All in memory: the very functions that the
jobs call, over arrays. Limit: 1.02 after three rounds.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import generators  # noqa: E402
from bench.report import Report, counted, reporting_parser  # noqa: E402
from howdah.clustering.seeds import random_rows  # noqa: E402
from oracle import InMemory  # noqa: E402

FITS = 5
ALLOWED = 1.02
ROUNDS = 3


@dataclass
class DataSet:
    """`load` gives the rows; `order` how the file would hold them; `fits` the baseline's name."""

    name: str
    fits: str
    k: int
    load: Callable[[], np.ndarray]
    order: Callable[[np.ndarray], np.ndarray] = lambda X: X
    sample: Optional[int] = None


def digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().data


def pixels() -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg").reshape(-1, 3).astype(np.float64)


def heavy() -> np.ndarray:
    return generators.heavy(300_000, 16, 50, seed=0)


def shuffled(X: np.ndarray) -> np.ndarray:
    return X[np.random.default_rng(0).permutation(len(X))]


def by_first_column(X: np.ndarray) -> np.ndarray:
    return X[np.argsort(X[:, 0], kind="stable")]


def every_fourth(load: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
    return lambda: load()[::4]


SETS = [
    DataSet("digits k=50, sample 500", "digits", 50, digits, sample=500),
    DataSet("pixels k=16, image order", "pixels16", 16, pixels),
    DataSet("pixels k=16, shuffled", "pixels16", 16, pixels, shuffled),
    DataSet("pixels k=64, image order", "pixels64", 64, pixels),
    DataSet("pixels k=64, shuffled", "pixels64", 64, pixels, shuffled),
    DataSet("heavy k=50, sorted by a column", "heavy", 50, heavy, by_first_column),
    DataSet("heavy k=50, shuffled", "heavy", 50, heavy, shuffled),
    DataSet("copies k=10, file order", "copies", 10, generators.copies),
    DataSet("copies k=10, shuffled", "copies", 10, generators.copies, shuffled),
]
SMALL = [
    SETS[0],
    DataSet("pixels/4 k=16, image order", "pixels16/4", 16, every_fourth(pixels)),
    DataSet("copies k=10, file order", "copies", 10, generators.copies),
]


def baseline(X: np.ndarray, k: int) -> list:
    """Costs of five scikit-learn fits, each the best of ten starts run to the end."""
    from sklearn.cluster import KMeans

    return [float(KMeans(k, n_init=10, random_state=seed).fit(X).inertia_)
            for seed in range(FITS)]


def baselines_of(data: DataSet, X: np.ndarray, known: dict, path: Optional[Path]) -> list:
    if data.fits not in known:
        known[data.fits] = baseline(X, data.k)
        if path:
            path.write_text(json.dumps(known))
    return known[data.fits]


def costs_of_rounds(memory: InMemory, starts: list, rounds: int) -> list:
    """The cost of the best start and after each round of a run by the default rule."""
    return [r.cost for r in memory.run(*starts, max_rounds=rounds).history]


def measured(memory: InMemory, data: DataSet, seed: int, reference: float, tasks: int) -> dict:
    started = time.perf_counter()
    starts = memory.seeds(data.k, data.sample, seed, tasks)
    seconds = time.perf_counter() - started
    costs = costs_of_rounds(memory, starts, ROUNDS)
    return {"data": data.name, "seed": seed, "seconds": seconds, "rounds": len(costs) - 1,
            "after_sample": costs[0] / reference, "after_rounds": costs[-1] / reference}


def measured_random(memory: InMemory, data: DataSet, seed: int, reference: float) -> dict:
    rows, weights = memory.sample(data.k, data.sample, seed).weighted()
    costs = costs_of_rounds(memory, [random_rows(rows, weights, data.k, seed)], 100)
    return {"random_seed": seed, "random_rounds": len(costs) - 1,
            "random_after_three": costs[min(ROUNDS, len(costs) - 1)] / reference,
            "random_at_the_end": costs[-1] / reference}


def main() -> int:
    parser = reporting_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="default: 10")
    parser.add_argument("--sets", nargs="*", default=[], help="those whose names begin so")
    parser.add_argument("--tasks", type=int, default=1, help="map tasks of the sample scan")
    parser.add_argument("--baselines", type=Path, metavar="FILE",
                        help="where scikit-learn's costs are kept for the next time")
    o = parser.parse_args()
    known = json.loads(o.baselines.read_text()) if o.baselines and o.baselines.exists() else {}
    chosen = [s for s in (SMALL if o.small else SETS)
              if not o.sets or any(s.name.startswith(name) for name in o.sets)]
    seeds = o.seeds or (3 if o.small else 10)
    report = Report("seeding_quality", o, repeated=counted(seeds, "seed"))
    for data in chosen:
        X = data.load()
        reference = float(np.median(baselines_of(data, X, known, o.baselines)))
        memory = InMemory(np.ascontiguousarray(data.order(X)))
        for seed in range(seeds):
            report.add({**measured(memory, data, seed, reference, o.tasks),
                        **measured_random(memory, data, seed, reference)})
    report.data["baselines"] = known
    summarise(report, chosen)
    report.limit("worst cost after at most %d rounds / scikit-learn's" % ROUNDS,
                 max(row["after_rounds"] for row in report.rows), ALLOWED, at_any_size=True)
    return report.code()


def summarise(report: Report, chosen: list) -> None:
    """The worst of the seeds for every data set."""
    def worst(data: DataSet, key: str) -> str:
        return "%.4f" % max(row[key] for row in report.rows if row["data"] == data.name)

    report.table([["worst cost / scikit-learn's", "after the sample",
                   "after at most %d rounds" % ROUNDS, "random start, %d rounds" % ROUNDS,
                   "random start, to the end"],
                  *([data.name, worst(data, "after_sample"), worst(data, "after_rounds"),
                     worst(data, "random_after_three"), worst(data, "random_at_the_end")]
                    for data in chosen)])


if __name__ == "__main__":
    sys.exit(main())
