"""A job as each of mrjob's runners needs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Optional

from howdah.launch.files.paths import join
from howdah.launch.inputs import whole_number
from howdah.launch.options import shared_args
from howdah.launch.runners.hadoop import jobconf_of, ship_beside
from howdah.launch.runners.shipping import JOBS_FOLDER, ONE_THREAD, plain_path, zip_package
from howdah.task.job import HowdahJob

if TYPE_CHECKING:
    from howdah.launch.launch import Launch


def job_for_runner(launch: Launch, job_class, plan_path: str, folder: str,
                   output_dir: Optional[str]) -> HowdahJob:
    """A job as its runner needs it; what it ships is written to `folder`."""
    files = [word for option, path in launch.job.shipped_files().items()
             for word in (option, plain_path(path, folder))]
    job = job_class([*shared_args(launch.job), "--plan", plan_path, *files])
    options = job.options
    if output_dir and not launch.can_write(output_dir):
        output_dir = None
    options.output_dir = output_dir
    options.cleanup_on_failure = options.cleanup_on_failure or ["TMP"]
    if launch.runner in (None, "inline"):
        return job
    options.cmdenv = {**ONE_THREAD, **(options.cmdenv or {})}
    if launch.runner == "local":
        # The same Python with the same packages: no archive to unpack and compile per task.
        options.bootstrap_mrjob = False
        options.cmdenv["PYTHONPATH"] = JOBS_FOLDER
        # mrjob's own number is twice the cores: so many starts of Python for a record per cluster.
        options.jobconf = {"mapreduce.job.reduces": "1", **(options.jobconf or {})}
        return job
    options.check_input_paths = False
    if options.worker_env:
        options.upload_archives = [*(options.upload_archives or []),
                                   plain_path(launch.worker_env, folder) + "#env"]
        options.task_python_bin = ["env/bin/python"]
    package = zip_package(folder, job_class)
    if launch.runner == "spark":
        _for_spark(launch, options, package, folder)
    else:
        options.jobconf = jobconf_of(job_class, options.jobconf)
        _for_streaming(launch, options, package, folder)
    return job


def _for_streaming(launch: Launch, options, package: str, folder: str) -> None:
    ship_beside(options, package, folder)
    if launch.runner == "emr":
        launch.emr.share(options)
    else:
        options.output_dir = options.output_dir or join(launch.scratch, "output-%d" % launch.jobs)


def _for_spark(launch: Launch, options, package: str, folder: str) -> None:
    from howdah.launch.runners.spark import SPARK_CONF

    options.py_files = [*(options.py_files or []), package]
    options.jobconf = {**SPARK_CONF, **(options.jobconf or {})}
    reduces = options.jobconf.get("mapreduce.job.reduces", "0")
    if reduces != "0":
        whole_number(reduces, "--jobconf mapreduce.job.reduces")
    options.python_bin = options.python_bin or [sys.executable]
    options.spark_tmp_dir = options.spark_tmp_dir or (launch.scratch if launch.remote else folder)
