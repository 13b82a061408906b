#!/bin/sh
# Makes .venv from requirements/dev.lock: every file checked against its hash, nothing built from source but rung itself.
# Needs a Python >= 3.11 that has venv; where the distribution left venv out, uv will do.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
wanted='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    # A name on the PATH proves nothing: a version manager puts one there for every version it knows. So each is tried.
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c "$wanted; import ensurepip, venv" >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
}

python=$(find_python)
if test "$(cat .venv/ready 2>/dev/null)" = "$(pwd -P)" && .venv/bin/python -c "$wanted" >/dev/null 2>&1; then
    echo "setup: bringing .venv up to date" >&2
else
    echo "setup: making .venv (once; half a minute, 400 MB)" >&2
    if test -n "$python"; then
        "$python" -m venv --clear .venv
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --clear --seed --python '>=3.11' .venv
    else
        echo "setup: no Python >= 3.11 with venv was found. Install one (Debian, Ubuntu: apt install python3-venv)." >&2
        exit 1
    fi
fi
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input "$@"; }
pip install --require-hashes --only-binary :all: -r requirements/dev.lock
pip install --no-deps --no-build-isolation -e .
