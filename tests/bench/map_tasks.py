"""Map tasks without a runner: the plan that the launcher would ship, and its parts."""

from __future__ import annotations

import io
import json
from importlib import import_module
from pathlib import Path

from howdah.clustering.rounds import recentred
from howdah.input.batches import batches
from howdah.input.lines import read_slice
from howdah.input.parse import Parser
from howdah.kmeans.recentre import Recentred
from howdah.launch.inputs import slices
from howdah.launch.launch import Launch
from howdah.scripts.kmeans_round import KMeansRound
from howdah.task.records import RecordProtocol

KMeansRound.set_up_logging(quiet=True)


class Tasks:
    """The map tasks of a job over an input, a path; the plan is made as the launcher makes it."""

    def __init__(self, job_class, input: Path, folder: Path, *options: str):
        job = job_class([str(input), *options, "--no-conf", "-r", "inline"])
        with Launch(job) as launch:
            self.plan = import_module(job.LAUNCHER).plan_of_options(launch)
            self.files = launch.inputs.files
        self.path = folder / ("%s-%s.plan" % (input.name, job_class.__name__))
        self.path.write_bytes(self.plan.to_json(sliced=True))

    def inputs(self, tasks: int) -> list:
        """What each of about so many tasks gets on its standard input."""
        lines = [json.dumps(part).encode() + b"\n" for part in slices(self.files, tasks)]
        return [b"".join(lines[i::tasks]) for i in range(min(tasks, len(lines)))]


class RoundTasks(Tasks):
    """Those of a round from a file of centroids, the profile by a scan of the input."""

    def __init__(self, input: Path, centroids: Path, folder: Path):
        super().__init__(KMeansRound, input, folder, "--centroids", str(centroids))
        plan = self.plan
        self.space, self.layout = plan.space, plan.layout
        self.centroids = plan.centroids[0]

    def map(self, tasks: int = 1) -> bytes:
        """The output of about so many tasks over the whole input, in this process."""
        return b"".join(self._run("--mapper", given) for given in self.inputs(tasks))

    def _run(self, kind: str, stdin: bytes) -> bytes:
        job = KMeansRound([kind, "--plan", str(self.path)])
        stdout = io.BytesIO()
        job.sandbox(stdin=io.BytesIO(stdin), stdout=stdout)
        job.execute()
        return stdout.getvalue()

    def reduce(self, output: bytes) -> bytes:
        """What one reduce task makes of the records of all map tasks, in this process."""
        ordered = sorted(output.splitlines(keepends=True), key=lambda line: line.split(b"\t")[0])
        return self._run("--reducer", b"".join(ordered))

    def result(self, output: bytes) -> Recentred:
        """What the records of all map tasks say of the centroids."""
        return self.drive(self.reduce(output))

    def drive(self, output: bytes) -> Recentred:
        """What the records of the reduce task say of the centroids."""
        records: dict = {}
        for line in output.splitlines():
            key, value = RecordProtocol().read(line)
            records.setdefault(key, []).append(value)
        if "failure" in records:
            raise AssertionError(records["failure"])
        return recentred(records, self.centroids, self.space)

    def batches(self):
        """The batches that a task works on."""
        parser = Parser(self.layout)
        blocks = (block for part in slices(self.files, 1)
                  for block in read_slice(part["path"], part["start"], part["stop"]))
        job = KMeansRound(["--mapper", "--plan", str(self.path)])
        return batches(parser, blocks, job.batch_rows())
