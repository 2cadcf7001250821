"""The code that tasks need, and the settings that suit them."""

from __future__ import annotations

import inspect
import marshal
import os
import re
import tempfile
import zipfile
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, source_hash
from typing import Optional, Pattern

import mrjob

import howdah
from howdah.errors import UserError
from howdah.launch.files.paths import is_uri, local_path

#: Tasks share a machine's cores, so each gets one thread.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

#: What a path to ship, one with a scheme and one of an input may not hold: mrjob takes `path#name`
#: for a file and its name in tasks and `-x` for an option, Hadoop reads URIs between commas, and
#: Hadoop and Spark take an input for a glob.
ODD_PATH = re.compile(r"[^\w./=@+-]|(?:\A|/)\W[^/]*\Z")
ODD_URI = re.compile(r"[^\w./=@+:~()!;&-]")
ODD_INPUT = re.compile(r"[,:*?\[\]{}\\]")
PACKAGE = os.path.dirname(os.path.abspath(howdah.__file__))
JOBS_FOLDER = os.path.dirname(PACKAGE)
SCRIPTS = "howdah.scripts."
#: What workers get of the package: its own modules ("") and these rooms.
WORKERS = ("", "input", "kmeans", "knn", "task")


def zip_package(folder: str, job_class=None) -> str:
    """howdah.zip with all that a worker imports; the same bytes for the same code.

    A job that is derived from another script's job takes that script along.
    """
    files = {os.path.join("howdah", room, name): os.path.join(PACKAGE, room, name)
             for room in WORKERS for name in os.listdir(os.path.join(PACKAGE, room))
             if name.endswith(".py") and name != "__main__.py"}
    for base in job_class.__mro__[1:] if job_class else ():
        if base.__module__.startswith(SCRIPTS):
            files[SCRIPTS.replace(".", "/") + "__init__.py"] = os.path.join(
                PACKAGE, "scripts", "__init__.py")
            files[base.__module__.replace(".", "/") + ".py"] = inspect.getfile(base)
        elif "." not in base.__module__ and base is not object:
            files[base.__module__ + ".py"] = inspect.getfile(base)
    return _zip(os.path.join(folder, "howdah.zip"), files)


def zip_mrjob(folder: str) -> str:
    """mrjob.zip."""
    source = os.path.dirname(mrjob.__file__)
    files = {}
    for parent, _, names in os.walk(source):
        below = os.path.relpath(parent, os.path.dirname(source))
        files.update({os.path.join(below, name): os.path.join(parent, name)
                      for name in names if name.endswith(".py")})
    return _zip(os.path.join(folder, "mrjob.zip"), files)


def plain_path(path: str, folder: str, odd: Pattern = ODD_PATH) -> str:
    """A file as a runner can take it: itself, or if its path is odd a link to it in `folder`."""
    if is_uri(path) or not odd.search(path):
        return path
    link = os.path.join(tempfile.mkdtemp(dir=folder), plain_name(path))
    os.symlink(os.path.abspath(local_path(path)), link)
    return link


def plain_name(path: str) -> str:
    """The name of a file without odd characters."""
    name = re.sub(r"[^\w.-]", "_", os.path.basename(path))
    return name if name[:1].isalnum() else "file" + name


def refuse_odd(uri: Optional[str], odd: Pattern) -> None:
    """UserError for a URI that no runner can take."""
    if not uri or not is_uri(uri):
        return
    found = odd.search(uri, re.match("[^:]*://[^/]*", uri).end())  # type: ignore[union-attr]
    if found:
        raise UserError("The URI %s holds %r, which means something else to Hadoop or Spark; rename"
                        " the file." % (uri, found.group()))


def _zip(path: str, files: dict) -> str:
    """Pack files {name: path} with fixed times, and beside a module its byte code.

    Else every task would compile every module that it imports, which takes as long as the imports
    themselves. A task of another Python version passes the byte code by.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(files):
            with open(files[name], "rb") as file:
                source = file.read()
            for member, data in ((name, source), (name + "c", _byte_code(files[name], source))):
                info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


@lru_cache(maxsize=None)
def _byte_code(path: str, source: bytes) -> bytes:
    """A module compiled for this Python, in the form that is taken without a check (PEP 552)."""
    module = os.path.basename(path)
    code = SourceFileLoader(module, path).get_code(module)
    # Later versions of marshal write what depends on which objects are shared just now.
    return MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source) + marshal.dumps(code, 2)
