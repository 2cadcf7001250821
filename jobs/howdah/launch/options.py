"""The runner's part of the command line."""

from __future__ import annotations

from argparse import ArgumentParser

from howdah.task.job import HowdahJob

LOCAL_RUNNERS = (None, "inline", "local")
REMOTE_RUNNERS = ("hadoop", "emr")


def shared_args(job: HowdahJob) -> list:
    """The command line without the script's own options and files: what every job understands."""
    own = ArgumentParser(add_help=False, allow_abbrev=False)
    job.add_options(own)
    for option in job.shipped_files():
        own.add_argument(option)
    return own.parse_known_args(list(job._cl_args))[1]
