"""The results in the driver's output folder, and what of it may be written over."""

from __future__ import annotations

import io
import json
import os
import re
from typing import Optional, Sequence

import joblib
import numpy as np

from howdah.clustering.centroid_files import centroids_csv
from howdah.clustering.models import CENTROIDS, JOBLIB, MODEL, PROFILE, ROUNDS, Model
from howdah.clustering.profiles import readable
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import identity, join, local_path
from howdah.spelling import json_text

LABELS = "labels"
# What jobs leave: parts, by Hadoop's codecs too, marks of success, checksums, the same of tasks
# that did not end, and EMR's marks of folders.
_NAME = r"(part-\d{5,}(\.(gz|bz2|deflate|snappy|lz4|zst|lzo|lzo_deflate))?|_SUCCESS|plan\.json)"
OF_A_JOB = re.compile(r"(_temporary/(\w+/)*)?(%s|\.%s\.crc|\w+_\$folder\$)" % (_NAME, _NAME))


class Output:
    """The files of results; without a folder none is written.

    `earlier` are the lines of rounds.jsonl before this run's: it may have begun from the centroids
    of another in the same folder.
    """

    def __init__(self, folder: Optional[str], files: Files, earlier: Sequence = ()):
        self.folder, self.files = folder, files
        self.earlier = list(earlier)

    @property
    def rounds_before(self) -> int:
        return json.loads(self.earlier[-1])["round"] if self.earlier else 0

    def for_k(self, k: int) -> Output:
        """Where the results for k clusters go, when there are several k: a subfolder."""
        return self if self.folder is None else Output(join(self.folder, "k-%d" % k), self.files)

    def labels(self) -> Optional[str]:
        """Where the labels' job writes: nothing stands there but what a lost one left."""
        if self.folder is None:
            return None
        folder = join(self.folder, LABELS)
        if self.files.exists(folder):
            refuse_foreign_labels(self.folder, self.files, set())
            self.files.rm(folder)
        return folder

    def begin(self, model: Model) -> None:
        """The profile and the first centroids."""
        profile = json_text({"profile": readable(model.profile), "columns": model.columns}) + "\n"
        self._write({PROFILE: profile.encode("utf-8"),
                     CENTROIDS: centroids_csv(model.centroids, model.columns)})

    def progress(self, centroids: np.ndarray, columns: list, history: list) -> None:
        """The centroids so far, and the history."""
        lines = self.earlier + [json_text(round_.to_dict()) for round_ in history]
        self._write({CENTROIDS: centroids_csv(centroids, columns),
                     ROUNDS: ("\n".join(lines) + "\n").encode("utf-8")})

    def finish(self, model: Model) -> None:
        if self.folder is None:
            return
        estimator = io.BytesIO()
        joblib.dump(model.to_estimator(), estimator)
        self._write({CENTROIDS: centroids_csv(model.centroids, model.columns),
                     JOBLIB: estimator.getvalue(), MODEL: model.to_json()})

    def _write(self, files: dict) -> None:
        if self.folder is not None:
            self.files.replace_all(self.folder, files)


def earlier_rounds(folder: str, files: Files) -> list:
    """The lines of a folder's rounds.jsonl; UserError for a history that cannot be read."""
    path = join(folder, ROUNDS)
    if not files.exists(path):
        return []
    lines = files.read(path).decode("utf-8").splitlines()
    try:
        if not lines or isinstance(json.loads(lines[-1])["round"], int):
            return lines
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError("The last line of %s is no round of a run; correct it, or give another"
                    " --output-dir." % path)


def refuse_foreign(folder: str, files: Files, inputs: list, labels: bool) -> None:
    """UserError when a run in this folder would write over, or remove, what no run wrote.

    `inputs` are the paths of all input files.
    """
    own = set(map(identity, inputs))
    # With its slash, a link to the output folder is followed.
    left = sorted(files.below(join(folder, "")))
    there = {name.partition("/")[0] for name in left}
    if labels:
        refuse_foreign_labels(folder, files, own)
    for name in filter(there.__contains__, (PROFILE, CENTROIDS, ROUNDS, MODEL, JOBLIB)):
        place = join(folder, name)
        if name not in left:
            wrong = "is a folder"
        elif identity(place) in own:
            wrong = "is an input"
        elif (name == PROFILE and not files.head(place, 16).startswith(b'{"profile"')
                or name in (ROUNDS, JOBLIB) and not {PROFILE, MODEL} & there):
            wrong = "was not written by an earlier run"
        else:
            continue
        raise UserError("This run would write over %s, which %s; move it, or give another"
                        " --output-dir." % (place, wrong))


def refuse_foreign_labels(folder: str, files: Files, inputs: set) -> None:
    """UserError when the folder of the labels holds anything but what a job left there."""
    labels = join(folder, LABELS)
    for name, place in sorted(files.below(labels).items()):
        if identity(place) in inputs:
            wrong = "is an input"
        elif not OF_A_JOB.fullmatch(name) or os.path.islink(local_path(place)):
            wrong = "was not written by an earlier run"
        else:
            continue
        raise UserError("The folder %s would make room for a new job, but %s %s; move it, or"
                        " give another --output-dir." % (labels, place, wrong))
