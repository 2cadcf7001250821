"""Files and folders by path or URI, as the launcher sees them."""

from __future__ import annotations

import os
import posixpath
import shutil
import sys
import zlib
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator

from howdah.errors import JobFailed, UserError
from howdah.input.lines import open_text
from howdah.launch.files.paths import is_uri, local_path


def identity(path: str) -> tuple:
    """The same for all names of a file: by links, other spellings, hosts, Amazon's schemes."""
    if is_uri(path):
        scheme, _, rest = path.partition("://")
        host, _, inner = rest.partition("/")
        return (host if scheme.startswith("s3") else "",
                posixpath.normpath("/" + inner.lstrip("/")))
    try:
        status = os.stat(local_path(path))
    except OSError:
        return (os.path.abspath(local_path(path)),)
    return status.st_dev, status.st_ino


class Files:
    """Local paths directly, URIs through the file system of the job's runner.

    `filesystem` gives the file system of a URI (howdah.launch.runners.hadoop has them).
    """

    def __init__(self, filesystem=None):
        self._filesystem = filesystem

    def remote(self, uri: str):
        if self._filesystem is None:
            raise UserError("Only local paths can be used here; choose a runner with -r for URIs.")
        return self._filesystem(uri)

    def list(self, path: str) -> list:
        """(path, bytes) of every visible file that a path, glob or folder stands for, sorted."""
        if is_uri(path):
            found = self.remote(path).ls(path)
        else:
            here = local_path(path)
            matches = [here] if os.path.exists(here) else glob(here)
            found = [(file, os.path.getsize(file)) for match in matches
                     if _is_visible(match, here) for file in _files_below(match)]
        return sorted((f, size) for f, size in found if _is_visible(f, local_path(path)))

    def below(self, folder: str) -> dict:
        """{path from the folder: path} of all that it holds, hidden files and links too.

        A file or a link in the folder's own place is its ".".
        """
        if is_uri(folder):
            return {posixpath.relpath(identity(path)[1], identity(folder)[1]): path
                    for path, _ in self.remote(folder).ls(folder)}
        top = local_path(folder)
        if os.path.islink(top) or os.path.exists(top) and not os.path.isdir(top):
            return {".": top}
        found = [os.path.join(where, name) for where, subfolders, names in os.walk(top)
                 for name in (*names, *subfolders)]
        return {os.path.relpath(path, top): path for path in found
                if os.path.islink(path) or not os.path.isdir(path)}

    def exists(self, path: str) -> bool:
        if is_uri(path):
            return self.remote(path).exists(path)
        return os.path.exists(local_path(path))

    def head(self, path: str, size: int) -> bytes:
        """The first bytes of a file, decompressed."""
        if is_uri(path):
            held = b""
            for chunk in self.remote(path).cat(path):
                held += chunk
                if len(held) >= size:
                    break
            return held[:size]
        try:
            with open_text(local_path(path)) as file:
                return file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError("The file %s cannot be read (%s)." % (path, error)) from error

    def chunks(self, path: str) -> Iterator[bytes]:
        """The whole file in pieces, decompressed."""
        if is_uri(path):
            yield from self.remote(path).cat(path)
            return
        with open_text(local_path(path)) as file:
            while True:
                chunk = file.read(1 << 20)
                if not chunk:
                    return
                yield chunk

    def read(self, path: str) -> bytes:
        return b"".join(self.chunks(path))

    def write(self, path: str, data: bytes) -> None:
        """Write a file, replacing an older one only when the new one is complete."""
        folder, name = os.path.split(path)
        self.write_all(folder, {name: data})

    def write_all(self, folder: str, files: dict) -> None:
        """Write several files {name: bytes} into one folder, in one call where that saves time."""
        if is_uri(folder):
            self.remote(folder).write_all(folder, files)
            return
        target = local_path(folder) or "."
        name = ""
        try:
            os.makedirs(target, exist_ok=True)
            for name, data in files.items():
                with aside(os.path.join(target, name)) as partial, open(partial, "wb") as file:
                    file.write(data)
        except OSError as error:
            raise JobFailed("%s cannot be written (%s)."
                            % (os.path.join(target, name), error)) from error

    def upload(self, places: dict) -> None:
        """Copy local files to {path: uri}."""
        for path, uri in places.items():
            folder, name = uri.rsplit("/", 1)
            with TemporaryDirectory(prefix="howdah-") as own:
                link = os.path.join(own, name)
                os.symlink(os.path.abspath(path), link)
                self.remote(uri).put([link], folder)

    def remove(self, path: str) -> None:
        """Remove a folder and all below it, if it is there; UserError where that cannot be."""
        if is_uri(path):
            self.remote(path).rm(path)
        elif os.path.lexists(local_path(path)):
            try:
                shutil.rmtree(local_path(path))
            except OSError as error:
                raise UserError("The folder %s cannot be removed (%s)." % (path, error)) from error

    def discard(self, path: str) -> None:
        """Remove a folder after an error, or at the end: what stays is said, and ends nothing."""
        try:
            self.remove(path)
        except UserError as error:
            print("warning: %s stays: %s" % (path, error), file=sys.stderr)


@contextmanager
def aside(path: str) -> Iterator[str]:
    """A name to write a file under, in a new folder beside `path`; at the end it takes its place.

    Whatever fails before leaves nothing behind, not even a folder that was made for the file.
    """
    place = Path(path).absolute()
    made = [folder for folder in place.parents if not folder.exists()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".howdah-", dir=place.parent) as own:
            partial = os.path.join(own, place.name)
            yield partial
            os.replace(partial, place)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # others use it, too
                folder.rmdir()
        raise


def _files_below(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(s for s in subfolders if not s.startswith((".", "_")))
        for name in names:
            yield os.path.join(folder, name)


def _is_visible(file: str, asked: str) -> bool:
    """Hadoop's rule: names that begin with _ or . are not data, unless they were asked for."""
    return file == asked or not file.rstrip("/").rsplit("/", 1)[-1].startswith(("_", "."))
