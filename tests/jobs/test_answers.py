"""What stands in the outputs of map-only jobs: answers, each on a line of its own, nothing else."""

from __future__ import annotations

import json

import pytest
from scripts import succeed

# Ids that are words of ours, or that part fields and lines where nothing is escaped.
IDS = ["bad", "failure", "rows", "a\tb", "a\\b", "\\t", 'say "a"', " blank ", "\u00fc\u2028", "1"]
WRITTEN = ["bad", "failure", "rows", r"a\tb", r"a\\b", r"\\t", 'say "a"', " blank ", "\u00fc\u2028",
           "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Points on a line, their index and model; queries 0.1 behind them, called by odd ids."""
    folder = tmp_path_factory.mktemp("answers")
    rows = [{"name": "p%d" % i, "kind": IDS[i], "x": i} for i in range(10)]
    (folder / "points.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text("".join(
        json.dumps({"id": name, "x": i + 0.1}) + "\n" for i, name in enumerate(IDS)))
    succeed("knn_index", folder / "points.jsonl", "--id-column", "name", "--label-column", "kind",
            "-o", folder / "index")
    succeed("driver", folder / "points.jsonl", "-k", 2, "--id-column", "name", "--ignore-columns",
            "kind", "--output-dir", folder / "model")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_any_id_is_one_field(folder, tmp_path, runner):
    """Lines end at newlines alone; Python's splitlines knows other ends."""
    queries = (folder / "queries.jsonl", "--id-column", "id", "-r", runner)
    pairs = succeed("knn", *queries, "--index", folder / "index", "-n", 1, "--output-format",
                    "tsv").out.split("\n")
    assert [line.split("\t")[:2] for line in pairs[:-1]] == [
        [name, "p%d" % i] for i, name in enumerate(WRITTEN)]
    labels = succeed("kmeans_assign", *queries, "--model", folder / "model").out.split("\n")
    assert [len(line.split("\t")) for line in labels[:-1]] == [3] * len(IDS)
    assert [line.split("\t")[0] for line in labels[:-1]] == WRITTEN
    rows = [json.loads(line) for line in succeed(
        "knn", *queries, "--index", folder / "index", "-n", 1).out.split("\n")[:-1]]
    assert [row["id"] for row in rows] == IDS


def test_the_driver_writes_ids_in_the_same_way(folder, tmp_path):
    succeed("driver", folder / "queries.jsonl", "-k", 2, "--id-column", "id", "--output-dir",
            tmp_path / "out", "--assign")
    written = (tmp_path / "out" / "labels" / "part-00000").read_text(encoding="utf-8")
    assert [line.split("\t")[0] for line in written.split("\n")[:-1]] == WRITTEN


def test_any_label_is_one_field(folder):
    votes = succeed("knn", folder / "queries.jsonl", "--id-column", "id", "--index",
                    folder / "index", "-n", 1, "--vote", "uniform", "--output-format", "tsv")
    assert [line.split("\t") for line in votes.out.split("\n")[:-1]] == [
        [name, name, "1.0"] for name in WRITTEN]
