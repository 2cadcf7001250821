"""Howdah as pip installs it, called from folders where no file of the checkout is near."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import REPOSITORY

BUILT_FROM = ("LICENSE", "MANIFEST.in", "README.md", "driver.py", "pyproject.toml", "setup.cfg")
# No package is fetched, and a howdah that is there gives way.
INSTALL = ("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--force-reinstall")


def call(*command, cwd: Path) -> str:
    """What a command prints, which must exit with 0; its Python sees no packages but its own."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def new_python(folder: Path) -> Path:
    """Of a new environment: it has setuptools, and this one's packages but not its howdah."""
    call(sys.executable, "-m", "venv", folder, cwd=folder)
    python = folder / "bin" / "python"
    call(python, "-m", "pip", "install", "--upgrade", "setuptools", cwd=folder)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "zz_others.pth").write_text("\n".join(
        path for path in sys.path if path.endswith("-packages")))
    return python


def copy_sources(folder: Path) -> Path:
    """A copy of what pip installs, for pip leaves folders there."""
    for name in BUILT_FROM:
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "jobs", folder / "jobs", symlinks=True,
                    ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    return folder
