"""The folder of a run: begun anew, begun from its own centroids, or gone on with.

    anew        -o DIR               DIR is not there yet
    in place    --init DIR -o DIR    another run, from the centroids of DIR; it numbers on
    gone on     --resume DIR         the same run, from its last whole step
"""

from __future__ import annotations

import os
import shlex
from argparse import SUPPRESS, ArgumentParser
from typing import Optional

from howdah.clustering.journal import (
    HIDDEN,
    Journal,
    Manifest,
    manifest_path,
    read_manifest,
)
from howdah.clustering.output import Output, earlier_rounds, refuse_foreign
from howdah.clustering.running import RUN, Running, has_it, read_running
from howdah.clustering.seeds import SEEDINGS
from howdah.commands import called
from howdah.errors import UserError
from howdah.launch.files.paths import absolute, is_uri, join, local_path
from howdah.launch.input_files import InputFiles
from howdah.launch.launch import Launch
from howdah.options import add_input_options

#: Options that only end a run: one that goes on may be given others.
LIMITS = ("max_rounds", "max_minutes")
#: Options that decide the answer. Those of runners do not, and may hold secrets: none is kept.
DECIDING = ("clusters", "restarts", "metric", "standardize", "init", "min_gain", "tol",
            "empty_clusters", "sample_size", "seed", "assign", "bad_rows", "format", "delimiter",
            "header", "id_column", "weight_column", "ignore_columns", "zero_based")


class RunFolder:
    """What a run writes to, while this driver has it; without a folder nothing is written.

    Attributes
    ----------
    journal : the steps that are done
    output : the files of results
    inputs : the files of the input as the run first saw them
    """

    def __init__(self, launch: Launch, manifest: Optional[Manifest]):
        self.launch, self.files = launch, launch.files
        self.path = launch.options.output_dir
        self.resumed = manifest is not None
        self.in_place = not self.resumed and _is_own_start(launch.options)
        self._manifest = manifest

    def refuse_taken(self) -> None:
        """UserError for a folder that is another run's, or no run's."""
        if self.path is None or self.resumed or self.in_place:
            return
        self._remove_leftovers_of_no_run()
        if self.files.exists(join(self.path, RUN)):
            raise UserError(has_it(self.path, read_running(self.path, self.files)))
        manifest = read_manifest(self.path, self.files)
        if manifest is not None and manifest.exit is None:
            raise UserError("The output folder %s is that of a run that has not ended; give another"
                            " --output-dir, or go on with: %s"
                            % (self.path, way_on(self.path, self.launch)))

    def __enter__(self) -> RunFolder:
        manifest = self._manifest
        if manifest is None:
            manifest = self._new_manifest()
            if self.path is not None and not self.in_place:
                self._create(manifest)
        self.running = Running(self.path, self.files, manifest.run)
        self.running.enter(take_over=self.resumed or self.in_place)
        try:
            if self.resumed:
                manifest = self._gone_on_with(manifest)
        except BaseException:
            self.running.leave()
            raise
        self.journal = Journal(self.path, self.files, manifest)
        self.output = Output(self.path, self.files, manifest.earlier)
        return self

    def _gone_on_with(self, manifest: Manifest) -> Manifest:
        """The manifest, read once more: only who has the folder knows what is done."""
        manifest = read_manifest(self.path, self.files) or manifest
        self.limits_before = {name: manifest.options[name] for name in LIMITS}
        manifest.options.update({name: getattr(self.launch.options, name) for name in LIMITS})
        self._remove_partial_files()
        self.inputs = InputFiles(self.launch.options.args, self.files, manifest.files, self.path)
        self.inputs.refuse_changes()
        found = self.launch.found
        found.files = [each for each in found.files if self.inputs.has(each[0])]
        return manifest

    def _new_manifest(self) -> Manifest:
        options, earlier = self.launch.options, []
        self.inputs = InputFiles(options.args, self.files, own=self.path)
        if self.in_place:
            refuse_foreign(self.path, self.files, list(self.inputs.seen), options.assign)
            earlier = earlier_rounds(self.path, self.files)
        return Manifest(self.launch.backend.name,
                        {name: getattr(options, name) for name in (*DECIDING, *LIMITS)},
                        os.getcwd(), list(options.args), self.inputs.to_list(), earlier,
                        self.launch.run_id)

    def _create(self, manifest: Manifest) -> None:
        """Of several drivers that begin in one new folder, one does."""
        try:
            self.files.create(manifest_path(self.path), manifest.to_json())
        except FileExistsError:
            raise UserError("Another driver has just begun in %s; give another --output-dir."
                            % self.path) from None

    def __exit__(self, kind, error, trace) -> None:
        self.running.leave()

    @property
    def begun(self) -> bool:
        """Whether there is something to go on from."""
        return self.path is not None and bool(self.journal.manifest.steps)

    def discard(self) -> None:
        """Leave nothing of a run that has come to nothing; what stood there before stays."""
        if self.path is not None and not self.resumed and not self.in_place:
            self.files.discard(self.path)

    # what writes that were cut off leave

    def _remove_leftovers_of_no_run(self) -> None:
        """A driver that died before it had written a manifest left no more than this."""
        if is_uri(self.path):
            left = {name.split("/")[0] for name in self.files.below(self.path)}
        else:  # there are empty folders, too
            top = local_path(self.path)
            left = set(os.listdir(top)) if os.path.isdir(top) else set()
        if left and all(name.startswith(HIDDEN) for name in left) and (
                not self.files.exists(manifest_path(self.path))):
            for name in left:
                self.files.rm(join(self.path, name))

    def _remove_partial_files(self) -> None:
        """What was written under a name for the time being (LocalFiles, WebHDFS, hadoop fs)."""
        if is_uri(self.path):
            partial = [place for name, place in self.files.below(self.path).items()
                       if name.endswith("._COPYING_")]
        else:
            partial = [os.path.join(where, name) for where, subfolders, _ in os.walk(
                local_path(self.path)) for name in subfolders if name.startswith(HIDDEN + "-")]
        for place in partial:
            self.files.discard(place)


def _is_own_start(options) -> bool:
    """Whether a run begins from the centroids of the folder that it writes to."""
    folder, init = options.output_dir, options.init
    if folder is None or init in SEEDINGS:
        return False
    if is_uri(folder) or is_uri(init):
        return folder.rstrip("/") == init.rstrip("/")
    return absolute(folder) == absolute(init)


# going on

def manifest_to_go_on(job) -> Manifest:
    """The manifest of --resume; its options become those of the job, where they may not differ.

    Raises UserError for a folder without one, and for other options or inputs than it was begun
    with.
    """
    options = job.options
    folder = options.resume
    manifest = read_manifest(folder, Launch(job).files)
    if manifest is None:
        raise UserError("%s holds no run to go on with (%s is not there); give the folder that was"
                        " the --output-dir of one, or begin anew." % (folder,
                                                                      manifest_path(folder)))
    given = given_options(job)
    for name, begun_with in manifest.options.items():
        if name not in given:
            setattr(options, name, begun_with)
        elif given[name] != begun_with and name not in LIMITS:
            raise UserError("--%s is %s, but the run in %s was begun with %s; leave the option out,"
                            " or begin anew with another --output-dir."
                            % (name.replace("_", "-"), _told(given[name]), folder,
                               _told(begun_with)))
    _take_inputs(options, manifest)
    if given.get("output_dir") not in (None, folder):
        raise UserError("--output-dir is %s, but --resume goes on in %s; leave --output-dir out."
                        % (given["output_dir"], folder))
    options.output_dir = folder
    options.runner = options.runner or manifest.runner
    return manifest


def _take_inputs(options, manifest: Manifest) -> None:
    begun_with = [absolute(path, manifest.cwd) for path in manifest.paths]
    if not options.args:
        options.args = manifest.paths if os.getcwd() == manifest.cwd else begun_with
        return
    if list(map(absolute, options.args)) != begun_with:
        raise UserError("The input is %s, but the run in %s was begun with %s; leave the input out,"
                        " or begin anew with another --output-dir."
                        % (", ".join(options.args), options.resume, ", ".join(manifest.paths)))


def given_options(job) -> dict:
    """The options of the run that stand on the command line."""
    parser = ArgumentParser(add_help=False)
    add_input_options(parser)
    job.add_options(parser)
    parser.add_argument("-o", "--output-dir")
    for action in parser._actions:
        action.default = SUPPRESS
    return vars(parser.parse_known_args(list(job._cl_args))[0])


def _told(value) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "not given" if value in (None, False, "") else "given" if value is True else str(value)


def way_on(folder: str, launch: Launch) -> str:
    """The command that goes on, as a shell takes it."""
    script = called("kmeans")
    words = [*(["python"] if script.endswith(".py") else []), script, "--resume",
             shlex.quote(folder), *(["-r", launch.backend.name] if is_uri(folder) else [])]
    return " ".join(words)
