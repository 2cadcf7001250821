"""Files and folders by path or URI, as the launcher sees them."""

from __future__ import annotations

import os
import posixpath
from tempfile import TemporaryDirectory
from typing import Callable, Iterator, Optional

from howdah.errors import UserError
from howdah.launch.console import notice
from howdah.launch.files.filesystem import FileSystem
from howdah.launch.files.local import LocalFiles
from howdah.launch.files.paths import identity, is_uri, is_visible, local_path


class Files(FileSystem):
    """Every path to the file system that has it: a local one, or the one that `of_uri` gives."""

    def __init__(self, of_uri: Optional[Callable[[str], FileSystem]] = None):
        self._of_uri = of_uri
        self._local = LocalFiles()

    def of(self, path: str) -> FileSystem:
        """The file system of a path; UserError for a URI that cannot be reached."""
        if not is_uri(path):
            return self._local
        if self._of_uri is None:
            raise UserError("Only local paths can be used here; choose a runner with -r for URIs.")
        return self._of_uri(path)

    def stamped(self, path: str) -> list:
        """Of the visible files alone, sorted."""
        return sorted(found for found in self.of(path).stamped(path)
                      if is_visible(found[0], local_path(path)))

    def exists(self, path: str) -> bool:
        return self.of(path).exists(path)

    def head(self, path: str, size: int) -> bytes:
        return self.of(path).head(path, size)

    def tail(self, path: str, size: int) -> bytes:
        return self.of(path).tail(path, size)

    def cat(self, path: str) -> Iterator[bytes]:
        return self.of(path).cat(path)

    def replace_all(self, folder: str, files: dict) -> None:
        self.of(folder).replace_all(folder, files)

    def create(self, path: str, data: bytes) -> None:
        self.of(path).create(path, data)

    def put(self, paths: list, folder: str) -> None:
        self.of(folder).put(paths, folder)

    def rm(self, path: str) -> None:
        self.of(path).rm(path)

    def put_as(self, places: dict) -> None:
        """Copy local files to {path: where}, whatever they are called here."""
        for path, place in places.items():
            folder, name = place.rsplit("/", 1)
            with TemporaryDirectory(prefix="howdah-") as own:
                link = os.path.join(own, name)
                os.symlink(os.path.abspath(path), link)
                self.put([link], folder)

    def below(self, folder: str) -> dict:
        """{path from the folder: path} of all that it holds, hidden files and links too.

        A file or a link in the folder's own place is its ".".
        """
        if is_uri(folder):
            return {posixpath.relpath(identity(path)[1], identity(folder)[1]): path
                    for path, _ in self.of(folder).ls(folder)}
        top = local_path(folder)
        if os.path.islink(top) or os.path.exists(top) and not os.path.isdir(top):
            return {".": top}
        found = [os.path.join(where, name) for where, subfolders, names in os.walk(top)
                 for name in (*names, *subfolders)]
        return {os.path.relpath(path, top): path for path in found
                if os.path.islink(path) or not os.path.isdir(path)}

    def discard(self, path: str) -> None:
        """Remove a folder after an error, or at the end: what stays is said, and ends nothing."""
        try:
            self.rm(path)
        except UserError as error:
            notice("warning: %s stays: %s" % (path, error))
