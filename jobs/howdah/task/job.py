"""The base class of all jobs: what a task is, from its input to its report."""

from __future__ import annotations

import json
import traceback
from argparse import SUPPRESS
from functools import cached_property
from typing import Iterable, Iterator, Optional

from howdah.arithmetic import refusal, strict
from howdah.errors import OutOfRange, UserError
from howdah.input.batches import Batch, batches, rows_per_batch
from howdah.input.layout import Layout
from howdah.input.lines import (
    Block,
    blocks_of_lines,
    read_blocks,
    read_slice,
    task_input,
    widen_pipe,
)
from howdah.input.parse import Parser
from howdah.input.row_counts import RowCounts, merged
from howdah.options import add_cluster_options, add_input_options
from howdah.task.malloc import keep_freed_memory
from howdah.task.mapreduce import BytesValueProtocol, MRJob, MRStep
from howdah.task.plans import Plan
from howdah.task.records import RecordProtocol, dump_json
from howdah.task.reports import BAD_LINE, COUNTERS, FAILED_LINE, FAILURE, ROWS

# What another attempt, perhaps on another node, may get past.
RETRIED = (OSError, MemoryError)


class HowdahJob(MRJob):
    """A job whose mapper works on batches of points.

    The launcher resolves all options into one *plan*, a JSON file that every task is given; tasks
    know no other option. Subclasses define `add_options`, and for the tasks `map_batches` and, if
    they reduce, `reducer`. Input: rows in any layout. Output: records (key, value), among them
    `rows`: the counts of rows used, skipped and refused.
    """

    #: The class of the job's plan, and the launcher's module whose `run_alone` makes it.
    PLAN: type[Plan] = Plan
    LAUNCHER = ""

    INPUT_PROTOCOL = BytesValueProtocol
    INTERNAL_PROTOCOL = RecordProtocol
    OUTPUT_PROTOCOL = RecordProtocol

    MAP_ONLY = False

    #: Whether a task is done with a block of input in less time than it takes to start.
    CHEAP_ROWS = True

    #: Whether rows of weight 0 are left out of the batches.
    WEIGHING = False

    #: Whether batches keep their input lines.
    keep_lines = False

    def configure_args(self):
        super().configure_args()
        # Abbreviated options would swallow mrjob's.
        self.arg_parser.allow_abbrev = False
        self.add_file_arg("--plan", help=SUPPRESS)
        add_input_options(self.arg_parser)
        add_cluster_options(self.arg_parser)
        self.add_options(self.arg_parser)

    def add_options(self, parser) -> None:
        """The job's own options, read by the launcher alone."""

    def steps(self):
        if self.MAP_ONLY:
            return [MRStep(mapper=self.mapper)]
        return [MRStep(mapper=self.mapper, reducer_init=self.reducer_init, reducer=self.reducer,
                       reducer_final=self.reducer_final)]

    # tasks

    @cached_property
    def _plan_file(self) -> tuple:
        """The plan, and whether the lines of the input name parts of local files; read once."""
        with open(self.options.plan, "rb") as file:
            return self.PLAN.from_json(file.read())

    @property
    def plan(self):
        """What the launcher decided."""
        return self._plan_file[0]

    @property
    def sliced(self) -> bool:
        return self._plan_file[1]

    @property
    def layout(self) -> Layout:
        return self.plan.layout

    @property
    def largest(self) -> Optional[float]:
        """The magnitude beyond which rows are bad rows, if it is below that of all."""
        return None

    @property
    def needs_direction(self) -> bool:
        """Whether rows of zeros are bad rows."""
        return self.plan.metric == "cosine"

    def batch_rows(self) -> int:
        return rows_per_batch(self.layout.n_columns)

    def map_batches(self, points: Iterable[Batch]) -> Iterator[tuple]:
        """Records of one map task, from all its batches."""
        raise NotImplementedError

    def mapper(self, _, line):
        """Never called: `map_pairs` takes whole splits. mrjob asks for its name only."""
        raise AssertionError("map_pairs handles the input")

    def run_mapper(self, step_num=0):
        # Spark does not call this: there the lines come as pairs, not on standard input.
        self._lines_on_stdin = not self.options.args
        super().run_mapper(step_num)

    def map_pairs(self, pairs, step_num=0):
        yield from self._reported(self._mapped(pairs), pairs)

    def _mapped(self, pairs) -> Iterator[tuple]:
        """Records of one map task, and what it tells of its rows."""
        keep_freed_memory()
        parser = Parser(self.layout, self.keep_lines, nonzero=self.needs_direction,
                        keep_refused=self.MAP_ONLY, largest=self.largest)
        points = batches(parser, self._blocks(pairs), self.batch_rows(), self.WEIGHING)
        for record in self.map_batches(points):
            yield record
            if parser.refused:
                yield from self.refused_rows(parser)
        yield from self.refused_rows(parser)
        yield from self._tell(parser.row_counts)

    def reducer_init(self):
        """Nothing to begin with; mrjob's own would be an error."""

    def reducer_final(self):
        """Nothing more to say at the end of a reduce task."""
        return ()

    def reduce_pairs(self, pairs, step_num=0):
        yield from self._reported(super().reduce_pairs(pairs, step_num), pairs)

    def _reported(self, records: Iterable[tuple], pairs) -> Iterator[tuple]:
        """A task's records; what fails on their way, the plan too, is told instead of raised."""
        try:
            with strict():
                yield from records
        except RETRIED:
            raise
        except Exception as error:
            yield from self._tell_failure(refusal(error))
            self._read_to_the_end(pairs)

    @staticmethod
    def rows_of(line: bytes) -> int:
        """How many rows a line of a map-only job's output is for."""
        return 1

    def _read_to_the_end(self, pairs) -> None:
        """Hadoop takes a task that leaves input unread for a broken one."""
        if getattr(self, "_lines_on_stdin", False):
            while self.stdin.read(1 << 20):
                pass
        for _ in pairs:
            pass

    def refused_rows(self, parser: Parser) -> Iterator[tuple]:
        """Map-only jobs have no reducer to report to: their output answers bad rows in place."""
        for example in parser.take_refused():
            yield None, BAD_LINE + dump_json(example)

    def _tell_failure(self, error: BaseException) -> Iterator[tuple]:
        """An error that another attempt would only repeat travels as a record.

        Raised, it would cost four attempts and, on YARN, never reach the user's terminal.
        """
        kind = ("numbers" if isinstance(error, OutOfRange)
                else "user" if isinstance(error, UserError) else "bug")
        text = traceback.format_exc() if kind == "bug" else str(error)
        record = {"kind": kind, "text": text}
        if self.MAP_ONLY:
            self.increment_counter(COUNTERS, FAILURE)
            yield None, FAILED_LINE + dump_json(record)
        else:
            yield FAILURE, record

    def _tell(self, row_counts: RowCounts) -> Iterator[tuple]:
        """How a task reports its rows."""
        if not self.MAP_ONLY:
            yield ROWS, row_counts.to_dict()
            return
        for name, count in row_counts.counts().items():
            self.increment_counter(COUNTERS, name, count)

    def _blocks(self, pairs) -> Iterator[Block]:
        if self.sliced:
            for _, line in pairs:
                place = json.loads(line)
                yield from read_slice(place["path"], place["start"], place["stop"])
        elif getattr(self, "_lines_on_stdin", False):
            widen_pipe(self.stdin)
            yield from read_blocks(self.stdin, *task_input())
        else:
            yield from blocks_of_lines(line for _, line in pairs)

    def reduce_report(self, key: str, values: Iterable) -> Iterator[tuple]:
        """The reducer of the records that every job has."""
        if key == ROWS:
            yield ROWS, merged(values).to_dict()
        elif key == FAILURE:
            yield FAILURE, next(iter(values))

    # launching

    #: The class of mrjob that runs the job, as the launcher's backend sets it; None: mrjob's own.
    runner_class: Optional[type] = None

    def _runner_class(self):
        return self.runner_class or super()._runner_class()

    def shipped_files(self) -> dict:
        """The files that the user's options ship beside the plan, by option."""
        given = {action.option_strings[0]: getattr(self.options, action.dest)
                 for action in self.arg_parser._actions if action.dest in self._file_arg_dests}
        return {option: path for option, path in given.items()
                if path is not None and option != "--plan"}
