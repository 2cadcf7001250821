"""A job as each of mrjob's runners needs it."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from typing import Optional, TYPE_CHECKING

from howdah.job import HowdahJob
from howdah.launcher.files import join
from howdah.launcher.hadoop import jobconf_of, ship_beside
from howdah.launcher.inputs import SLICE_BYTES, slices, whole_number
from howdah.launcher.shipping import JOBS_FOLDER, ONE_THREAD, plain_path, zip_package

if TYPE_CHECKING:
    from howdah.launcher.run import Launch

LOCAL_RUNNERS = (None, "inline", "local")
REMOTE_RUNNERS = ("hadoop", "emr")


def shared_args(job: HowdahJob) -> list:
    """The command line without the script's own options and files: what every job understands."""
    own = ArgumentParser(add_help=False, allow_abbrev=False)
    job.add_options(own)
    for option in job.shipped_files():
        own.add_argument(option)
    return own.parse_known_args(list(job._cl_args))[1]


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
    from howdah.launcher.spark import SPARK_CONF

    options.py_files = [*(options.py_files or []), package]
    options.jobconf = {**SPARK_CONF, **(options.jobconf or {})}
    reduces = options.jobconf.get("mapreduce.job.reduces", "0")
    if reduces != "0":
        whole_number(reduces, "--jobconf mapreduce.job.reduces")
    options.python_bin = options.python_bin or [sys.executable]
    options.spark_tmp_dir = options.spark_tmp_dir or (launch.scratch if launch.remote else folder)


def write_slices(launch: Launch, folder: str) -> list:
    """One small file per map task that names its part of an input file.

    mrjob's local runners would copy the whole input, line by line in one process, and would
    not tell tasks the place of what they read.
    """
    paths = []
    for i, place in enumerate(slices(launch.inputs.files, *map_tasks(launch.options))):
        path = os.path.join(folder, "slice-%05d" % i)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(place, file)
            file.write("\n")
        paths.append(path)
    return paths


def map_tasks(options) -> tuple[int, int]:
    """How many map tasks a local run should have, and the fewest bytes that are worth one."""
    asked = (options.jobconf or {}).get("mapreduce.job.maps")
    if asked:
        return whole_number(asked, "--jobconf mapreduce.job.maps"), 1
    cores = options.num_cores or os.cpu_count() or 1
    return (cores if options.runner == "local" else 1), SLICE_BYTES
