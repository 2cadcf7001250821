"""What the user reads and what the shell gets: notices, errors as sentences, exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys

from howdah import arithmetic
from howdah.arithmetic import refusal, strict
from howdah.errors import JOB_FAILED, OK, WRONG_USE, JobFailed, UserError


log = logging.getLogger("howdah")


def notice(text: str) -> None:
    """A line for the user, but not with -q."""
    if log.isEnabledFor(logging.INFO):
        say(text)


def say(text: str) -> None:
    """A line for the user, below all that was printed before it, be both written to one file."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    finally:
        print(text, file=sys.stderr)


def drop_output() -> None:
    """The reader of our output (head, say) has gone: nothing is left to tell it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def guarded(action) -> int:
    """Run `action`; a UserError or JobFailed becomes a sentence on stderr and an exit code."""
    log.setLevel(logging.INFO)
    try:
        with strict():
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
