"""What a launch's jobs are called, by which people and programs find them again."""

from __future__ import annotations

import os
import re
import uuid
from typing import NamedTuple, Optional

from howdah.commands import COMMANDS


class JobName(NamedTuple):
    """`howdah kmeans round 3 5f2c81d0a9e4` for people, and `5f2c81d0a9e4-round-03` for programs.

    YARN keeps tags in lower case.
    """

    title: str
    tag: str


def new_run_id() -> str:
    """What tells a launch from all others: 12 hexadecimal digits."""
    return uuid.uuid4().hex[:12]


def job_name(job, job_class, step: Optional[str], run_id: str) -> JobName:
    """The name of a job of this class that `job` launches as one of its steps.

    A step without a name is what its job does: the profile of a round by itself is a "sample".
    """
    command = _command(job)
    step = step or _command(job_class)
    readable = re.sub(r"-0*(?=\d)", " ", step)
    title = ["howdah", command, *([readable] if step != command else []), run_id]
    return JobName(" ".join(title), ("%s-%s" % (run_id, step)).replace(" ", "-").lower())


def _command(job) -> str:
    """The command of a job's script; of a user's own the script's name."""
    stem = os.path.splitext(os.path.basename(job.mr_job_script()))[0]
    return next((name for name, command in COMMANDS.items() if command.module == stem),
                re.sub(r"[^\w.-]", "_", stem))
