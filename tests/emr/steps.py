"""Steps made by hand, for tests of what EMR does with them."""
from __future__ import annotations

import time
from typing import Callable


def step_args(emr, folder: str, mapper: str = "cat", /, *first: str, **changed) -> list[str]:
    """A map-only step by hand: ``first`` goes before all else, ``changed`` replaces options."""
    options = {"input": emr.uri(folder + "/in"), "output": emr.uri(folder + "/out"),
               "mapper": mapper, **changed}
    words = ["hadoop-streaming", *first, "-D", "mapreduce.job.reduces=0"]
    for name, value in options.items():
        words += [] if value is None else ["-" + name, value]
    return words


def add_step(emr, cluster, args: list[str], jar: str = "command-runner.jar",
             on_failure: str = "CONTINUE") -> str:
    step = {"Name": "by hand", "ActionOnFailure": on_failure,
            "HadoopJarStep": {"Jar": jar, "Args": args}}
    client = emr.standin.client("emr")
    return client.add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"][0]


def end_of(emr, cluster, step_id: str) -> str:
    """The state in which a step ends."""
    client = emr.standin.client("emr")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = client.describe_step(ClusterId=cluster, StepId=step_id)["Step"]["Status"]["State"]
        if state not in ("PENDING", "RUNNING"):
            return state
        time.sleep(0.05)
    raise AssertionError("the step did not end")


def submit(emr, cluster, args: list[str], jar: str = "command-runner.jar") -> tuple[str, str]:
    """Run one step without mrjob: its state at the end, and its stderr log."""
    step_id = add_step(emr, cluster, args, jar)
    state = end_of(emr, cluster, step_id)
    return state, emr.logs(cluster, f"steps/{step_id}/stderr.gz")


def parts(emr, folder: str) -> list[bytes]:
    """The contents of a step's output files; it must have succeeded."""
    keys = emr.keys(folder + "/out/")
    assert folder + "/out/_SUCCESS" in keys
    return [emr.get(emr.uri(key)) for key in keys if "/part-" in key]


def state_of(emr, cluster) -> str:
    found = emr.standin.client("emr").describe_cluster(ClusterId=cluster)
    return found["Cluster"]["Status"]["State"]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 30 s"
        time.sleep(0.05)
