"""Which column is which: every reader of two files' columns takes them by name, or refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from generators import write_csv, write_jsonl
from pytest import approx
from scripts import refused, run, succeed

from howdah.errors import UserError
from howdah.input.columns import are_numbers, in_order_of, places_of
from howdah.input.detect import detect
from howdah.input.layout import Layout, InputOptions

NAMES = ["height", "weight", "age", "milk, warm"]
# Turned by one place, which no other permutation undoes by mistake.
TURNED = NAMES[1:] + NAMES[:1]
# Every row has two columns that are not 0, so that --from-points has something left to answer.
X = np.array([[1.0, 0, 200, 0], [2, 0, 220, 0], [0, 31, 0, 5], [0, 30, 0, 7], [9, 4, 0, 0],
              [8, 5, 0, 0], [0, 0, 230, 1], [0, 29, 0, 6], [9.5, 4.5, 0, 0]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table with names, and what every script makes of it."""
    folder = tmp_path_factory.mktemp("columns")
    csv(folder / "table", NAMES, X)
    succeed("driver", folder / "table.csv", "-k", 3, "--output-dir", folder / "model")
    succeed("knn_index", folder / "table.csv", "-o", folder / "index")
    succeed("knn_index", folder / "table.csv", "--transpose", "--metric", "cosine", "-o",
            folder / "items")
    return folder


# Formats: each writes rows with names behind a path without its ending, and says where.

def csv(path: Path, names: list, rows: np.ndarray) -> Path:
    write_csv(path.with_suffix(".csv"), rows, ['"%s"' % name for name in names])
    return path.with_suffix(".csv")


def tsv(path: Path, names: list, rows: np.ndarray) -> Path:
    write_csv(path.with_suffix(".tsv"), rows, names, delimiter="\t")
    return path.with_suffix(".tsv")


def jsonl(path: Path, names: list, rows: np.ndarray) -> Path:
    write_jsonl(path.with_suffix(".jsonl"), rows, names)
    return path.with_suffix(".jsonl")


def packed(path: Path, names: list, rows: np.ndarray) -> Path:
    succeed("pack", csv(path, names, rows), "--output-dir", path.with_suffix(".packed"))
    return path.with_suffix(".packed")


FORMATS = [csv, tsv, jsonl, packed]


# Readers: each gives (script, its options) in the folder, and what is to be equal of its output.

def labels(ran) -> list:
    return [row[:2] for row in ran.table()]


def costs(ran) -> list:
    return [(row["count"], approx(row["cost"], rel=1e-9)) for row in ran.rows()]


def first_cost(ran) -> list:
    """The cost of the start, and that the centroids need not move."""
    assert "converged: the centroids no longer move" in ran.err, ran.err
    return re.findall(r"cost [\d.]+", ran.err)


def neighbors(ran) -> list:
    return [row["neighbors"] for row in ran.rows()]


READERS: dict = {
    "kmeans_assign": ("kmeans_assign", ["--model", "model"], labels),
    "--centroids folder": ("kmeans_round", ["--centroids", "model"], costs),
    "--centroids model.json": ("kmeans_round", ["--centroids", "model/model.json"], costs),
    "--centroids csv": ("kmeans_round", ["--centroids", "model/centroids.csv"], costs),
    "--profile": ("kmeans_round", ["--centroids", "model", "--profile", "model/profile.json"],
                  costs),
    "--init folder": ("driver", ["-k", 3, "--init", "model"], first_cost),
    "--init csv": ("driver", ["-k", 3, "--init", "model/centroids.csv"], first_cost),
    "knn": ("knn", ["--index", "index", "-n", 2], neighbors),
    "knn --radius": ("knn", ["--index", "index", "--radius", 5], neighbors),
    "--from-points": ("knn", ["--index", "items", "--from-points", "-n", 1], neighbors)}


def asked(reader: str, folder: Path, path: Path, *more) -> tuple:
    """The script and its arguments."""
    script, options, _ = READERS[reader]
    named = {"model", "index", "items"}
    return (script, path, *[folder / o if str(o).split("/")[0] in named else o for o in options],
            *more)


def answer(reader: str, folder: Path, path: Path, *more):
    return READERS[reader][2](succeed(*asked(reader, folder, path, *more)))


def turned(rows: np.ndarray) -> np.ndarray:
    return np.roll(rows, -1, axis=1)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("reader", READERS)
def test_columns_in_another_order_are_found_by_name(
        tmp_path: Path, folder: Path, reader: str, form: Callable) -> None:
    assert answer(reader, folder, form(tmp_path / "x", TURNED, turned(X))) == (
        answer(reader, folder, folder / "table.csv"))


@pytest.mark.parametrize("reader", READERS)
def test_blanks_and_quotes_are_no_part_of_a_name(
        tmp_path: Path, folder: Path, reader: str) -> None:
    write_csv(tmp_path / "x.csv", turned(X), ['"weight" ', ' "age"', ' "milk, warm"', "  height "])
    assert answer(reader, folder, tmp_path / "x.csv") == (
        answer(reader, folder, folder / "table.csv"))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("reader", READERS)
def test_other_names_are_refused_with_both_lists(
        tmp_path: Path, folder: Path, reader: str, form: Callable) -> None:
    path = form(tmp_path / "x", ["height", "weight", "depth", "milk, warm"], X)
    message = refused(*asked(reader, folder, path))
    assert message.startswith("The columns of the input are height, weight, depth, milk, warm, but"
                              " th")
    assert " are height, weight, age, milk, warm; add the missing age and leave out the others" in (
        message)
    assert message.endswith(" with --ignore-columns depth.")


@pytest.mark.parametrize("form", [csv, packed])
@pytest.mark.parametrize("reader", READERS)
def test_more_columns_are_refused_with_the_option_that_leaves_them_out(
        tmp_path: Path, folder: Path, reader: str, form: Callable) -> None:
    wider = np.column_stack([np.arange(len(X)), turned(X), X[:, 0]])
    path = form(tmp_path / "x", ["number", *TURNED, "x"], wider)
    option, given = refused(*asked(reader, folder, path)).rstrip(".").split()[-2:]
    assert (option, given) == ("--ignore-columns", "number,x")
    assert answer(reader, folder, path, option, given) == (
        answer(reader, folder, folder / "table.csv"))


def test_a_column_whose_name_holds_a_comma_is_left_out_by_its_number(
        tmp_path: Path, folder: Path) -> None:
    path = csv(tmp_path / "x", ["height", "weight", "a, b", "age", "milk, warm"],
               np.insert(X, 2, 7, axis=1))
    assert refused(*asked("knn", folder, path)).endswith("with --ignore-columns 2.")
    assert answer("knn", folder, path, "--ignore-columns", 2) == (
        answer("knn", folder, folder / "table.csv"))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("reader", READERS)
def test_fewer_columns_are_refused_with_both_lists(
        tmp_path: Path, folder: Path, reader: str, form: Callable) -> None:
    message = refused(*asked(reader, folder, form(tmp_path / "x", NAMES[:2], X[:, :2])))
    assert "The columns of the input are height, weight, but" in message
    assert message.endswith("are height, weight, age, milk, warm; add the missing age, milk, warm.")


@pytest.mark.parametrize("form", [csv, tsv, packed])
@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_stands_twice_tells_no_columns_apart(
        tmp_path: Path, folder: Path, reader: str, form: Callable) -> None:
    message = refused(*asked(reader, folder, form(
        tmp_path / "x", ["weight", "age", "age", "height"], X)))
    assert "The columns of the input are weight, age, age, height, but" in message
    assert message.endswith("; 'age' stands twice, so that names do not tell the columns apart:"
                            " give each one a name of its own.")


@pytest.mark.parametrize("names", [None, ["0", "1", "2", "3"]])
@pytest.mark.parametrize("reader", READERS)
def test_columns_without_names_are_taken_in_their_order(
        tmp_path: Path, folder: Path, reader: str, names) -> None:
    """pandas calls them 0, 1, 2, ... for want of names."""
    header = ["--header"] if names else []
    write_csv(tmp_path / "x.csv", X, names)
    assert answer(reader, folder, tmp_path / "x.csv", *header) == (
        answer(reader, folder, folder / "table.csv"))
    write_csv(tmp_path / "x.csv", X[:, :3], names and names[:3])
    message = refused(*asked(reader, folder, tmp_path / "x.csv", *header))
    assert {"3", "4"} <= set(re.findall(r"\b\d+\b", message)) and "columns" in message


def test_the_same_names_twice_over_are_in_the_same_order(tmp_path: Path) -> None:
    path = csv(tmp_path / "x", ["size", "size", "cost", "cost"], X)
    succeed("driver", path, "-k", 3, "--output-dir", tmp_path / "model", "--assign")
    succeed("knn_index", path, "-o", tmp_path / "index")
    for reader in ("kmeans_assign", "--centroids csv", "--profile", "--init folder"):
        answer(reader, tmp_path, path)
    assert [row[0] for row in answer("knn", tmp_path, path)] == [[i, 0] for i in range(len(X))]


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_tasks_of_local_runners_turn_columns_too(
        tmp_path: Path, folder: Path, runner: str) -> None:
    path = csv(tmp_path / "x", TURNED, turned(X))
    args = ("-r", runner, "--jobconf", "mapreduce.job.maps=2")
    assert answer("knn", folder, path, *args) == answer("knn", folder, folder / "table.csv")
    other = csv(tmp_path / "other", ["a", "b", "c", "d"], X)
    out = tmp_path / "out"
    message = refused(*asked("knn", folder, other, *args, "--output-dir", out))
    assert "those of the index %s are height, weight" % (folder / "index") in message
    assert not out.exists()


def test_numbers_that_are_names_are_compared_as_names(tmp_path: Path) -> None:
    """Years, and the items of --from-points, which are nothing but their ids."""
    years = ["2021", "2022", "2023", "2024"]
    path = csv(tmp_path / "x", years, X)
    succeed("driver", path, "-k", 3, "--header", "--output-dir", tmp_path / "model")
    succeed("knn_index", path, "--header", "-o", tmp_path / "index")
    turn = csv(tmp_path / "turned", years[1:] + years[:1], turned(X))
    other = csv(tmp_path / "other", ["2020", *years[:3]], X)
    for reader in ("kmeans_assign", "--centroids csv", "--init folder", "knn"):
        assert answer(reader, tmp_path, turn, "--header") == (
            answer(reader, tmp_path, path, "--header"))
        assert "add the missing 2024 and leave out the others with --ignore-columns 2020" in (
            refused(*asked(reader, tmp_path, other, "--header")))
    items = csv(tmp_path / "items", ["1", "2", "3", "4"], X)
    succeed("knn_index", items, "--header", "--transpose", "--metric", "cosine", "-o",
            tmp_path / "items")
    other = csv(tmp_path / "other", ["1", "2", "3", "5"], X)
    assert "the points of the index" in refused(
        *asked("--from-points", tmp_path, other, "--header"))


# the comparison itself

LAYOUT = detect(b"id,a,b,c\nx,1,2,3\n", InputOptions(id_column="id"))


def test_places_are_those_among_the_layouts_columns() -> None:
    assert places_of(["a", "b", "c"], LAYOUT, "those of it") is None
    assert places_of(["c", "a", " b "], LAYOUT, "those of it") == [2, 0, 1]
    layout = in_order_of(["c", "a", "b"], LAYOUT, "those of it")
    assert (layout.columns, layout.numeric, layout.texts) == (
        ("c", "a", "b"), (3, 1, 2), {"id": 0})


@pytest.mark.parametrize("names", [None, ["0", "1"], ["1", "2", "3"], ["4", "9", "11"]])
def test_a_side_without_names_has_no_order_of_its_own(names) -> None:
    assert places_of(names, LAYOUT, "those of it") is None


@pytest.mark.parametrize("layout", [
    Layout("svmlight", width=3), detect(b"1,2,3\n"), detect(b"[1, 2, 3]\n")])
def test_a_layout_without_names_has_none_either(layout: Layout) -> None:
    assert places_of(["c", "a", "b"], layout, "those of it") is None


@pytest.mark.parametrize("ours, theirs", [(b",,x", ["", "x", ""]), (b"a,b,a", ["b", "a", "a"]),
                                          (b"a,b,c", ["a", "b", "b"])])
def test_double_names_on_either_side_are_refused(ours: bytes, theirs: list) -> None:
    with pytest.raises(UserError, match="stands twice"):
        places_of(theirs, detect(ours + b"\n1,2,3\n"), "those of it")


def test_a_refusal_stays_readable_however_many_columns_there_are() -> None:
    wide = detect(b",".join(b"x%d" % i for i in range(5000)) + b"\n" + b",".join([b"1"] * 5000))
    with pytest.raises(UserError) as refusal:
        places_of(["a", *map("y{}".format, range(5000))], wide, "those of it")
    assert str(refusal.value) == (
        "The columns of the input are x0, x1, x2, x3, x4, x5, x6, x7, ..., but those of it are a,"
        " y0, y1, y2, y3, y4, y5, y6, ...; add the missing a, y0, y1, y2, y3, y4, y5, y6, ... and"
        " leave out the others with --ignore-columns ....")


@pytest.mark.parametrize("names, numbers", [
    (["0", "1", "2"], True), (["1", "2"], True), (["3", "7", "8"], True), (["0"], True),
    ([], False), (["a"], False), (["1", "b"], False), (["1", "0"], False), (["1", "1"], False),
    (["01", "02"], False), (["-1", "0"], False), (["1.0", "2.0"], False), (["2019", "2020"], False),
    (["\u0661"], False), (["1" * 5000], False)])
def test_numbers_of_columns(names: list, numbers: bool) -> None:
    assert are_numbers(names) is numbers


def test_a_wrong_pair_is_refused_before_anything_is_written(tmp_path: Path, folder: Path) -> None:
    path = csv(tmp_path / "x", ["a", "b", "c", "d"], X)
    for reader in ("kmeans_assign", "--centroids csv", "--init csv", "knn"):
        ran = run(*asked(reader, folder, path, "--output-dir", tmp_path / "out"))
        assert ran.code == 2 and not (tmp_path / "out").exists()
