#!/bin/sh
# Adds to .venv what only the checks need: the SDKs of models, and what runs a model in a file where it can be installed.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
echo "setup: adding what the tests of models need (once; 150 MB)" >&2
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input "$@"; }
pip install --require-hashes --only-binary :all: -r requirements/models.lock
pip install --require-hashes --only-binary :all: -r requirements/local.lock ||
    echo "setup: xllamacpp cannot be installed here, so the tests of local models are left out" >&2
