#!/usr/bin/env bash
# Run the suite on the other Pythons, each in a virtual environment of its own; one line for each
# at the end. Arguments go to pytest: tests/pythons.sh -k iris
# VERSIONS="3.9 3.10" chooses the Pythons; an interpreter that is not on the machine is named.
set -uo pipefail
cd "$(dirname "$0")/.."
export PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
unset PYTHONPATH MRJOB_CONF

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A shim of pyenv stands on the PATH for versions that are not active, so ask it to run.
find_python() {
    local candidate
    for candidate in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python; do
        if "$candidate" -c 'import venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

run_suite() {
    local venv="$scratch/$1"
    shift
    "$1" -m venv "$venv" && "$venv/bin/pip" install -e '.[test]' || return
    shift
    PATH="$venv/bin:$PATH" pytest "$@"
}

failed=0
for version in ${VERSIONS:-3.9 3.12 3.13}; do
    if ! python=$(find_python "$version"); then
        echo "Python $version: SKIPPED, NO INTERPRETER ON THIS MACHINE" >>"$scratch/summary"
    elif run_suite "$version" "$python" "$@" | tee "$scratch/log"; then
        echo "Python $version: passed, $(tail -n 1 "$scratch/log")" >>"$scratch/summary"
    else
        echo "Python $version: FAILED, $(tail -n 1 "$scratch/log")" >>"$scratch/summary"
        failed=1
    fi
    rm -rf "${scratch:?}/$version"
done
echo
cat "$scratch/summary"
exit "$failed"
