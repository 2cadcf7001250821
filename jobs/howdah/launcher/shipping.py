"""The code that tasks need, and the settings that suit them."""

from __future__ import annotations

import inspect
import os
import zipfile

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
    """mrjob.zip, without byte code."""
    source = os.path.dirname(mrjob.__file__)
    files = {}
    for parent, _, names in os.walk(source):
        below = os.path.relpath(parent, os.path.dirname(source))
        files.update({os.path.join(below, name): os.path.join(parent, name)
                      for name in names if name.endswith(".py")})
    return _zip(os.path.join(folder, "mrjob.zip"), files)


def _zip(path: str, files: dict) -> str:
    """Pack files {name: path} with fixed times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            with open(files[name], "rb") as file:
                archive.writestr(info, file.read(), zipfile.ZIP_DEFLATED)
    return path
