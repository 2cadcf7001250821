"""Why a job failed: what stands in the logs of its tasks, and what Hadoop says."""

from __future__ import annotations

import builtins
import re
import subprocess
import time
from typing import Optional

from howdah.launch.runners.yarn import yarn_command
from howdah.task.job import RETRIED

TRACEBACK = re.compile(r"(?:Traceback \(most recent call last\):\n(?:[ \t].*\n)*.*\n"
                       r"(?:\n(?:During handling|The above exception).*\n\n)?)+")
#: What YARN says of a container that it has ended, or that did not begin.
CONTAINER = re.compile(r"^.*(?:is running .*beyond the .*limit|[Cc]ontainer released on a \*lost\*|"
                       r"No space left on device|Container launch failed).*", re.MULTILINE)
ENDED_WITH = re.compile(r"subprocess failed with code \d+")
CAUSED_BY = re.compile(r"^Caused by: (.*)", re.MULTILINE)
# Java's own wrappings, which tell nothing.
WRAPPERS = re.compile(r"InvocationTargetException$|Error in configuring object|"
                      r"configuration exception$")
JAVA_ERROR = re.compile(r"^.*?\b((?:[a-z]\w*\.)+\w*(?:Exception|Error)\b.*)", re.MULTILINE)


def first_cause(text: str) -> Optional[str]:
    """The first cause that Java gives, without its wrappings."""
    return next((cause for cause in CAUSED_BY.findall(text) if not WRAPPERS.search(cause)), None)


def first_error(text: str) -> Optional[str]:
    """Java's first cause, or else the first line with an exception: it is the reason."""
    line = JAVA_ERROR.search(text)
    return first_cause(text) or (line.group(1)[:500] if line else None)


def is_retried(traceback: str) -> bool:
    """Whether a traceback ends in an error that another attempt of its task may get past."""
    name = traceback.rstrip().rpartition("\n")[2].partition(":")[0]
    error = getattr(builtins, name, None)
    return isinstance(error, type) and issubclass(error, RETRIED)


def cause_in_logs(hadoop: str, application: str, seconds: float = 20) -> Optional[str]:
    """The first Python traceback in the logs of an ended application, or else a worker's exit code.

    If there is neither, Java's first cause, or None. The logs are collected some seconds after the
    end, or never, where log aggregation is off.
    """
    yarn = yarn_command(hadoop)
    if yarn is None:
        return None
    command = [yarn, "logs", "-applicationId", application, "-size", "-65536"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        told = done.stdout.decode("utf-8", "replace")
        causes = (TRACEBACK.findall(told)[:1] or ENDED_WITH.findall(told)[:1]
                  or list(filter(None, [first_cause(told)])))
        if causes or done.returncode == 0 and "LogType:stderr" in told:
            return "\n".join(causes).rstrip() or None
        time.sleep(0.5)
    return None
