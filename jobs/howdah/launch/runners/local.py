"""Tasks on this machine: in this process (inline), or in processes of their own (local)."""

from __future__ import annotations

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from subprocess import CalledProcessError
from typing import Optional

from mrjob.inline import InlineMRJobRunner
from mrjob.local import LocalMRJobRunner, _TaskFailedException

from howdah.errors import UserError
from howdah.launch.committed import SUCCESS
from howdah.launch.files.paths import local_path
from howdah.launch.inputs import SLICE_BYTES, Inputs, slices, whole_number
from howdah.launch.memory import TaskMemory, share_of_machine
from howdah.launch.processes import Tasks
from howdah.launch.runners.backend import Backend
from howdah.launch.runners.shipping import JOBS_FOLDER, ONE_THREAD


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


class LocalRunner(LocalMRJobRunner):
    """mrjob's runner, whose tasks end with it: threads wait for them, not processes of a pool."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._tasks = Tasks()

    def _invoke_task_func(self, task_type, step_num, task_num):
        args = self._substep_args(step_num, task_type)

        def invoke(stdin, stdout, stderr, wd, env):
            code = self._tasks.run(args, stdin=stdin, stdout=stdout, stderr=stderr, cwd=wd, env=env)
            if code:
                raise _TaskFailedException(str(CalledProcessError(code, args)), step_num,
                                           self._num_steps(), task_type=task_type,
                                           task_num=task_num)

        return invoke

    def _run_multiple(self, funcs, num_processes=None):
        with ThreadPoolExecutor(self._opts["num_cores"] or os.cpu_count()) as pool:
            futures = [pool.submit(func) for func in funcs]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                self._tasks.end()
                raise


class Inline(Backend):
    """Tasks one after the other in this process."""

    runner_class: Optional[type] = InlineRunner
    sliced = True
    remote = False
    cores = 1

    def file_system(self, uri: str):
        raise UserError("The URI %s needs a runner that knows it; add -r hadoop, -r emr or"
                        " -r spark." % uri)

    def parts(self, inputs: Inputs) -> list:
        """Which part of which file each map task reads."""
        asked = (self.options.jobconf or {}).get("mapreduce.job.maps")
        if asked:
            return slices(inputs.files, whole_number(asked, "--jobconf mapreduce.job.maps"))
        return slices(inputs.files, self.cores, SLICE_BYTES)

    def map_tasks(self, inputs: Inputs) -> int:
        return len(self.parts(inputs))

    def task_inputs(self, inputs: Inputs, folder: str) -> list:
        """One small file per map task that names its part of an input file.

        mrjob's local runners would copy the whole input, line by line in one process, and would
        not tell tasks the place of what they read.
        """
        paths = []
        for i, place in enumerate(self.parts(inputs)):
            path = os.path.join(folder, "slice-%05d" % i)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(place, file)
                file.write("\n")
            paths.append(path)
        return paths

    def task_memory(self) -> Optional[TaskMemory]:
        return share_of_machine(self.cores)

    def commit(self, job, runner) -> None:
        """mrjob's local tasks write in place: the mark tells their output from a broken job's."""
        with open(os.path.join(local_path(runner.get_output_dir()), SUCCESS), "wb"):
            pass


class Local(Inline):
    """Tasks in processes, as many at a time as there are cores."""

    runner_class = LocalRunner

    @property
    def cores(self) -> int:  # type: ignore[override]
        return self.options.num_cores or os.cpu_count() or 1

    def settings(self, job_class, given, folder: str, output_dir: Optional[str]) -> dict:
        # The same Python with the same packages: no archive to unpack and compile per task. mrjob's
        # own number of reducers is twice the cores: so many starts of Python for few records.
        return {"bootstrap_mrjob": False,
                "cmdenv": {**ONE_THREAD, **(given.cmdenv or {}), "PYTHONPATH": JOBS_FOLDER},
                "jobconf": {"mapreduce.job.reduces": "1", **(given.jobconf or {})}}
