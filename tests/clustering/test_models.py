"""What a run leaves behind can be read again, by us and by scikit-learn."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pytest
from generators import blobs, heavy, write_csv
from howdah.clustering.centroid_files import centroids_csv, parse_centroids, read_centroids
from howdah.clustering.models import Model, read_model
from howdah.errors import UserError
from howdah.input.detect import detect
from howdah.input.layout import Layout
from howdah.kmeans.moments import row_hashes
from howdah.kmeans.profile import Profile
from howdah.launch.files.files import Files
from scripts import WORDCOUNT, centroids_of, refused, succeed
from sklearn.datasets import load_svmlight_file


def model_of(X: np.ndarray, metric="euclidean", standardize=False) -> Model:
    """A model with the first three rows as its centroids."""
    profile = Profile.of(X, None, row_hashes(X), 10)
    return Model(["a", "b"], metric, standardize, False, profile, X[:3].copy(), [1.0, 2.0, 3.0],
                 [1, 2, 3], [0.1, 0.2, 0.3], "--min-gain 0.001", 7, {"clusters": 3})


def nameless(width: int) -> Layout:
    """Of rows without a header."""
    return detect(b",".join([b"1"] * width) + b"\n")


def test_model_json_round_trip_keeps_every_bit():
    model = model_of(heavy(100, 2, 3, seed=0) * [1e-9, 1e12])
    again = Model.from_json(model.to_json(), "model.json")
    assert again.to_json() == model.to_json()
    assert again.centroids.tobytes() == model.centroids.tobytes()
    assert again.space().to_dict().keys() == model.space().to_dict().keys()
    for key, value in model.space().to_dict().items():
        assert np.array_equal(again.space().to_dict()[key], value)
    value = json.loads(model.to_json())
    assert value["format_version"] == 1 and value["k"] == 3 and value["seed"] == 7
    assert value["cost"] == pytest.approx(0.6)
    assert [(c["label"], c["rows"], c["weight"]) for c in value["clusters"]] == [
        (0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0)]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version_is_refused_with_both(tmp_path, version):
    path = tmp_path / "model.json"
    value = json.loads(model_of(blobs(50, 2, 3, seed=0)).to_json())
    path.write_text(json.dumps({**value, "format_version": version, "howdah_version": "9.9"}))
    with pytest.raises(UserError) as refusal:
        read_model(str(path), Files())
    assert str(refusal.value) == (
        "%s has the format version %r, but this howdah reads version 1; make the model again or use"
        " the howdah that wrote it (9.9)." % (path, version))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", '{"format_version": 1}',
                                  '{"format_version": 1, "clusters": [{"label": 0}]}'])
def test_a_file_that_is_no_model_is_refused(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is no howdah model"):
        read_model(str(path), Files())


def test_centroids_csv_round_trip_keeps_every_bit():
    C = heavy(20, 3, 2, seed=1) * [1e-300, 1, 1e200]
    names, read = parse_centroids(centroids_csv(C, ["a,b", 'c"', "d"]), "c")
    assert (names, read.tobytes()) == (["a,b", 'c"', "d"], C.tobytes())
    names, read = parse_centroids(b"1,2\n3,4\n", "c")
    assert (names, read.tolist()) == (None, [[1, 2], [3, 4]])


@pytest.mark.parametrize("header", [b"a,b\n", b"\xef\xbb\xbfa,b\r\n", b'"a" , "b"\n', b" a, b\n"])
def test_names_of_centroids_are_what_is_between_blanks_quotes_and_marks(header):
    assert parse_centroids(header + b"1,2\n", "c")[0] == ["a", "b"]


def test_a_byte_order_mark_makes_no_header_of_a_centroid():
    names, read = parse_centroids(b"\xef\xbb\xbf0,0\r\n5,5 \n", "c")
    assert (names, read.tolist()) == (None, [[0, 0], [5, 5]])


@pytest.mark.parametrize("data, message", [
    (b"", "c.csv holds no centroids."), (b"a,b\n", "c.csv holds no centroids."),
    (b"a,b\n1,2,3\n", "The header of c.csv has 2 columns, but its first centroid has 3."),
    (b"a,b\n1,2\n3\n", "Centroid 2 of c.csv has 1 columns, but the first has 2."),
    (b"a,b\n1,2\n3,x\n", "Centroid 2 of c.csv, in line 3, holds 'x', not a number."),
    (b"a,b\n1,nan\n", "Centroid 1 of c.csv, in line 2, holds 'nan', not a number."),
    (b"0,0.5\nnan,0\n", "Centroid 2 of c.csv, in line 2, holds 'nan', not a number."),
    (b"nan,0\n0,0.5\n", "Centroid 1 of c.csv, in line 1, holds 'nan', not a number."),
    (b"\n0.5,x\n0,1\n", "Centroid 1 of c.csv, in line 2, holds 'x', not a number."),
    (b"a\n1\n\xff\n",
     "c.csv, line 3 is not valid UTF-8 ('\\\\xff'); write the file in UTF-8."),
    (b"a\n1\r2\n", "c.csv, line 2 is no line of CSV.")])
def test_bad_centroids_are_refused(data, message):
    with pytest.raises(UserError) as refusal:
        parse_centroids(data, "c.csv")
    assert str(refusal.value) == message


def test_centroids_of_another_width_or_metric_are_refused(tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(model_of(blobs(50, 2, 3, seed=0)).to_json())
    with pytest.raises(UserError) as refusal:
        read_centroids(str(path), Files(), nameless(5), "euclidean")
    assert str(refusal.value) == (
        "The centroids of %s have 2 columns, but the input has 5." % path)
    with pytest.raises(UserError) as refusal:
        read_centroids(str(path), Files(), nameless(2), "cosine")
    assert str(refusal.value) == (
        "%s was made with --metric euclidean, but this run uses cosine; give the same --metric."
        % path)


def test_cosine_centroids_get_unit_length(tmp_path):
    (tmp_path / "c.csv").write_text("3,4\n0,2\n")
    read = read_centroids(str(tmp_path / "c.csv"), Files(), nameless(2), "cosine")
    assert read.tolist() == [[0.6, 0.8], [0, 1]]
    (tmp_path / "c.csv").write_text("3,4\n0,0\n")
    with pytest.raises(UserError, match="Centroid 2 of .* is all zeros"):
        read_centroids(str(tmp_path / "c.csv"), Files(), nameless(2), "cosine")


def test_a_folder_gives_the_centroids_of_its_last_round(tmp_path):
    """A resumed run that was lost leaves newer centroids than the model of the run before."""
    model = model_of(blobs(50, 2, 3, seed=0))
    (tmp_path / "model.json").write_bytes(model.to_json())
    (tmp_path / "centroids.csv").write_bytes(centroids_csv(model.centroids + 1, model.columns))
    assert np.array_equal(read_centroids(str(tmp_path), Files(), nameless(2), "euclidean"),
                          model.centroids + 1)
    with pytest.raises(UserError, match="was made with --metric euclidean"):
        read_centroids(str(tmp_path), Files(), nameless(2), "cosine")


# scikit-learn's predictions

@pytest.mark.parametrize("options", [[], ["--standardize"], ["--metric", "cosine"]])
def test_joblib_predicts_the_labels_of_kmeans_assign(tmp_path, options):
    X = blobs(2000, 4, 6, seed=3, separation=3) * [1, 10, 0.1, 1] + [0, 50, 3, -2]
    write_csv(tmp_path / "x.csv", X)
    check_predictions(tmp_path, tmp_path / "x.csv", X, options)


@pytest.mark.parametrize("options", [[], ["--metric", "cosine"], ["--standardize"]])
def test_joblib_predicts_the_labels_of_sparse_rows(tmp_path, options):
    X = load_svmlight_file(str(WORDCOUNT))[0]
    # scikit-learn's predict takes 32-bit indices only.
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    check_predictions(tmp_path, WORDCOUNT, X, options, k=4)


def test_joblib_predicts_far_from_the_origin(tmp_path):
    X = blobs(500, 2, 3, seed=2) + 1e4
    write_csv(tmp_path / "x.csv", X)
    check_predictions(tmp_path, tmp_path / "x.csv", X, [], k=3)


def check_predictions(tmp_path, path, X, options, k=6) -> None:
    out = tmp_path / "out"
    succeed("driver", path, "-k", k, *options, "--output-dir", out)
    assigned = [int(row[0]) for row in succeed(
        "kmeans_assign", path, "--model", out).table()]
    estimator = joblib.load(out / "model.joblib")
    assert estimator.predict(X).tolist() == assigned
    assert len(set(assigned)) == k
    model = json.loads((out / "model.json").read_text())
    assert [c["rows"] for c in model["clusters"]] == np.bincount(assigned, minlength=k).tolist()


def test_joblib_is_a_fitted_kmeans(tmp_path):
    X = blobs(300, 3, 4, seed=1)
    write_csv(tmp_path / "x.csv", X)
    succeed("driver", tmp_path / "x.csv", "-k", 4, "--output-dir", tmp_path / "out")
    estimator = joblib.load(tmp_path / "out" / "model.joblib")
    C = centroids_of(tmp_path / "out")
    assert np.array_equal(estimator.cluster_centers_, C)
    assert estimator.inertia_ == pytest.approx(-estimator.score(X), rel=1e-9)
    assert estimator.transform(X[:5]).shape == (5, 4)


def test_standardised_centroids_are_in_raw_units(tmp_path):
    X = np.array([[0, 0], [0, 1], [9, 1e6], [9, 1e6 + 1]]).repeat(10, axis=0)
    write_csv(tmp_path / "x.csv", X)
    succeed("driver", tmp_path / "x.csv", "-k", 2, "--standardize", "--output-dir",
            tmp_path / "out")
    C = centroids_of(tmp_path / "out")
    assert sorted(C.tolist()) == [[0, 0.5], [9, 1e6 + 0.5]]


@pytest.mark.parametrize("script, option", [("kmeans_assign", "--model"),
                                            ("kmeans_round", "--centroids"),
                                            ("driver", "--init")])
def test_every_script_refuses_a_model_of_another_version(tmp_path, script, option):
    value = json.loads(model_of(blobs(50, 2, 3, seed=0)).to_json())
    (tmp_path / "model.json").write_text(json.dumps({**value, "format_version": 2}))
    (tmp_path / "x.csv").write_text("1,2\n3,4\n5,7\n")
    args = ["-k", 3] if script == "driver" else []
    assert "has the format version 2, but this howdah reads version 1" in refused(
        script, tmp_path / "x.csv", option, tmp_path / "model.json", *args)
