"""Arithmetic that says where float64 ends: no infinity, and no NaN, is computed without a word.

NumPy goes on with inf and nan after a warning, which on a cluster nobody reads, and what follows
from them looks like an answer. Tasks and launchers compute under `strict`: where an overflow is
harmless, the place says so by np.errstate; any other is an error that the user reads.
"""

from __future__ import annotations

import numpy as np

from howdah.errors import OutOfRange

ERRORS = (FloatingPointError, OverflowError)


def strict():
    """A context in which overflow, division by zero and invalid operations raise."""
    return np.errstate(over="raise", divide="raise", invalid="raise")


def libraries():
    """A context for libraries, which may have their own reasons to compute inf and nan."""
    return np.errstate(over="ignore", divide="ignore", invalid="ignore")


def refusal(error: BaseException) -> BaseException:
    """The error that the user reads for one of ERRORS; any other as it is."""
    if not isinstance(error, ERRORS):
        return error
    return OutOfRange("Numbers of the input are too large, too small or too far apart for float64"
                      " (%s); scale the columns, or the weights." % error)
