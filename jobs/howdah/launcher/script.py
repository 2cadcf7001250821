"""The frame of every script: exit codes, and errors as sentences."""

from __future__ import annotations

import logging
import signal
import sys

from howdah.errors import JOB_FAILED, OK, WRONG_USE, JobFailed, UserError
from howdah.launcher.notices import drop_output, notice
from howdah.launcher.run import Launch
from howdah.launcher.streaming import check_streaming, streaming_command


def main(job) -> int:
    """Run a job's script by itself; its exit code."""
    return guarded(lambda: run_alone(job))


def run_alone(job) -> int:
    set_up_logging(job)
    with Launch(job) as launch:
        launch.check()
        if job.options.print_streaming:
            check_streaming(job.options)
        else:
            launch.refuse_local_output()
        done = job.launch_otherwise(launch)
        if done is None:
            plan = job.prepare(launch)
            if job.options.print_streaming:
                print(streaming_command(launch, type(job), plan, job.options.print_streaming))
                return OK
            if job.MAP_ONLY:
                done = launch.run_map_only(type(job), plan, job.options.output_dir)
                outcome = None
            else:
                outcome = launch.run(type(job), plan, job.options.output_dir)
                done = outcome.tally
            job.show(launch, outcome)
    notice(done.summary())
    return OK


def guarded(action) -> int:
    """Run `action`; a UserError or JobFailed becomes a sentence on stderr and an exit code."""
    try:
        return action()
    except UserError as error:
        notice("error: %s" % error)
        return WRONG_USE
    except JobFailed as error:
        notice("error: %s" % error)
        return JOB_FAILED
    except KeyboardInterrupt:
        notice("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        drop_output()
        return OK


def set_up_logging(job) -> None:
    """Of mrjob's words its errors; all with -v, none with -q."""
    options = job.options
    job.set_up_logging(quiet=options.quiet, verbose=options.verbose, stream=sys.stderr)
    if not options.verbose:
        logging.getLogger("mrjob").setLevel(logging.ERROR)
