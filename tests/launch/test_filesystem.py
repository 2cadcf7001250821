"""The contract of all file systems: on this machine's disks and on S3.

HDFS, which needs a cluster, is asked in tests/cluster/test_hadoop_jobs.py.
"""

from __future__ import annotations

import bz2
import gzip
import os
from pathlib import Path
from threading import Thread

import pytest
from filesystems import fulfils_the_contract

from howdah.errors import JobFailed, UserError
from howdah.launch.files.files import Files
from howdah.launch.files.hdfs import HadoopShell
from howdah.launch.files.local import LocalFiles
from howdah.launch.runners.backend import backend_of
from howdah.scripts.kmeans_round import KMeansRound

pytest_plugins = ["emr.fixture"]


@pytest.fixture
def s3(emr):
    from howdah.launch.runners.emr import Emr

    return Emr(KMeansRound(emr.args()), "run").s3_files


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_local_files(scheme: str, tmp_path: Path) -> None:
    fulfils_the_contract(Files(), str(tmp_path / "out"), tmp_path)
    fulfils_the_contract(LocalFiles(), str(tmp_path / "out"), tmp_path)
    Files().replace(scheme + str(tmp_path / "out" / "a"), b"1")
    assert (tmp_path / "out" / "a").read_bytes() == b"1"


def test_files_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Files().replace("a", b"1")
    Files().create("b", b"2")
    assert Files().ls("*") == [("a", 1), ("b", 1)] and sorted(os.listdir()) == ["a", "b"]


def test_what_is_not_written_leaves_nothing_and_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(JobFailed, match="a cannot be written"):
        Files().replace(str(tmp_path / "a"), b"1")
    with pytest.raises(FileExistsError):
        Files().create(str(tmp_path / "a"), b"1")
    assert os.listdir(tmp_path) == ["a"]


def test_of_many_who_create_a_file_at_once_one_does(tmp_path: Path) -> None:
    path, done = str(tmp_path / "a"), []

    def create(i: int) -> None:
        try:
            Files().create(path, b"%d" % i * 1000)
        except FileExistsError:
            return
        done.append(b"%d" % i * 1000)

    threads = [Thread(target=create, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Files().read(path)] == done and os.listdir(tmp_path) == ["a"]


@pytest.mark.slow
def test_s3(s3, emr, tmp_path: Path) -> None:
    fulfils_the_contract(s3, emr.uri("contract"), tmp_path)
    fulfils_the_contract(Files(lambda uri: s3), emr.uri("contract"), tmp_path)


@pytest.mark.slow
def test_s3_says_what_is_wrong(s3) -> None:
    with pytest.raises(UserError, match="s3://howdah-none/x cannot be listed: there is no such bu"):
        s3.exists("s3://howdah-none/x")
    with pytest.raises(UserError, match="s3://howdah-none/x cannot be read: there is no such buck"):
        s3.tail("s3://howdah-none/x", 5)
    with pytest.raises(JobFailed, match="s3://howdah-none/x cannot be written: there is no such b"):
        s3.replace("s3://howdah-none/x", b"")
    with pytest.raises(UserError, match="s3://howdah-none/x cannot be written: there is no such b"):
        s3.create("s3://howdah-none/x", b"")


@pytest.mark.parametrize("name", ["text.gz", "cut.gz", "text.bz2", "cut.bz2"])
def test_what_is_no_compressed_file_on_s3(s3, emr, name: str) -> None:
    packed = (gzip if name.endswith(".gz") else bz2).compress(bytes(range(256)) * 99)
    uri = emr.put("packed/" + name, packed[:-9] if name.startswith("cut") else b"1,2\n")
    with pytest.raises(UserError, match="The file %s cannot be read " % uri):
        s3.head(uri, 1 << 20)


def test_the_tail_of_a_file_on_hdfs_is_all_that_is_read(tmp_path: Path) -> None:
    """With a `hadoop` that knows -tail only."""
    script = tmp_path / "hadoop"
    script.write_text('#!/bin/sh\nfor path; do :; done\n'
                      'case "$*" in fs*-tail*) tail -c 1024 "$path";; *) exit 1;; esac\n')
    script.chmod(0o755)
    data = bytes(range(256)) * 8
    (tmp_path / "data").write_bytes(data)
    shell = HadoopShell([str(script)])
    assert shell.tail(str(tmp_path / "data"), 1024) == data[-1024:]
    assert shell.tail(str(tmp_path / "data"), 5) == data[-5:]
    with pytest.raises(UserError, match="The end of .*none cannot be read: tail: cannot open"):
        shell.tail(str(tmp_path / "none"), 5)


@pytest.mark.parametrize("runner, uri, opened", [
    ("hadoop", "hdfs:///x", "HadoopFiles"), ("hadoop", "s3a://b/x", "HadoopFiles"),
    ("spark", "abfs://b/x", "HadoopFiles"), ("emr", "hdfs:///x", "s3://"),
    ("inline", "s3://b/x", "-r emr"), ("local", "hdfs:///x", "-r hadoop")])
def test_a_scheme_has_its_file_system(runner: str, uri: str, opened: str, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hadoop").write_text("#!/bin/sh\n")
    (tmp_path / "hadoop").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    files = backend_of(KMeansRound(["x", "-r", runner]), "run").files
    if opened == "HadoopFiles":
        assert files.of(uri) is files.of(uri) and type(files.of(uri)).__name__ == opened
    else:
        with pytest.raises(UserError, match=opened):
            files.of(uri)
