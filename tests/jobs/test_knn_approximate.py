"""k-NN jobs over Annoy and FAISS candidates: their recall, and files that belong together."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scripts
from generators import write_csv
from howdah.knn.index import file_digest
from howdah.launch.launch import Launch
from howdah.scripts.knn import KNN
from scripts import DIGITS, map_task, plan_of, refused, succeed

scripts.JOBS["knn"] = "KNN"


@pytest.mark.slow
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_recall_of_an_approximate_index(shared, tmp_path, runner):
    args = (DIGITS, "--ignore-columns", "label")
    succeed("knn_index", *args, "--faiss", "IVF20,Flat", "-o", tmp_path / "ivf")
    asked = ("-n", 10, "--recall-sample", 100, "-r", runner)
    ran = succeed("knn", *args, "--index", tmp_path / "ivf", *asked)
    told = float(ran.err.partition("recall@10 ")[2].split(",")[0])
    exact = succeed("knn", *args, "--index", shared / "digits", "-n", 10).rows()
    found = [len({n for n, _ in a["neighbors"]} & {n for n, _ in b["neighbors"]})
             for a, b in zip(ran.rows(), exact)]
    assert abs(np.mean(found) / 10 - told) < 0.1 and "from 100 queries" in ran.err


@pytest.mark.slow
@pytest.mark.needs("annoy")
def test_annoy_answers_with_exact_distances(shared, tmp_path):
    args = (DIGITS, "--ignore-columns", "label")
    succeed("knn_index", *args, "--annoy", 20, "-o", tmp_path / "annoy")
    rows = succeed("knn", *args, "--index", tmp_path / "annoy", "-n", 3, "-r", "local").rows()
    exact = succeed("knn", *args, "--index", shared / "digits", "-n", 3).rows()
    assert sum(a == b for a, b in zip(rows, exact)) > 1500
    [beside] = tmp_path.glob("annoy.*.annoy")
    beside.write_bytes(b"another file")
    assert "has 12 bytes, but its index was built with one of" in refused(
        "knn", *args, "--index", tmp_path / "annoy")
    beside.unlink()
    assert "%s beside it, which is not there" % beside in refused(
        "knn", *args, "--index", tmp_path / "annoy")


def beside(path: Path) -> Path:
    """The FAISS file of an index."""
    [found] = path.parent.glob(path.name + ".*.faiss")
    return found


def two_indexes(folder: Path) -> list:
    """Indexes i and j of 40 points each, with FAISS files that differ in nothing but the points."""
    for seed, name in enumerate("ij"):
        rows = np.random.default_rng(seed).normal(size=(40, 3))
        write_csv(folder / (name + ".csv"), rows)
        succeed("knn_index", folder / (name + ".csv"), "--faiss", "Flat", "-o", folder / name)
    return [folder / "i.csv", "--index", folder / "i", "-n", 1]


@pytest.mark.needs("faiss")
def test_candidates_of_another_index_are_refused_by_name(tmp_path):
    ask = two_indexes(tmp_path)
    assert [row["neighbors"] for row in succeed("knn", *ask).rows()] == [
        [[i, 0]] for i in range(40)]
    mine, other = (beside(tmp_path / name) for name in "ij")
    said = {"": "is not the file that its index was built with, or is damaged",
            file_digest(str(tmp_path / "i")): "has the SHA-256 %s, but its index was built with a"
            " file of %s; copy both again" % (file_digest(str(other)), file_digest(str(mine)))}
    shutil.copy(other, mine)
    for digest, reason in said.items():
        given = ["--index-sha256", digest] if digest else []
        assert "%s %s" % (mine.name, reason) in refused("knn", *ask, *given, "--output-dir",
                                                        tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.needs("faiss")
def test_candidates_that_lie_on_a_cluster_are_verified_by_the_tasks(tmp_path):
    queries, *ask = two_indexes(tmp_path)
    job = KNN([str(queries), *map(str, ask)])
    plan = plan_of(Launch(job))
    assert not plan.request.verify
    files = ("--index", tmp_path / "i", "--candidates", beside(tmp_path / "i"))
    shutil.copy(beside(tmp_path / "j"), beside(tmp_path / "i"))
    plan = replace(plan, request=replace(plan.request, verify=True))
    [failure] = map_task(KNN, tmp_path, plan, queries.read_bytes(), *files).splitlines()
    assert failure.startswith(b'failure\t{"kind":"user","text":"%s has the SHA-256'
                              % str(beside(tmp_path / "i")).encode())


@pytest.mark.slow
@pytest.mark.needs("faiss")
@pytest.mark.parametrize("runner", ["inline", "local"])
@pytest.mark.parametrize("name", ["i#j", "~", "a b", "a,[1]*?", "-x", "$HOME"])
def test_files_to_ship_have_any_name(tmp_path, monkeypatch, runner, name):
    """Also one that mrjob would take for another file, which is there, and its name in tasks."""
    monkeypatch.chdir(tmp_path)
    two_indexes(tmp_path)
    lines = (tmp_path / "i.csv").read_text().splitlines()
    (tmp_path / "q.csv").write_text("".join("q%d,%s\n" % pair for pair in enumerate(lines)))
    (tmp_path / ("seen" + name)).write_text("q0\t0\n")
    mine, other = beside(tmp_path / "i").name, beside(tmp_path / "j").name
    for from_i, from_j in (("i", "j"), (mine, other)):
        shutil.move(from_i, name + from_i[1:])
        shutil.copy(from_j, "i" + from_j[1:])
    rows = succeed("knn", "q.csv", "--id-column", 0, "-n", 1, "-r", runner, "--index=" + name,
                   "--exclude=seen" + name).rows()
    assert rows[0]["neighbors"][0][1] > 0
    assert [row["neighbors"] for row in rows[1:]] == [[[i, 0]] for i in range(1, 40)]
