"""Build the Python environment that workers need, as one archive to ship.

    python jobs/worker_env.py env.tar.gz
    hadoop fs -put env.tar.gz /apps/
    python driver.py hdfs:///points -k 50 -r hadoop --worker-env hdfs:///apps/env.tar.gz

The nodes need the same base Python (same version, same path) as this machine; nothing else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import PackageNotFoundError, version

from howdah.errors import OK, UserError
from howdah.launch.console import guarded, notice
from howdah.launch.files.local import aside

KMEANS = ("numpy", "pysimdjson>=7", "pybase64", "scipy")
SHIMS = ('setuptools; python_version >= "3.12"', 'standard-pipes; python_version >= "3.13"')
KNN = ("scikit-learn", "joblib")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("archive", help="the .tar.gz to write")
    parser.add_argument("--kmeans-only", action="store_true",
                        help="leave out scikit-learn, which only the k-NN jobs need")
    parser.add_argument("--add", action="append", default=[], metavar="REQUIREMENT",
                        help="one more package for pip (faiss-cpu, annoy)")
    options = parser.parse_args()
    return guarded(lambda: build(options))


def build(options) -> int:
    if os.path.exists(options.archive):
        raise UserError("%s exists already; remove it or give another name." % options.archive)
    requirements = [*KMEANS, *SHIMS, *([] if options.kmeans_only else KNN), *options.add]
    with tempfile.TemporaryDirectory(prefix="howdah-") as folder:
        env = os.path.join(folder, "env")
        # Real files: task runners change modes through links, even those of the system's Python.
        run([base_python(), "-m", "venv", "--copies", env])
        run([os.path.join(env, "bin", "python"), "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", *installed_versions(requirements)])
        run([os.path.join(env, "bin", "python"), "-m", "pip", "uninstall", "--quiet", "--yes",
             "pip"])
        refuse_links_that_leave(env)
        with aside(options.archive) as partial, tarfile.open(
                partial, "w:gz", compresslevel=6) as archive:
            archive.add(env, arcname=".", filter=without_tests)
    megabytes = os.path.getsize(options.archive) / 1e6
    notice("%s: %.0f MB, Python %d.%d" % (options.archive, megabytes, *sys.version_info[:2]))
    return OK


def base_python() -> str:
    """The interpreter below this virtual environment, as the nodes have it."""
    name = "python%d.%d" % sys.version_info[:2]
    candidate = os.path.join(sys.base_prefix, "bin", name)
    return candidate if os.path.exists(candidate) else shutil.which(name) or sys.executable


def installed_versions(requirements: list) -> list:
    """The versions that this Python has, so that workers and launcher agree (an index needs it)."""
    pinned = []
    for requirement in requirements:
        bare = requirement.split(";")[0].split(">")[0].strip()
        try:
            pinned.append("%s==%s" % (bare, version(bare)))
        except PackageNotFoundError:
            pinned.append(requirement)
    return pinned


def run(command: list) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise UserError("%s failed: %s" % (" ".join(command),
                                           done.stdout.decode("utf-8", "replace")[-800:]))


def refuse_links_that_leave(folder: str) -> None:
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            target = os.path.realpath(path)
            if os.path.islink(path) and not target.startswith(os.path.realpath(folder) + os.sep):
                raise UserError("%s links to %s outside the environment, which task runners would"
                                " make unusable." % (path, target))


def without_tests(member: tarfile.TarInfo):
    """Packages' own tests and byte code are a third of the archive."""
    parts = member.name.split("/")
    return None if "tests" in parts or "__pycache__" in parts else member


if __name__ == "__main__":
    sys.exit(main())
