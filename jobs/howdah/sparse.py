"""CSR rows beside dense ones: told apart, made and stacked in one place.

SciPy is imported with the first CSR rows, for dense data never: its import takes longer than that
of all else that a worker of k-means needs.
"""

from __future__ import annotations

from typing import Optional

import numpy as np


def is_sparse(X) -> bool:
    """Whether rows are CSR; dense ones are an ndarray, which a file may stand behind."""
    return not isinstance(X, np.ndarray)


def as_csr(X: np.ndarray):
    """Dense rows as CSR."""
    from scipy.sparse import csr_matrix

    return csr_matrix(X)


def csr_rows(values: np.ndarray, columns: np.ndarray, ends: np.ndarray, width: int):
    """Rows of `width` columns; those of row i are values and columns [ends[i]:ends[i + 1]]."""
    from scipy.sparse import csr_matrix

    return csr_matrix((values, columns, ends), shape=(len(ends) - 1, width))


def with_values(X, values: np.ndarray):
    """CSR rows with other values at the same places."""
    return csr_rows(values, X.indices, X.indptr, X.shape[1])


def stacked(pieces: list, width: Optional[int] = None):
    """Rows of all pieces, dense or CSR; CSR pieces are widened to `width` or the widest."""
    if not is_sparse(pieces[0]):
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    from scipy.sparse import vstack

    width = width or max(X.shape[1] for X in pieces)
    return vstack([csr_rows(X.data, X.indices, X.indptr, width) for X in pieces], format="csr")
