"""The driver's output folder, written so that a lost launcher loses at most one round."""

from __future__ import annotations

import io
import json
import os
import re
from typing import Optional

import joblib
import numpy as np

from howdah.clustering.centroid_files import centroids_csv
from howdah.clustering.models import CENTROIDS, JOBLIB, MODEL, PROFILE, ROUNDS, Model
from howdah.clustering.profiles import readable
from howdah.clustering.seeds import SEEDINGS
from howdah.errors import UserError
from howdah.launch.files.files import Files
from howdah.launch.files.paths import identity, is_uri, join, local_path
from howdah.spelling import json_text

# What jobs leave: parts, by Hadoop's codecs too, marks of success, checksums, the same of tasks
# that did not end, and EMR's marks of folders.
_NAME = r"(part-\d{5,}(\.(gz|bz2|deflate|snappy|lz4|zst|lzo|lzo_deflate))?|_SUCCESS|plan\.json)"
OF_A_JOB = re.compile(r"(_temporary/(\w+/)*)?(%s|\.%s\.crc|\w+_\$folder\$)" % (_NAME, _NAME))


class Output:
    """Nothing is written without a folder; every job of the run gets a subfolder of it.

    A run that starts from the folder it writes to (`--init DIR --output-dir DIR`) resumes: its
    rounds are numbered on from `rounds_before` and their history is appended.
    """

    def __init__(self, folder: Optional[str], files: Files, init: str = ""):
        self.folder = folder
        self.files = files
        self.resuming = folder is not None and init not in SEEDINGS and _same_folder(folder, init)
        self._begun = False
        self._inputs: set = set()
        self._jobs: list = []
        self._parts: list = []
        self._earlier: list = []

    def read_history(self) -> None:
        """The rounds of the run that is resumed; UserError for a history that cannot be read."""
        if not self.resuming:
            return
        path = join(self.folder or "", ROUNDS)
        if not self.files.exists(path):
            return
        self._earlier = self.files.read(path).decode("utf-8").splitlines()
        try:
            self.rounds_before
        except (ValueError, KeyError, TypeError):
            raise UserError("The last line of %s is no round of a run; correct it, or give another"
                            " --output-dir." % path) from None

    def check(self, inputs: list, rounds: int, labels: bool) -> None:
        """UserError when a run that is resumed would remove or write over what it may not.

        `inputs` are the paths of all input files, `rounds` how many this run may add at most.
        """
        self._inputs = set(map(identity, inputs))
        left: dict = {}
        # With its slash, a link to the output folder is followed.
        for path, place in sorted(self.files.below(join(self.folder or "", "")).items()):
            job, _, name = path.partition("/")
            left.setdefault(job, {})[name or "."] = place
        last = self.rounds_before + rounds
        for job, found in left.items():
            number = re.fullmatch(r"round-(\d{2,})", job)
            if (job == "sample" or labels and job == "labels"
                    or number and self.rounds_before < int(number.group(1)) <= last):
                self._refuse_foreign(job, found)
        self._refuse_foreign_results(left)

    def _refuse_foreign_results(self, left: dict) -> None:
        """UserError when results would be written over an input, or over what is no run's."""
        for name in filter(left.__contains__, (PROFILE, CENTROIDS, ROUNDS, MODEL, JOBLIB)):
            place = join(self.folder or "", name)
            if "." not in left[name]:
                wrong = "is a folder"
            elif identity(place) in self._inputs:
                wrong = "is an input"
            elif (name == PROFILE and not self.files.head(place, 16).startswith(b'{"profile"')
                    or name in (ROUNDS, JOBLIB) and not {PROFILE, MODEL} & set(left)):
                wrong = "was not written by an earlier run"
            else:
                continue
            raise UserError("This run would write over %s, which %s; move it, or give another"
                            " --output-dir." % (place, wrong))

    def _refuse_foreign(self, job: str, left: dict) -> None:
        """UserError when a job's folder holds anything but what an earlier one left there."""
        for name, place in sorted(left.items()):
            if identity(place) in self._inputs:
                wrong = "is an input"
            elif not OF_A_JOB.fullmatch(name) or os.path.islink(local_path(place)):
                wrong = "was not written by an earlier run"
            else:
                continue
            raise UserError("The folder %s would make room for a new job, but %s %s; move it, or"
                            " give another --output-dir."
                            % (join(self.folder or "", job), place, wrong))

    @property
    def rounds_before(self) -> int:
        return json.loads(self._earlier[-1])["round"] if self._earlier else 0

    def for_job(self, name: str) -> Optional[str]:
        """Where a job should write; None: its runner's temporary folder."""
        if self.folder is None:
            return None
        folder = join(self.folder, name)
        if self.resuming and self.files.exists(folder):
            # What a job left that was lost with its launcher, or that this run does again.
            self._refuse_foreign(name, self.files.below(folder))
            self.files.rm(folder)
        self._jobs.append(folder)
        return folder

    def for_k(self, k: int) -> Output:
        """Where the results for k clusters go, when there are several k: a subfolder."""
        if self.folder is None:
            return self
        part = Output(join(self.folder, "k-%d" % k), self.files)
        self._parts.append(part)
        return part

    @property
    def begun(self) -> bool:
        """Whether there is something to go on from."""
        return self._begun or any(part.begun for part in self._parts)

    def discard(self) -> None:
        """Leave nothing of a run that ended before it had begun; what was resumed stays."""
        if self.folder is None or not self._jobs:
            return
        for folder in self._jobs if self.resuming else [self.folder]:
            self.files.discard(folder)

    def _write(self, files: dict) -> None:
        if self.folder is not None:
            self.files.replace_all(self.folder, files)

    def begin(self, model: Model) -> None:
        """The profile and the first centroids."""
        # A folder that is resumed holds centroids already.
        self._begun = self.resuming
        profile = json_text({"profile": readable(model.profile), "columns": model.columns}) + "\n"
        self._write({PROFILE: profile.encode("utf-8"),
                     CENTROIDS: centroids_csv(model.centroids, model.columns)})
        self._begun = self.folder is not None

    def progress(self, centroids: np.ndarray, columns: list, history: list) -> None:
        """The centroids to go on from, and the history so far."""
        lines = self._earlier + [json_text(round_.to_dict()) for round_ in history]
        self._write({CENTROIDS: centroids_csv(centroids, columns),
                     ROUNDS: ("\n".join(lines) + "\n").encode("utf-8")})

    def finish(self, model: Model) -> None:
        if self.folder is None:
            return
        estimator = io.BytesIO()
        joblib.dump(model.to_estimator(), estimator)
        self._write({CENTROIDS: centroids_csv(model.centroids, model.columns),
                     JOBLIB: estimator.getvalue(), MODEL: model.to_json()})


def _same_folder(a: str, b: str) -> bool:
    if is_uri(a) or is_uri(b):
        return a.rstrip("/") == b.rstrip("/")
    return os.path.abspath(local_path(a)) == os.path.abspath(local_path(b))
