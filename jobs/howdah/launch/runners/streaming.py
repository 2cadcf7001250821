"""A job as one plain `hadoop jar` command, for launchers like Oozie, Airflow or a shell script."""

from __future__ import annotations

import os
import shlex
import shutil

from howdah.errors import UserError
from howdah.launch.files.hdfs import words
from howdah.launch.files.paths import is_uri
from howdah.launch.runners.hadoop import jobconf_of
from howdah.launch.runners.shipping import ODD_PATH, ONE_THREAD, plain_path, zip_mrjob, zip_package
from howdah.task.plans import Plan


def check_streaming(options) -> None:
    """Refuse what the printed command could not run with."""
    if not options.output_dir:
        raise UserError("--print-streaming needs --output-dir, where the job is to write.")
    if os.path.exists(options.print_streaming):
        raise UserError("The folder %s exists already; give another --print-streaming."
                        % options.print_streaming)
    odd = ODD_PATH.search(os.path.abspath(options.print_streaming))
    if odd:
        raise UserError("The folder %s holds %r, which Hadoop's -files cannot carry; give another"
                        " --print-streaming." % (os.path.abspath(options.print_streaming),
                                                 odd.group()))
    for path in [*options.args, options.output_dir]:
        if not is_uri(path):
            raise UserError("The command of --print-streaming runs on the cluster alone, but %s is"
                            " a path on this machine; give -r hadoop and a URI, hdfs://..." % path)


def streaming_command(launch, job_class, plan: Plan, shipped: dict, folder: str) -> str:
    """Write what the job ships into a local folder; the command line that runs it.

    The plan holds all options; the input and output folders may be changed in the command.
    `shipped` are files that the tasks are given besides those of the user's options, by option.
    """
    options = launch.options
    os.makedirs(folder)
    script = shutil.copy(job_class.mr_job_script(), folder)
    plan_path = os.path.join(folder, "plan.json")
    with open(plan_path, "wb") as file:
        file.write(plan.to_json(sliced=False))
    own = [os.path.abspath(path) for path in (
        script, plan_path, zip_package(folder, job_class), zip_mrjob(folder))]
    extra = {option: plain_path(path, folder)
             for option, path in {**launch.job.shipped_files(), **shipped}.items()}
    jobconf = jobconf_of(job_class, options.jobconf)
    if job_class.MAP_ONLY:
        jobconf["mapreduce.job.reduces"] = "0"
    python = "env/bin/python" if options.worker_env else " ".join(
        words(options.task_python_bin) or words(options.python_bin) or ["python3"])
    cmdenv = {**ONE_THREAD, **(options.cmdenv or {})}
    cmdenv["PYTHONPATH"] = ":".join(
        ["howdah.zip", "mrjob.zip", *filter(None, [cmdenv.get("PYTHONPATH")])])
    run = "%s %s --step-num=0 %%s --plan plan.json%s" % (
        python, os.path.basename(script), "".join(
            " %s %s" % (option, os.path.basename(path)) for option, path in extra.items()))
    command = ["hadoop", "jar", launch.backend.streaming_jar or "hadoop-streaming.jar"]
    for name, value in sorted(jobconf.items()):
        command += ["-D", "%s=%s" % (name, value)]
    command += ["-files", ",".join([*own, *extra.values()])]
    if options.worker_env:
        command += ["-archives", plain_path(options.worker_env, folder) + "#env"]
    for name, value in sorted(cmdenv.items()):
        command += ["-cmdenv", "%s=%s" % (name, value)]
    for path, _ in launch.inputs.files:
        command += ["-input", path]
    command += ["-output", options.output_dir, "-mapper", run % "--mapper"]
    if not job_class.MAP_ONLY:
        command += ["-reducer", run % "--reducer"]
    return " ".join(map(shlex.quote, command))
