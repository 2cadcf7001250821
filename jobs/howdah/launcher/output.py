"""The driver's output folder, written so that a lost launcher loses at most one round."""

from __future__ import annotations

import io
import json
import os
from typing import Optional

import joblib
import numpy as np

from howdah.errors import UserError
from howdah.launcher.files import Files, is_uri, join, local_path
from howdah.launcher.models import (
    CENTROIDS,
    JOBLIB,
    MODEL,
    PROFILE,
    ROUNDS,
    Model,
    centroids_csv,
)


class Output:
    """Nothing is written without a folder; every job of the run gets a subfolder of it.

    A run that starts from the folder it writes to (`--init DIR --output-dir DIR`) resumes: its
    rounds are numbered on from `rounds_before` and their history is appended.
    """

    def __init__(self, folder: Optional[str], files: Files, init: str = ""):
        self.folder = folder
        self.files = files
        self.resuming = folder is not None and _same_folder(folder, init)
        self._begun = False
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
            self.files.remove(folder)
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
        """Leave nothing of a run that wrong use or bad input ended; what was resumed stays."""
        if self.folder is None or not self._jobs:
            return
        for folder in self._jobs if self.resuming else [self.folder]:
            self.files.remove(folder)

    def _write(self, files: dict) -> None:
        if self.folder is not None:
            self.files.write_all(self.folder, files)

    def begin(self, model: Model) -> None:
        """The profile and the first centroids."""
        self._begun = self.folder is not None
        profile = json.dumps({"profile": model.profile.readable(), "columns": model.columns}) + "\n"
        self._write({PROFILE: profile.encode("utf-8"),
                     CENTROIDS: centroids_csv(model.centroids, model.columns)})

    def progress(self, centroids: np.ndarray, columns: list, history: list) -> None:
        """The centroids to go on from, and the history so far."""
        lines = self._earlier + [json.dumps(round_.to_dict()) for round_ in history]
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
