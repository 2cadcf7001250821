"""What the user reads and what the shell gets: notices, errors as sentences, exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Iterator

from howdah import arithmetic
from howdah.arithmetic import refusal, strict
from howdah.errors import JOB_FAILED, OK, WRONG_USE, JobFailed, UserError
from howdah.launch.files.paths import without_secrets
from howdah.launch.processes import kill_all

log = logging.getLogger("howdah")
log.setLevel(logging.INFO)


def notice(text: str) -> None:
    """A line for the user, but not with -q."""
    if log.isEnabledFor(logging.INFO):
        say(text)


def say(text: str) -> None:
    """A line for the user, below all that was printed before it, be both written to one file.

    No URI in it shows a password.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    finally:
        print(without_secrets(text), file=sys.stderr)


def drop_output() -> None:
    """The reader of our output (head, say) has gone: nothing is left to tell it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: all that Ctrl-C ends ends as by Ctrl-C."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


#: The signals that have come; a library may have swallowed what they raised.
_came: list = []


def go_on() -> None:
    """KeyboardInterrupt if a signal has come: asked between jobs."""
    if _came:
        raise _exception_of(_came[0])


def _exception_of(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else Stopped(number)


@contextmanager
def _signals() -> Iterator[None]:
    """The first signal ends what is within, with its clean-up; a Ctrl-C after it leaves at once.

    What is ignored (nohup, a shell's background) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    before = {number: handler for number, handler in before.items()
              if handler not in (signal.SIG_IGN, None)}

    def leave(number, _):
        kill_all()
        os._exit(128 + number)

    def stop(number, _):
        for each in before:
            signal.signal(each, leave if each == signal.SIGINT else signal.SIG_IGN)
        _came.append(number)
        raise _exception_of(number)

    _came.clear()
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _came.clear()


def guarded(action) -> int:
    """Run `action`; a UserError or JobFailed becomes a sentence on stderr and an exit code."""
    log.setLevel(logging.INFO)
    try:
        with _signals(), strict():
            return action()
    except arithmetic.ERRORS as error:
        notice("error: %s" % refusal(error))
        return WRONG_USE
    except UserError as error:
        say("error: %s" % error)
        return WRONG_USE
    except JobFailed as error:
        say("error: %s" % error)
        return JOB_FAILED
    except Stopped as stopped:
        say("ended by %s" % signal.Signals(stopped.number).name)
        return 128 + stopped.number
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        drop_output()
        return OK


def set_up_logging(job) -> None:
    """Of mrjob's words its errors; all with -v, none with -q, and then of ours the errors alone."""
    options = job.options
    log.setLevel(logging.ERROR if options.quiet else logging.INFO)
    job.set_up_logging(quiet=options.quiet, verbose=options.verbose, stream=sys.stderr)
    if not options.verbose:
        logging.getLogger("mrjob").setLevel(logging.ERROR)
