"""What every search has: candidates, a proof that none is missing, and all within a distance.

    Neighbors ──► Search ──┬── Brute        all points, by matrix product
    measures,              ├── Tree         scikit-learn's kd_tree and ball_tree
    orders                 └── Approximate  the file of an Annoy or FAISS index

A search names candidates and no more: neighbors.Neighbors measures them again in float64, orders
them and cuts them off, so every exact search gives the same answers to the last bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Iterator

import numpy as np


class Search(ABC):
    """Candidates among n points, each named by its position 0..n-1, for queries.

    Queries `Q` (m, d) are of the points' form, a float ndarray or CSR with sorted columns, and
    refuse_extremes has passed them. Distances `t` (m,), float64, are as howdah.knn.distances
    computes them, inclusive, and may be infinite: what rounding does to the search's own distances
    or bounds is the search's to allow for.

    Attributes
    ----------
    exact : whether `proves` and `within` keep their promise. Of a search that is not, `proves`
        agrees to everything, for it has nothing better to offer, and `within` is not called.
    """

    exact = True

    @abstractmethod
    def nearest(self, Q, k: int) -> tuple[np.ndarray, Any]:
        """(positions, reach): about the k nearest points of every query, 1 <= k <= n.

        positions  (m, k) int64, different ones within a row, in any order; a search that is not
                   exact puts -1 where it finds fewer
        reach      what `proves` needs to know of this call
        """

    @abstractmethod
    def proves(self, reach: Any, t: np.ndarray) -> np.ndarray:
        """Whether (m,), bool, every point within distance t is among the candidates of `nearest`.

        False is always right, though it costs a call of `within`.
        """

    @abstractmethod
    def within(self, Q, t: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(rows, positions) in pieces, both (p,) int64: point positions[i] for query rows[i].

        Every point within distance t of its query comes once, and few others do. Pieces are small
        enough to be measured as a whole, whatever the number of points.
        """
