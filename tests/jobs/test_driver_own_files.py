"""What a run that goes on in its folder may remove and write over: what an earlier run wrote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from generators import blobs, write_csv
from howdah.clustering.output import Output, refuse_foreign
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import identity
from howdah.scripts.kmeans_round import KMeansRound
from scripts import history, refused, run, start_file, succeed

ROWS = blobs(60, 2, 3, seed=0)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The working folder: an earlier run's, whose input x.csv lies beside it."""
    folder = tmp_path / "here"
    write_csv(tmp_path / "x.csv", ROWS)
    start_file(tmp_path / "c.csv", ROWS, 3)
    run("driver", tmp_path / "x.csv", "-k", 3, "--init", tmp_path / "c.csv", "--max-rounds", 0,
        "--assign", "--output-dir", folder)
    monkeypatch.chdir(folder)
    return folder


def go_on(*args) -> tuple:
    """Arguments of a run in the working folder, over ../x.csv unless an input is given."""
    return ("driver", *(args or ("../x.csv",)), "-k", 3, "--init", ".", "--output-dir", ".",
            "--assign")


def everything() -> dict:
    return {path: path.read_bytes() for path in Path(".").rglob("*") if path.is_file()}


def assert_refused(place: str, *args, wrong="was not written by an earlier run") -> None:
    """Before any scan, with the folder and the file that is in it; nothing is touched."""
    before = everything()
    sentence = refused(*go_on(*args))
    assert sentence == (
        "The folder ./%s would make room for a new job, but ./%s %s; move it, or give another"
        " --output-dir." % (place.split("/")[0], place, wrong))
    assert everything() == before


# what is the user's

@pytest.mark.parametrize("place", [
    "labels/mine", "labels/.mine", "labels/part-1", "labels/part-00000.csv",
    "labels/below/part-00000", "labels/_temporary/mine", "labels/.part-00000", "labels"])
def test_a_file_that_no_job_wrote_is_not_removed(here, place):
    if place == "labels":
        shutil.rmtree("labels")
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_text("mine\n")
    assert_refused(place)


def test_links_are_not_removed(here):
    os.rename("labels", "../there")
    os.symlink("../there", "labels")
    assert_refused("labels")
    os.remove("labels")
    os.mkdir("labels")
    os.symlink("../../there", "labels/part-00000")
    assert_refused("labels/part-00000")


def test_what_is_not_in_the_way_stays(here):
    for place in ("notes/mine", "sample/mine", "round-99/mine", "k-3/mine", "labels/mine"):
        Path(place).parent.mkdir(exist_ok=True)
        Path(place).write_text("mine\n")
    succeed(*go_on()[:-1])
    assert all((here / place).read_text() == "mine\n" for place in (
        "notes/mine", "sample/mine", "round-99/mine", "k-3/mine", "labels/mine"))
    assert len(history(".")) > 1


@pytest.mark.parametrize("names", [
    ["part-00000.gz", "_SUCCESS", "._SUCCESS.crc", ".part-00000.gz.crc"],
    ["_temporary/0/_temporary/attempt_17_0001_r_000000_0/part-00000", "_temporary_$folder$",
     "_temporary/0/task_17_0001_r_000000/.part-00000.crc", "part-123456.deflate"],
    ["plan.json", "part-00000"], []])
def test_what_an_earlier_job_left_makes_room(here, names):
    shutil.rmtree("labels")
    for name in [*names, "empty/below"]:
        (here / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (here / "labels" / name).write_text("earlier\n")
    ran = succeed(*go_on())
    assert "60 rows used" in ran.err and len(history(".")) > 1
    assert all(name.startswith(("part-0", "_SUCCESS")) for name in os.listdir("labels"))
    assert "earlier" not in (here / "labels" / "part-00000").read_text()


def test_a_link_to_the_output_folder_is_followed(here):
    os.symlink("here", "../link")
    Path("labels/mine").write_text("mine\n")
    assert "../link/labels/mine was not written by an earlier run;" in refused(
        "driver", "../x.csv", "-k", 3, "--init", "../link", "--output-dir", "../link/", "--assign")
    os.remove("labels/mine")
    succeed("driver", "../x.csv", "-k", 3, "--init", "../link", "--output-dir", "../link/")


def test_what_comes_while_the_run_goes_on_stays_too(here, monkeypatch):
    class Disturbed(KMeansRound):
        def map_batches(self, points):
            (here / "labels" / "mine").write_text("mine\n")
            return super().map_batches(points)

    monkeypatch.setattr("howdah.scripts.driver.KMeansRound", Disturbed)
    shutil.copy("../c.csv", "centroids.csv")
    ran = run(*go_on(), "--tol", 0)
    assert ran.code == 1 and "./labels/mine was not written by an earlier run" in ran.err
    assert ran.err.endswith("Go on with: python driver.py --resume .\n")
    assert (here / "labels" / "mine").exists() and len(history(".")) > 2


# what is an input

def test_an_input_is_not_removed_whatever_it_is_called(here):
    os.rename("../x.csv", "labels/part-00000")
    os.symlink("here/labels/part-00000", "../link.csv")
    os.symlink("here/labels", "../linked")
    for name in ("labels/part-00000", here / "labels" / "part-00000", "labels", "./*/part-00000",
                 "../here/labels/part-0000?", "../link.csv", "../linked", "file://%s" % (
                     here / "labels")):
        assert_refused("labels/part-00000", name, wrong="is an input")
    os.link("labels/part-00000", "../hard.csv")
    assert_refused("labels/part-00000", "../hard.csv", wrong="is an input")


def test_an_input_among_others_and_below_the_folder(here):
    os.remove("labels/part-00000")
    shutil.copy("../x.csv", "labels/part-00000")
    assert_refused("labels/part-00000", "../x.csv", "labels", wrong="is an input")
    os.rename("labels", "data")
    ran = succeed(*go_on("data", "../x.csv"))
    assert "120 rows used" in ran.err and Path("data/part-00000").exists()


def test_results_are_not_written_over_an_input(here):
    before = everything()
    for name in ("centroids.csv", "c*.csv", "../here/centroids.csv"):
        assert refused(*go_on("../x.csv", name, "--no-header")) == (
            "This run would write over ./centroids.csv, which is an input; move it, or give another"
            " --output-dir.")
    assert everything() == before


# a folder that is no run's

def test_a_folder_with_centroids_alone_may_be_gone_on_in(tmp_path, monkeypatch):
    """What stood there beside them stays; with files by the names of a run's it is refused."""
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    write_csv(tmp_path / "x.csv", ROWS)
    start_file(tmp_path / "mine" / "centroids.csv", ROWS, 3)
    Path("notes").write_text("mine\n")
    for name, text in (("model.joblib", "mine\n"), ("profile.json", '{"name": "mine"}\n'),
                       ("rounds.jsonl", '{"round": 2, "mine": 1}\n')):
        Path(name).write_text(text)
        before = everything()
        assert refused(*go_on()) == (
            "This run would write over ./%s, which was not written by an earlier run; move it, or"
            " give another --output-dir." % name)
        assert everything() == before
        os.remove(name)
    Path("model.joblib").mkdir()
    Path("model.joblib", "mine").write_text("mine\n")
    assert "over ./model.joblib, which is a folder; move it" in refused(*go_on())
    shutil.rmtree("model.joblib")
    succeed(*go_on())
    assert Path("notes").read_text() == "mine\n" and Path("model.joblib").exists()


@pytest.mark.parametrize("name", ["coreset", "random"])
def test_a_folder_called_as_an_init_is_not_gone_on_in(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "x.csv", ROWS)
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").write_text("mine\n")
    assert refused("driver", "x.csv", "-k", 3, "--init", name, "--output-dir", name) == (
        "The output folder %s exists already; give another --output-dir or remove it." % name)


# by URIs

class Remote:
    """A file system behind URIs: its files by name."""

    def __init__(self, *names: str):
        self.names = set(names)

    def ls(self, uri: str) -> list:
        top = uri.rstrip("/")
        return [(name, 1) for name in self.names if name == top or name.startswith(top + "/")]

    def exists(self, uri: str) -> bool:
        return bool(self.ls(uri))

    def rm(self, uri: str) -> None:
        self.names -= {name for name, _ in self.ls(uri)}


@pytest.mark.parametrize("base", ["hdfs:///out", "hdfs://nn:8020/a b/out", "s3://bucket/out"])
def test_files_behind_uris_are_kept_likewise(base):
    def files(*names: str) -> Files:
        remote = Remote(*(base + "/" + name for name in names))
        return Files(lambda uri: remote)  # type: ignore[arg-type, return-value]

    ours = ("centroids.csv", "labels/_SUCCESS", "labels/part-00000.gz")
    good = files(*ours)
    refuse_foreign(base, good, ["hdfs:///in/labels/part-00000"], True)
    assert Output(base, good).labels() == base + "/labels"
    assert not good.exists(base + "/labels") and good.exists(base + "/centroids.csv")
    for name in ("labels/mine", "labels/_temporary/0/mine", "labels"):
        with pytest.raises(UserError) as caught:
            refuse_foreign(base, files(ours[0], name), [], True)
        assert "%s/%s was not written by an earlier run" % (base, name) in str(caught.value)
    with pytest.raises(UserError, match="labels/part-00000.gz is an input"):
        refuse_foreign(base, files(*ours), [base + "/labels/part-00000.gz"], True)
    refuse_foreign(base, files(*ours, "labels/mine"), [], False)
    with pytest.raises(UserError, match="labels/mine was not written"):
        Output(base, files(*ours, "labels/mine")).labels()


def test_the_same_file_by_other_uris():
    assert identity("s3://b/a/x") == identity("s3a://b//a/x") != identity("s3://c/a/x")
    assert identity("hdfs:///a/x") == identity("hdfs://nn:8020/a/../a/x") != identity("hdfs:///a/y")
