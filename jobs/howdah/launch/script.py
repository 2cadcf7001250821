"""A job's script run by itself."""

from __future__ import annotations

from howdah.errors import OK
from howdah.launch.console import guarded, notice, set_up_logging
from howdah.launch.launch import Launch
from howdah.launch.runners.streaming import check_streaming, streaming_command


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
                done = outcome.row_counts
            job.show(launch, outcome)
    notice(done.summary())
    return OK
