"""Data for tests and benchmarks: the same arguments always give the same rows.

    X = blobs(n=1000, d=4, k=3, seed=0)                    # float64, (1000, 4)
    write_csv("points.csv", X)                             # every digit kept
    python tests/generators.py blobs --rows 1000000 --columns 16 --clusters 50 --seed 0 out.csv

Rows are drawn in chunks, each from its own random stream, so that the command line writes 10^7
rows in bounded memory. Formatting costs about 3 s per 1,000,000 x 16 on one core.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
from pathlib import Path
from typing import IO, Callable, Iterable, Iterator, Optional, Sequence, Union

import numpy as np

CHUNK = 16_384
HALF_BOX = 10.0

Draw = Callable[[np.random.Generator, int], np.ndarray]


def centres(d: int, k: int, seed: int, separation: float = 5.0) -> np.ndarray:
    """Centroids (k, d), no two closer than `separation`.

    Uniform in the box from -10 to 10, which grows by a quarter as long as k of them do not fit.
    """
    rng = np.random.default_rng([seed, 0])
    half = HALF_BOX
    while True:
        found = np.empty((0, d))
        for candidate in rng.uniform(-half, half, size=(20 * k, d)):
            if (((found - candidate) ** 2).sum(axis=1) >= separation ** 2).all():
                found = np.vstack([found, candidate])
            if len(found) == k:
                return found
        half *= 1.25


def blobs(n: int, d: int, k: int, seed: int, separation: float = 5.0) -> np.ndarray:
    """Rows (n, d) of k Gaussian clusters of equal weight, in random order.

    Every cluster has standard deviation 1 in every column; its centre is a row of
    `centres(d, k, seed, separation)`, so centres lie at least `separation` standard deviations
    apart.
    """
    return _whole(_blobs(d, k, seed, separation), n, seed)


def heavy(n: int, d: int, k: int, seed: int, separation: float = 5.0) -> np.ndarray:
    """Rows (n, d) of k heavy-tailed clusters of very unequal size, in random order.

    Noise of Student's t with 3 degrees of freedom in every column around
    `centres(d, k, seed, separation)`; the i-th cluster (from 1) has weight proportional to 1/i.
    """
    return _whole(_heavy(d, k, seed, separation), n, seed)


def copies(n: int = 100_000, d: int = 8, seed: int = 0, k: int = 10) -> np.ndarray:
    """Rows (n, d) of which the first 90 % are one and the same row.

    That row is the first of `centres(d, k, seed)`; the others are Gaussian clusters with standard
    deviation 1 around the other centres, one cluster after the other; k is at least 2.
    """
    middles = centres(d, k, seed)
    same = int(round(0.9 * n))
    labels = 1 + np.arange(n - same) * (k - 1) // max(n - same, 1)
    noise = np.random.default_rng([seed, 1]).normal(size=(n - same, d))
    return np.vstack([np.repeat(middles[:1], same, axis=0), middles[labels] + noise])


def integer_grid(n: int, d: int, seed: int, levels: int = 10) -> np.ndarray:
    """Rows (n, d) of whole numbers, int64, uniform from 0 to levels - 1: distances often tie."""
    return _whole(_integers(d, levels), n, seed)


def _blobs(d: int, k: int, seed: int, separation: float) -> Draw:
    middles = centres(d, k, seed, separation)
    return lambda rng, m: middles[rng.integers(k, size=m)] + rng.normal(size=(m, d))


def _heavy(d: int, k: int, seed: int, separation: float) -> Draw:
    middles = centres(d, k, seed, separation)
    weights = 1 / np.arange(1, k + 1)
    weights /= weights.sum()
    return lambda rng, m: (middles[rng.choice(k, size=m, p=weights)]
                           + rng.standard_t(3, size=(m, d)))


def _integers(d: int, levels: int) -> Draw:
    return lambda rng, m: rng.integers(levels, size=(m, d))


def _chunks(draw: Draw, n: int, seed: int) -> Iterator[np.ndarray]:
    for i, start in enumerate(range(0, n, CHUNK), start=1):
        yield draw(np.random.default_rng([seed, i]), min(CHUNK, n - start))


def _whole(draw: Draw, n: int, seed: int) -> np.ndarray:
    return np.vstack([draw(np.random.default_rng([seed, 1]), 0), *_chunks(draw, n, seed)])


def write_csv(path: Union[str, Path], X: Union[np.ndarray, Iterable[np.ndarray]],
              header: Optional[Sequence[str]] = None, delimiter: str = ",",
              decimals: Optional[int] = None) -> None:
    """Write rows X, an array (n, d) or an iterable of such chunks; .gz and .bz2 are packed.

    Whole-number arrays are written without a point, others with `decimals` digits after the
    point, or so that reading gives the same bits when `decimals` is None.
    """
    with _opened(path) as file:
        if header is not None:
            file.write((delimiter.join(header) + "\n").encode())
        for chunk in _cut(X):
            file.write(_lines(chunk, delimiter, decimals).encode())


def write_jsonl(path: Union[str, Path], X: np.ndarray,
                keys: Optional[Sequence[str]] = None) -> None:
    """Write rows X (n, d) as JSON lines: arrays, or objects with these keys."""
    if keys is None:
        row = "[" + ", ".join(["%r"] * X.shape[1]) + "]\n"
    else:
        row = "{" + ", ".join('"%s": %%r' % key for key in keys) + "}\n"
    with _opened(path) as file:
        for chunk in _cut(X):
            file.write("".join([row % tuple(values) for values in chunk.tolist()]).encode())


def write_svmlight(path: Union[str, Path], X: np.ndarray, zero_based: bool = False) -> None:
    """Write the entries of X (n, d), dense, that are not 0, as svmlight rows with target 0."""
    first = 0 if zero_based else 1
    with _opened(path) as file:
        for values in X:
            row = ["%d:%r" % (i + first, values[i].item()) for i in np.flatnonzero(values)]
            file.write((" ".join(["0", *row]) + "\n").encode())


def _opened(path: Union[str, Path]) -> IO[bytes]:
    if str(path).endswith(".gz"):
        return gzip.GzipFile(path, "wb", mtime=0)  # type: ignore[return-value]
    if str(path).endswith(".bz2"):
        return bz2.BZ2File(path, "wb")  # type: ignore[return-value]
    return open(path, "wb")


def _cut(X: Union[np.ndarray, Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
    if not isinstance(X, np.ndarray):
        yield from X
        return
    for start in range(0, len(X), CHUNK):
        yield X[start:start + CHUNK]


def _lines(X: np.ndarray, delimiter: str, decimals: Optional[int]) -> str:
    whole = np.issubdtype(X.dtype, np.integer)
    number = "%d" if whole else "%r" if decimals is None else "%%.%df" % decimals
    row = delimiter.join([number] * X.shape[1]) + "\n"
    return (row * len(X)) % tuple(X.ravel().tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description="Write generated rows as CSV.", allow_abbrev=False)
    parser.add_argument("kind", choices=["blobs", "heavy", "copies", "integer_grid"])
    parser.add_argument("out", help="the file to write; .gz and .bz2 are packed")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=16)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--separation", type=float, default=5.0, help="of blobs and heavy")
    parser.add_argument("--levels", type=int, default=10, help="of integer_grid")
    parser.add_argument("--decimals", type=int, default=5, help="digits after the point")
    parser.add_argument("--header", action="store_true", help="name the columns x0, x1, ...")
    o = parser.parse_args()
    header = ["x%d" % i for i in range(o.columns)] if o.header else None
    if o.kind == "copies":
        rows: Iterable[np.ndarray] = [copies(o.rows, o.columns, o.seed, o.clusters)]
    elif o.kind == "integer_grid":
        rows = _chunks(_integers(o.columns, o.levels), o.rows, o.seed)
    else:
        source = _blobs if o.kind == "blobs" else _heavy
        rows = _chunks(source(o.columns, o.clusters, o.seed, o.separation), o.rows, o.seed)
    write_csv(o.out, rows, header, decimals=o.decimals)


if __name__ == "__main__":
    main()
