"""The errors that a user is meant to read."""

from __future__ import annotations

OK, JOB_FAILED, WRONG_USE, STOPPED_BY_LIMIT = 0, 1, 2, 3


class UserError(Exception):
    """Wrong use or bad input: a sentence with cause, place and what to do. Exit code 2."""


class OutOfRange(UserError):
    """Numbers that float64 cannot hold. A run of k-means may meet them in any round."""


class JobFailed(Exception):
    """The job itself failed on its runner. Exit code 1."""
