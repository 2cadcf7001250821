"""One input, watched: what a reader says of it, how long it takes, how much memory."""

from __future__ import annotations

import resource
import signal
import traceback
from typing import Any, Iterable, Iterator

from howdah.errors import JobFailed, UserError

from fuzz.reader import Reader, Wrong

TAKEN, REFUSED = "taken", "refused"
REFUSALS = (UserError, JobFailed)
# Of processor time, which a busy machine does not lengthen; who waits, is ended by `processes`.
SECONDS = 1.0
MEGABYTES = 200


class Late(BaseException):
    """No `except Exception` on the way stops it."""


def examined(reader: Reader, seed: int, numbers: Iterable[int]) -> Iterator[str]:
    """TAKEN, REFUSED or a fault for each input, in turn."""
    before = signal.signal(signal.SIGPROF, _late)
    start = peak_megabytes()
    try:
        for number in numbers:
            word = _examine(reader, reader.input(seed, number))
            grown = peak_megabytes() - start
            if grown > MEGABYTES:
                start += grown
                word = "grew by %d MB" % grown
            yield word
    finally:
        signal.signal(signal.SIGPROF, before)


def _late(*_) -> None:
    raise Late


def _examine(reader: Reader, given: Any) -> str:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return TAKEN if reader.read(given) else REFUSED
    except REFUSALS:
        return REFUSED
    except Wrong as error:
        return "wrong: %s" % error
    except Late as error:
        return "over %g s at %s" % (SECONDS, _place(error))
    except Exception as error:
        return "%s at %s" % (type(error).__name__, _place(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _place(error: BaseException) -> str:
    """The innermost line of the project itself, without its number, which changes."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.name != _late.__name__]
    ours = [frame for frame in frames if "/howdah/" in frame.filename] or frames
    return "%s in %s" % (ours[-1].filename.rpartition("/")[2], ours[-1].name)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
