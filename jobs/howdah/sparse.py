"""CSR rows beside dense ones: told apart and made in one place.

SciPy is imported with the first CSR rows, for dense data never: its import takes longer than that
of all else that a worker of k-means needs.
"""

from __future__ import annotations

import numpy as np


def is_sparse(X) -> bool:
    """Whether rows are CSR; dense ones are an ndarray, which a file may stand behind."""
    return not isinstance(X, np.ndarray)


def as_csr(X: np.ndarray):
    """Dense rows as CSR."""
    from scipy.sparse import csr_matrix

    return csr_matrix(X)
