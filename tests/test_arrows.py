"""The arrows between modules: read from every import in jobs/ and driver.py, in functions too.

    scripts -> clustering | indexing | packing -> launch -> task -> kmeans | knn | input -> errors
"""

from __future__ import annotations

import ast
import re
from typing import Iterator

import pytest
from scripts import REPOSITORY

JOBS = REPOSITORY / "jobs"
# Rooms and single modules from below; rooms of one number do not know each other.
FLOORS = ({"errors", "commands", "checksum"}, {"sparse", "spelling", "arithmetic"},
          {"lengths", "input"}, {"options", "kmeans", "knn"}, {"task"}, {"launch"},
          {"clustering", "indexing", "packing"}, {"entry"}, {"scripts"}, {"__main__"})
WORKERS = {"errors", "commands", "checksum", "sparse", "spelling", "lengths", "arithmetic", "input",
           "options", "kmeans", "knn", "task"}
NUMERICS = ("howdah.kmeans.", "howdah.knn.")
STANDARD = {"__future__", "abc", "collections", "dataclasses", "fractions", "functools", "hashlib",
            "typing"}
# Modules of knn that read files and libraries' objects, and are no numerics.
READERS = {"howdah.knn.index", "howdah.knn.checks", "howdah.knn.description",
           "howdah.knn.approximate", "howdah.knn.answering"}
# Imports in functions, and why they are not where modules begin.
LAUNCHER_ONLY = "workers get no launcher, and no script but their own"
HEAVY = "a second or more, which those that do not need it must not pay"
EXTRA = "an extra, which need not be installed"
INSIDE = {
    ("howdah.entry", "howdah.launch.script"): LAUNCHER_ONLY,
    ("howdah.scripts.kmeans_round", "howdah.scripts.kmeans_sample"): LAUNCHER_ONLY,
    ("howdah.sparse", "scipy.sparse"): HEAVY,
    ("howdah.knn.brute", "scipy.spatial.distance"): HEAVY,
    ("howdah.knn.brute", "sklearn.metrics.pairwise"): HEAVY,
    ("howdah.knn.index", "joblib"): HEAVY,
    ("howdah.knn.index", "sklearn.exceptions"): HEAVY,
    ("howdah.knn.index", "sklearn.neighbors"): HEAVY,
    ("howdah.indexing.build", "sklearn.neighbors"): HEAVY,
    ("howdah.clustering.split_merge", "sklearn.cluster"): HEAVY,
    ("howdah.clustering.split_merge", "sklearn.exceptions"): HEAVY,
    ("howdah.clustering.models", "sklearn.cluster"): HEAVY,
    ("howdah.clustering.models", "sklearn.exceptions"): HEAVY,
    ("howdah.clustering.models", "sklearn.pipeline"): HEAVY,
    ("howdah.clustering.models", "sklearn.preprocessing"): HEAVY,
    ("howdah.clustering.seeds", "threadpoolctl"): HEAVY,
    ("howdah.packing.array_files", "howdah.packing.parquet"): EXTRA,
}


def modules() -> dict:
    """Every module of the project and its file; a script is howdah.scripts.NAME."""
    found = {}
    for path in (JOBS / "howdah").rglob("*.py"):
        parts = path.relative_to(JOBS).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str) -> Iterator[tuple]:
    """(name, whether it stands in a function) of every module that this one imports."""
    tree = ast.parse(MODULES[module].read_text())
    inside = {inner for function in ast.walk(tree) if isinstance(function, ast.FunctionDef)
              for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "%s imports by dots" % module
            for alias in node.names:
                name = "%s.%s" % (node.module, alias.name)
                yield (name if name in MODULES else str(node.module)), node in inside


def floor(module: str) -> int:
    """0 for howdah itself, which every module may import."""
    parts = module.split(".")
    return 0 if len(parts) == 1 else next(
        number for number, rooms in enumerate(FLOORS) if parts[1] in rooms)


def test_all_of_the_project_is_read():
    assert len(MODULES) > 80 and MODULES["howdah.scripts.driver"].samefile(REPOSITORY / "driver.py")
    assert {path.stem for path in JOBS.glob("*.py")} <= {
        name.rpartition(".")[2] for name in MODULES if name.startswith("howdah.scripts.")}


@pytest.mark.parametrize("module", MODULES)
def test_arrows_run_downward(module):
    for name, _ in imports(module):
        if name in MODULES and name.count("."):
            same_room = name.split(".")[1] == module.split(".")[1]
            assert same_room or floor(name) < floor(module), "%s -> %s" % (module, name)


def test_there_is_no_circle():
    arrows = {module: {name for name, _ in imports(module) if name in MODULES and name != module}
              for module in MODULES}
    while True:
        ends = {module for module, targets in arrows.items() if not targets}
        if not ends:
            break
        arrows = {module: targets - ends for module, targets in arrows.items()
                  if module not in ends}
    assert not arrows, "circles among %s" % sorted(arrows)


def test_numerics_import_numpy_and_parts_of_scipy_alone():
    """Brute force over sparse rows by Manhattan distance has scikit-learn's kernel besides."""
    for module in MODULES:
        if module.startswith(NUMERICS) and module not in READERS:
            for name, inner in imports(module):
                top = name.split(".")[0]
                known = top in ("howdah", "numpy", *STANDARD)
                assert known or inner and (module, name) in INSIDE, (module, name)


def test_workers_import_nothing_of_the_launcher():
    for module in MODULES:
        if module.count(".") and module.split(".")[1] in WORKERS:
            rooms = {name.split(".")[1] for name, _ in imports(module)
                     if name in MODULES and name.count(".")}
            assert rooms <= WORKERS, module


@pytest.mark.parametrize("room", [name for name, path in MODULES.items()
                                  if path.name == "__init__.py" and name.count(".")
                                  and name != "howdah.scripts"])
def test_each_module_is_drawn_at_its_room_s_door(room):
    words = set(re.findall(r"\w+", ast.get_docstring(ast.parse(MODULES[room].read_text())) or ""))
    inside = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == room}
    assert inside - words == set()


def test_each_import_in_a_function_has_its_reason():
    found = {(module, name) for module in MODULES for name, inner in imports(module) if inner}
    assert found == set(INSIDE)
