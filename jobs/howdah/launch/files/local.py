"""Files of this machine."""

from __future__ import annotations

import os
import shutil
import zlib
from contextlib import contextmanager, suppress
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator

from howdah.errors import JobFailed, UserError
from howdah.input.lines import open_text
from howdah.launch.files.filesystem import FileSystem, time_stamp
from howdah.launch.files.paths import is_visible, local_path

CHUNK = 1 << 20


class LocalFiles(FileSystem):
    """A file is written under a name of its own, which then takes the place of the old one."""

    def exists(self, path: str) -> bool:
        return os.path.exists(local_path(path))

    def stamped(self, path: str) -> list:
        """What is there is never taken for a glob."""
        path = local_path(path)
        matches = [path] if os.path.exists(path) else sorted(glob(path))
        return [_stamped(file) for match in matches
                if is_visible(match, path) for file in _files_below(match)]

    def head(self, path: str, size: int) -> bytes:
        try:
            with open_text(local_path(path)) as file:
                return file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError("The file %s cannot be read (%s)." % (path, error)) from error

    def cat(self, path: str) -> Iterator[bytes]:
        with open_text(local_path(path)) as file:
            yield from iter(lambda: file.read(CHUNK), b"")

    def tail(self, path: str, size: int) -> bytes:
        with open(local_path(path), "rb") as file:
            file.seek(max(0, os.path.getsize(file.fileno()) - size))
            return file.read(size)

    def replace_all(self, folder: str, files: dict) -> None:
        for name, data in files.items():
            path = os.path.join(local_path(folder), name)
            try:
                with aside(path) as partial:
                    _write(partial, data)
            except OSError as error:
                raise JobFailed("%s cannot be written (%s)." % (path, error)) from error

    def create(self, path: str, data: bytes) -> None:
        path = local_path(path)
        with beside(path) as partial:
            _write(partial, data)
            try:
                os.link(partial, path)
            except FileExistsError:
                raise
            except OSError:  # a disk without hard links
                _write(path, data, "xb")

    def put(self, paths: list, folder: str) -> None:
        for source in paths:
            with aside(os.path.join(local_path(folder), os.path.basename(source))) as partial:
                shutil.copyfile(source, partial)

    def rm(self, path: str) -> None:
        here = local_path(path)
        try:
            if os.path.isdir(here):  # of a link to one, rmtree says that it is one
                shutil.rmtree(here)
            elif os.path.lexists(here):
                os.remove(here)
        except OSError as error:
            raise UserError("The folder %s cannot be removed (%s)." % (path, error)) from error


@contextmanager
def beside(path: str) -> Iterator[str]:
    """A name to write a file under, in a new folder beside `path`, which is gone at the end.

    Whatever fails within leaves nothing behind, not even a folder that was made for the file.
    """
    place = Path(path).absolute()
    made = [folder for folder in place.parents if not folder.exists()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".howdah-", dir=place.parent) as own:
            yield os.path.join(own, place.name)
    except BaseException:
        for folder in made:
            with suppress(OSError):  # others use it, too
                folder.rmdir()
        raise


@contextmanager
def aside(path: str) -> Iterator[str]:
    """The same, and at the end the file takes the place of `path` in one step."""
    with beside(path) as partial:
        yield partial
        os.replace(partial, Path(path).absolute())


def _write(path: str, data: bytes, mode: str = "wb") -> None:
    with open(path, mode) as file:
        file.write(data)


def _stamped(file: str) -> tuple:
    status = os.stat(file)
    return file, status.st_size, time_stamp(status.st_mtime_ns, 10 ** 9)


def _files_below(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(s for s in subfolders if not s.startswith((".", "_")))
        for name in names:
            yield os.path.join(folder, name)
