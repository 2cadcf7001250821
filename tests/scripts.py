"""Running the project's scripts as a user would, in this process: a quarter of a second, not three.

    ran = run("driver", "data/iris.csv", "-k", 3)
    ran.code, ran.out, ran.err
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator
from unittest.mock import patch

import numpy as np
from generators import write_csv
from howdah import entry
from howdah.launch.launch import Launch

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "data"
IRIS, DIGITS, WORDCOUNT = DATA / "iris.csv", DATA / "digits.csv.gz", DATA / "wordcount.svm"
VOCABULARY = DATA / "wordcount.vocabulary.txt"
IRIS_ARGS = (IRIS, "-k", 3, "--ignore-columns", "label")
DIGITS_ARGS = (DIGITS, "-k", 10, "--ignore-columns", "label")

JOBS = {"kmeans_round": "KMeansRound", "kmeans_sample": "KMeansSample",
        "kmeans_assign": "KMeansAssign", "knn": "KNN", "pack": "Pack"}

# A script of a user whose workers have a bug.
BROKEN_JOB = '''
from howdah.entry import run
from howdah.scripts.kmeans_round import KMeansRound


class Broken(KMeansRound):
    def map_batches(self, points):
        raise ZeroDivisionError("a bug in the worker")


if __name__ == "__main__":
    run(Broken)
'''


@dataclass
class Ran:
    """What a script left: exit code, standard output and error."""

    code: int
    out: str
    err: str

    def rows(self) -> list:
        """Standard output read as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def table(self) -> list:
        """Standard output read as lines of tab-separated fields."""
        return [line.split("\t") for line in self.out.splitlines()]


def run(script: str, *args) -> Ran:
    """Run a script with its own sys.argv, output and error; exceptions of bugs pass through."""
    with _own_output() as (out, err):
        with patch.object(sys, "argv", [script + ".py", *map(str, args)]):
            try:
                code = _entry(script)()
            except SystemExit as stop:
                code = stop.code
        return Ran(int(code or 0), _text(out), _text(err))


def succeed(script: str, *args) -> Ran:
    """Run a script that must exit with 0."""
    ran = run(script, *args)
    assert ran.code == 0, ran.err
    return ran


def refused(script: str, *args) -> str:
    """The sentence of a script that must exit with 2, print nothing and show no traceback."""
    ran = run(script, *args)
    assert ran.code == 2, (ran.code, ran.err)
    assert ran.out == "" and "Traceback" not in ran.err
    assert ran.err.count("error: ") == 1, ran.err
    return ran.err.partition("error: ")[2].strip()


def plan_of(launch: Launch) -> Any:
    """The plan that the launcher of a script makes of its options."""
    return importlib.import_module(launch.job.LAUNCHER).plan_of_options(launch)


def map_task(job_class, folder: Path, plan, stdin: bytes, *args) -> bytes:
    """What a map task of a job writes that reads lines, as on a cluster; `folder` is for its plan.

    args  the options of files that are shipped to it
    """
    (folder / "plan.json").write_bytes(plan.to_json(sliced=False))
    task = job_class(["--mapper", "--plan", str(folder / "plan.json"), *map(str, args)])
    task.sandbox(stdin=io.BytesIO(stdin), stdout=io.BytesIO())
    task.execute()
    return task.stdout.getvalue()


def task_without_rows(job_class, folder: Path, *args) -> bytes:
    """What a map task of a job launched with these arguments writes that gets no line."""
    return map_task(job_class, folder, plan_of(Launch(job_class([*map(str, args)]))), b"")


def history(folder) -> list:
    """The rounds of an output folder."""
    return [json.loads(line) for line in (Path(folder) / "rounds.jsonl").read_text().splitlines()]


def steps_of(folder: Path) -> Path:
    """Where the run of an output folder keeps its steps."""
    manifest = json.loads((folder / ".howdah" / "manifest.json").read_text())
    return folder / ".howdah" / manifest["run"]


def centroids_of(folder: Path) -> np.ndarray:
    """The centroids (k, d) in a driver's output folder."""
    return np.loadtxt(folder / "centroids.csv", delimiter=",", skiprows=1, ndmin=2)


def model_of(folder: Path) -> dict:
    """The model in a driver's output folder."""
    return json.loads((folder / "model.json").read_text())


def start_file(path: Path, X: np.ndarray, k: int) -> np.ndarray:
    """A file of k data rows plus noise of 1e-3 standard deviations, so that no exact ties occur."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(k, X.shape[1])) * 1e-3 * X.std(axis=0)
    start = X[rng.choice(len(X), k, replace=False)] + noise
    write_csv(path, start)
    return start


def _entry(script: str):
    module = importlib.import_module("howdah.scripts." + script)
    return (lambda: entry.run(getattr(module, JOBS[script]))) if script in JOBS else module.main


@contextmanager
def _own_output() -> Iterator[tuple]:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
                for _ in range(2))
    loggers = [logging.getLogger(name) for name in ("mrjob", "__main__")]
    before = [(logger, list(logger.handlers), logger.level) for logger in loggers]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield out, err
    finally:
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]
