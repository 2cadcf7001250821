"""The steps of a run in its folder."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from howdah.clustering.journal import Journal, Manifest, manifest_path, read_manifest
from howdah.errors import UserError
from howdah.launch.files.files import Files


def manifest() -> Manifest:
    return Manifest("inline", {"clusters": [3]}, "/", ["x.csv"], [["/x.csv", 4, ""]], [], "r1")


def opened(folder) -> Journal:
    """As another driver finds it."""
    return Journal(str(folder), Files(), read_manifest(str(folder), Files()) or manifest())


def never():
    raise AssertionError("It is done.")


def test_no_folder_keeps_nothing():
    journal = Journal(None, Files(), manifest())
    assert journal.step("sample", lambda: {"a": 1}) == {"a": 1}
    assert not journal.has("sample") and not journal.replaying
    journal.end(0)


def test_a_step_is_made_once_and_has_its_bits_ever_after(tmp_path):
    made = {"b": np.array([[0.1, -0.0], [np.pi, 5e-324]]), "a": [1, "ü\t", None]}
    first = opened(tmp_path).step("sample", lambda: made)
    journal = opened(tmp_path)
    assert journal.replaying and journal.jobs_before == 1
    again = journal.step("sample", never)
    assert not journal.replaying
    for found in (first, again):
        assert found["a"] == made["a"] and found["b"].tobytes() == made["b"].tobytes()
    journal.step("seeds", lambda: 1)
    assert list(opened(tmp_path).manifest.steps) == ["sample", "seeds"]
    assert opened(tmp_path).jobs_before == 1


def test_a_step_that_the_manifest_does_not_name_is_not_done(tmp_path):
    opened(tmp_path).step("sample", lambda: 1)
    journal = opened(tmp_path)
    (tmp_path / ".howdah" / journal.manifest.run / "seeds.json").write_text("2")
    journal.step("sample", never)
    assert journal.step("seeds", lambda: 3) == 3


@pytest.mark.parametrize("damage", [os.remove, lambda path: path.write_text("2")])
def test_a_step_that_is_not_what_was_written_is_refused(tmp_path, damage):
    opened(tmp_path).step("sample", lambda: 1)
    [path] = tmp_path.glob(".howdah/*/sample.json")
    damage(path)
    with pytest.raises(UserError) as caught:
        opened(tmp_path).step("sample", never)
    assert str(caught.value) == (
        "%s is damaged: it is not what the run wrote there; begin anew with another --output-dir."
        % path)


def test_the_end_is_kept(tmp_path):
    opened(tmp_path).end(3)
    assert opened(tmp_path).manifest.exit == 3


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format_version": 1, "mine": 2}', b"\xff"])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(UserError, match="^/out/m.json is no manifest of a run; begin anew"):
        Manifest.from_json(text, "/out/m.json")


def test_a_manifest_of_another_version_is_refused_by_it(tmp_path):
    opened(tmp_path).end(0)
    path = manifest_path(str(tmp_path))
    value = {**json.loads(Files().read(path)), "format_version": 2, "howdah_version": "9.1"}
    Files().replace(path, json.dumps(value).encode())
    with pytest.raises(UserError) as caught:
        opened(tmp_path)
    assert str(caught.value) == (
        "%s has the format version 2, but this howdah reads version 1; go on with the howdah that"
        " wrote it (9.1)." % path)
