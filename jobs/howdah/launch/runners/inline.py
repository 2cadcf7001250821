"""Tasks in the launcher's own process."""

from __future__ import annotations

import io

from mrjob.inline import InlineMRJobRunner


class InlineRunner(InlineMRJobRunner):
    """mrjob's runner, whose tasks can write text to their standard error, as processes can.

    mrjob's is for bytes only, so every warning of a library would end the task.
    """

    def _invoke_task_func(self, *task):
        invoke_task = super()._invoke_task_func(*task)

        def invoke(stdin, stdout, stderr, wd, env):
            text = io.TextIOWrapper(stderr, "utf-8", "backslashreplace", write_through=True)
            try:
                invoke_task(stdin, stdout, text, wd, env)
            finally:
                text.detach()

        return invoke
