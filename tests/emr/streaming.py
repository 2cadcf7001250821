"""One Hadoop Streaming job, carried out from its arguments: map, combine, shuffle, reduce."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Callable

from emr.arguments import JobArguments, StepError
from emr.records import (
    DEFAULT_MAPS,
    Fields,
    Record,
    Split,
    codec,
    encoded,
    make_splits,
    partitions,
    read_split,
    shuffled,
    to_lines,
)
from emr.storage import Storage
from emr.tasks import Workers

AT_ONCE = 2


class StreamingJob:
    """A job with the number ``job_id`` ("1700000000000_0001") on its workers."""

    def __init__(self, job: JobArguments, storage: Storage, workers: Workers, job_id: str) -> None:
        self.job, self.storage, self.workers, self.job_id = job, storage, workers, job_id

    def run(self) -> None:
        """Write the output's parts and _SUCCESS; ``StepError`` leaves no output."""
        if not isinstance(self.job.output, str) or self.storage.exists(self.job.output):
            raise StepError("FileAlreadyExistsException: Output directory"
                            f" {self.job.output} already exists")
        short = codec(self.job)
        recursive = self.job.flag("mapreduce.input.fileinputformat.input.dir.recursive", False)
        files = [file for uris in self.job.inputs
                 for file in self.storage.input_files(uris, recursive)]
        self.workers.localise(self.storage)
        splits = make_splits(files, self.job.number("mapreduce.job.maps", DEFAULT_MAPS))
        for number, part in enumerate(self._parts(splits)):
            ending, data = encoded(part, short)
            self.storage.write(f"{self.job.output.rstrip('/')}/part-{number:05d}{ending}", data)
        self.storage.write(f"{self.job.output.rstrip('/')}/_SUCCESS", b"")

    def _parts(self, splits: list[Split]) -> list[bytes]:
        count = self.job.number("mapreduce.job.reduces", 1)
        if count == 0:
            fields = Fields(self.job, "map")
            outputs = self._each(self._map_output, range(len(splits)), splits)
            return [self._text(fields, output) for output in outputs]
        mapped = self._each(lambda n, split: self._map(n, split, count),
                            range(len(splits)), splits)
        inputs = [[record for parts in mapped for record in parts[n]] for n in range(count)]
        return self._each(self._reduce, range(count), inputs)

    def _map_output(self, number: int, split: Split) -> bytes:
        env = {"mapreduce_map_input_file": split.uri, "mapreduce_map_input_start": str(split.start),
               "mapreduce_map_input_length": str(split.length)}
        lines = read_split(self.storage.read(split.uri), split)
        return self._run("m", number, str(self.job.mapper), lines, env)

    def _map(self, number: int, split: Split, count: int) -> list[list[Record]]:
        fields = Fields(self.job, "map")
        parts = partitions(fields.records(self._map_output(number, split)), self.job, count)
        if not self.job.combiner:
            return parts
        # Hadoop starts a combiner for each partition of a spill that has records.
        return [fields.records(self._run("m", number, self.job.combiner,
                                         to_lines(shuffled(part)), {})) if part else []
                for part in parts]

    def _reduce(self, number: int, records: list[Record]) -> bytes:
        lines = to_lines(shuffled(records))
        if not self.job.reducer:
            return lines
        output = self._run("r", number, self.job.reducer, lines, {})
        # Streaming starts reading a reducer's output with its first key.
        return self._text(Fields(self.job, "reduce"), output) if records else b""

    def _text(self, fields: Fields, output: bytes) -> bytes:
        # Hadoop takes an empty separator for one that was not given.
        separator = self.job.conf.get("mapreduce.output.textoutputformat.separator") or "\t"
        return to_lines(fields.records(output), b"" if fields.key_only else separator.encode())

    def _run(self, kind: str, number: int, command: str, lines: bytes,
             env: dict[str, str]) -> bytes:
        name = f"task_{self.job_id}_{kind}_{number:06d}"
        where = {"mapreduce_job_id": "job_" + self.job_id, "mapreduce_task_id": name,
                 "mapreduce_task_partition": str(number),
                 "mapreduce_task_ismap": str(kind == "m").lower()}
        return self.workers.run(name, command, lines, {**where, **env})

    def _each(self, task: Callable, *arguments: Sequence) -> list:
        """Results of a task for all its arguments, two at once; the first failure ends all."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(task, *values) for values in zip(*arguments)]
            wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((f for f in futures if f.done() and f.exception()), None)
            if failed is not None:
                self.workers.kill()
                raise failed.exception() or StepError("failed")
            return [future.result() for future in futures]
