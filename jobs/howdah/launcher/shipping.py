"""The code that tasks need, and the settings that suit them."""

from __future__ import annotations

import inspect
import marshal
import os
import zipfile
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, source_hash

import mrjob

#: Tasks share a machine's cores, so each gets one thread.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS_FOLDER = os.path.dirname(PACKAGE)


def zip_package(folder: str, job_class=None) -> str:
    """howdah.zip with all that a worker imports; the same bytes for the same code.

    A job that is derived from another script's job takes that script along.
    """
    files = {"howdah/" + name: os.path.join(PACKAGE, name)
             for name in os.listdir(PACKAGE) if name.endswith(".py")}
    for base in job_class.__mro__[1:] if job_class else ():
        if "." not in base.__module__ and base is not object:
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
