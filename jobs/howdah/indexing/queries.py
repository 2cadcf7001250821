"""Launching a k-NN job: check the index and the options, ship, tell what the tasks counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from howdah.commands import called
from howdah.errors import UserError
from howdah.input.layout import some_of
from howdah.input.lines import read_slice
from howdah.input.parse import Parser
from howdah.input.row_counts import RowCounts
from howdah.knn.answering import (
    GROUP,
    NOT_MAPPED,
    SHORT,
    TRUNCATED,
    UNKNOWN_ITEMS,
    slice_name,
)
from howdah.knn.description import (
    REBUILD,
    TAIL_BYTES,
    Description,
    checked_description,
    read_description,
)
from howdah.knn.distances import largest_value
from howdah.knn.exclusions import read_exclusions, told
from howdah.knn.index import candidates_path, load, refuse_other_candidates, refuse_other_digest
from howdah.knn.recall import Recall
from howdah.knn.request import Request
from howdah.launch.console import notice
from howdah.launch.files.paths import is_uri, local_path
from howdah.launch.script import run_or_print
from howdah.task.plans import KnnPlan


def report(counted: dict, request: Request, listed: Optional[int] = None) -> None:
    """What the tasks counted, in sentences; `listed` is how many exclusions the file has."""
    for line in told(counted, request, listed):
        notice(line)
    if counted.get(UNKNOWN_ITEMS):
        notice("%d values of queries belong to no point of the index, and were left out."
               % counted[UNKNOWN_ITEMS])
    if counted.get(SHORT):
        notice("%d queries got fewer than -n %d neighbours: the approximate index found no more."
               " Let it look at more (FAISS: nprobe, Annoy: search_k)."
               % (counted[SHORT], request.n or 0))
    if counted.get(TRUNCATED):
        notice("%d answers hold more than --max-neighbors %d neighbours within the radius: their"
               " nearest are given." % (counted[TRUNCATED], request.most))
    if counted.get(NOT_MAPPED):
        notice("warning: %d tasks could not map the index into memory and read it whole, each for"
               " itself." % counted[NOT_MAPPED])
    if request.recall_sample:
        recall = Recall.of_counts(counted)
        notice(recall.sentence(request.n) if recall.queries
               else "recall: this runner gives no counters to tell it by.")


def run_alone(launch) -> Optional[RowCounts]:
    """Answer the queries on the command line, and tell what the tasks counted."""
    options = launch.options
    description = describe_index(launch, options)
    plan = plan_of_options(launch, description)
    return run_or_print(launch, plan, shipped_candidates(launch, options, description),
                        lambda _: report(launch.counters.get(GROUP, {}), plan.request,
                                         listed_exclusions(launch)))


def listed_exclusions(launch) -> Optional[int]:
    """How many pairs of a query and a point --exclude names; None without a local file."""
    path = launch.options.exclude
    if not path or is_uri(path):
        return None
    return sum(map(len, read_exclusions(local_path(path)).values()))


def shipped_candidates(launch, options, description: Description) -> dict:
    """The file of an approximate index, by the option that gives it to tasks."""
    if not description.candidates:
        return {}
    path = candidates_path(options.index, description)
    if not launch.files.exists(path):
        raise UserError("The index %s needs %s beside it, which is not there; %s."
                        % (options.index, path, REBUILD))
    if not is_uri(path):
        refuse_other_candidates(description.candidates, local_path(path), by="size")
    return {"--candidates": path}


def plan_of_options(launch, description: Optional[Description] = None) -> KnnPlan:
    """The plan of a k-NN job; UserError for an index or options that cannot be served."""
    options = launch.options
    description = description or describe_index(launch, options)
    refuse_options(options, description)
    layout = query_layout(launch, options, description)
    refuse_unknown_queries(launch, options, layout)
    return KnnPlan(layout, description.metric, request_of(options, description), options.batch,
                   options.index_sha256, first_rows(launch, layout, description.metric))


def request_of(options, description: Description) -> Request:
    """What the options ask of an index: its 10 nearest points where they name no number."""
    n, radius = options.neighbors, options.radius
    if options.min_similarity is not None:
        radius = 1 - options.min_similarity
    if n is None and radius is None:
        n = min(10, description.n)
    return Request(options.index, bool(options.index_sha256), n, radius, most=options.max_neighbors,
                   vote=options.vote, mean=options.mean, output_format=options.output_format,
                   exclude_self=options.exclude_self, from_points=options.from_points,
                   recall_sample=options.recall_sample)


def describe_index(launch, options) -> Description:
    """The description of the index, read from its last kilobyte wherever it lies."""
    path = options.index
    if not path:
        raise UserError("--index is missing; build one with %s." % called("index"))
    launch.backend.check_paths([path])
    if is_uri(path):
        return _describe_remote(launch, path)
    path = local_path(path)
    description = read_description(path)
    if options.index_sha256:
        refuse_other_digest(path, options.index_sha256)
    return description or load(path, lambda text: notice("warning: " + text)).description


def _describe_remote(launch, uri: str) -> Description:
    found = launch.files.ls(uri)
    if not found:
        raise UserError("The index %s does not exist; build one with %s and copy it there."
                        % (uri, called("index")))
    description = checked_description(launch.files.head(uri, TAIL_BYTES),
                                      launch.files.tail(uri, TAIL_BYTES), found[0][1], uri)
    if description is None:
        raise UserError("The index %s has no description; a plain joblib dump is accepted as a"
                        " local file only." % uri)
    return description


def refuse_options(options, description: Description) -> None:
    index = options.index
    for name, value, least in (("-n", options.neighbors, 1), ("--batch", options.batch, 1),
                               ("--max-neighbors", options.max_neighbors, 1),
                               ("--radius", options.radius, 0),
                               ("--recall-sample", options.recall_sample, 1)):
        if value is not None and not value >= least:
            raise UserError("%s is %s; it must be at least %d." % (name, value, least))
    if options.neighbors is not None and options.neighbors > description.n:
        raise UserError("-n is %d, but the index %s has only %d points."
                        % (options.neighbors, index, description.n))
    if options.min_similarity is not None:
        if description.metric != "cosine":
            raise UserError("--min-similarity needs an index with --metric cosine, but %s has the"
                            " metric %s; use --radius." % (index, description.metric))
        if options.radius is not None:
            raise UserError("--min-similarity and --radius say the same; give one of them.")
        if not -1 <= options.min_similarity <= 1:
            raise UserError("--min-similarity is %s; it must be from -1 to 1."
                            % options.min_similarity)
    if options.vote and options.mean:
        raise UserError("--vote and --mean are two kinds of answer; give one of them.")
    if options.vote and not description.classes:
        raise UserError("--vote needs labels, but the index %s has none; build it with"
                        " --label-column." % index)
    if options.mean and not description.targets:
        raise UserError("--mean needs targets, but the index %s has none; build it with"
                        " --target-column." % index)
    if options.from_points and description.metric != "cosine":
        raise UserError("--from-points needs an index with --metric cosine, but %s has the metric"
                        " %s." % (index, description.metric))
    if options.recall_sample and not description.candidates:
        raise UserError("--recall-sample measures an approximate index, but %s is exact." % index)


def query_layout(launch, options, description: Description):
    """The queries' layout, of the index's width."""
    layout = launch.inputs.layout
    if layout.weight is not None:
        raise UserError("k-NN uses no sample weights; name that column in --ignore-columns.")
    width = description.n if options.from_points else description.d
    what = "points" if options.from_points else "columns"
    if layout.sparse:
        # What a user has that is no point of the index is left out, and told.
        return replace(layout, width=None if options.from_points else width)
    if layout.n_columns != width:
        if layout.named and is_uri(options.index):
            return layout  # only a task, which loads the index, knows the names
        if layout.named:
            load(local_path(options.index)).places_of_columns(layout, options.index,
                                                              options.from_points)
        raise UserError("The queries have %d columns (%s), but the index %s has %d %s."
                        % (layout.n_columns, some_of(layout.column_names()), options.index, width,
                           what))
    return layout


def refuse_unknown_queries(launch, options, layout) -> None:
    """What needs a name for every query."""
    if options.exclude and not launch.files.exists(options.exclude):
        raise UserError("The --exclude file %s does not exist." % options.exclude)
    if "id" in layout.texts:
        return
    if options.exclude:
        raise UserError("--exclude lists points by query id; name the queries' --id-column.")
    if layout.format == "packed" and not launch.backend.sliced:
        raise UserError("With -r %s packed queries need ids; pack them with --id-column."
                        % launch.backend.name)


def first_rows(launch, layout, metric: str) -> dict:
    """Where the running place of each local task's rows begins, if rows have no ids."""
    if "id" in layout.texts or not launch.backend.sliced:
        return {}
    parts = launch.backend.parts(launch.inputs)
    if len(parts) == 1:
        return {}
    first, found = 0, {}
    for part in parts:
        found[slice_name(part)] = first
        parser = Parser(layout, nonzero=metric == "cosine" and not launch.options.from_points,
                        largest=largest_value(metric))
        for block in read_slice(part["path"], part["start"], part["stop"]):
            first += sum(len(rows) for rows in parser.parse(block))
    return found
