"""-r spark gives the answers of -r inline, on local[2]."""

from __future__ import annotations

import gzip

import pytest
from scripts import DIGITS, IRIS, history, run, succeed

pytestmark = [pytest.mark.needs("pyspark"), pytest.mark.needs_java]
SPARK = ("-r", "spark", "--spark-master", "local[2]")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits in a folder of three files, plain and gz, each with its header; and a start."""
    folder = tmp_path_factory.mktemp("digits")
    header, *rows = gzip.decompress(DIGITS.read_bytes()).splitlines(keepends=True)
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_bytes(header + b"".join(rows[:500]))
    (folder / "in" / "b.csv").write_bytes(header + b"".join(rows[500:900]))
    with gzip.open(folder / "in" / "c.csv.gz", "wb") as file:
        file.write(header + b"".join(rows[900:]))
    (folder / "in" / "_SUCCESS").write_bytes(b"")
    ran = run("driver", folder / "in", "-k", 10, "--ignore-columns", "label",
              "--max-rounds", 0, "--init", "random", "--output-dir", folder / "start")
    assert ran.code == 3, ran.err
    return folder


def rounds(digits, *options):
    return succeed("kmeans_round", digits / "in", "--centroids", digits / "start",
                   "--profile", digits / "start" / "profile.json", "--ignore-columns", "label",
                   *options).rows()


def test_a_round_has_the_bits_of_inline(digits):
    assert rounds(digits, *SPARK) == rounds(digits)


def test_a_whole_run_is_within_two_percent(digits, tmp_path):
    args = ("driver", digits / "in", "-k", 10, "--ignore-columns", "label")
    succeed(*args, *SPARK, "--output-dir", tmp_path / "spark")
    succeed(*args, "--output-dir", tmp_path / "inline")
    costs = [history(tmp_path / name)[-1]["cost"] for name in ("spark", "inline")]
    assert costs[0] == pytest.approx(costs[1], rel=0.02)


def test_labels_and_neighbours_are_those_of_inline(digits, tmp_path):
    succeed("driver", IRIS, "-k", 3, "--ignore-columns", "label", "--output-dir", tmp_path / "m")
    assign = ("kmeans_assign", IRIS, "--model", tmp_path / "m")
    assert sorted(succeed(*assign, *SPARK).out.splitlines()) == sorted(
        succeed(*assign).out.splitlines())
    index = tmp_path / "iris.index.joblib"
    succeed("knn_index", IRIS, "--label-column", "label", "-o", index)
    query = ("knn", IRIS, "--index", index, "-n", 5, "--ignore-columns", "label", "--vote",
             "uniform")
    spark, inline = (succeed(*query, *options).rows() for options in (SPARK, ()))
    assert sorted(str(r["neighbors"]) for r in spark) == sorted(
        str(r["neighbors"]) for r in inline)


def test_a_bad_row_stops_the_run_with_its_text(tmp_path):
    (tmp_path / "bad.csv").write_text("1,2\n3,x\n5,6\n")
    ran = run("driver", tmp_path / "bad.csv", "-k", 2, *SPARK)
    assert ran.code == 2 and "'3,x'" in ran.err and "Traceback" not in ran.err
