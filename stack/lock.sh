#!/bin/sh
# Resolves every lock anew: uv's own, the Python packages', Kafka's jars'. Run by `make lock`.
set -eu
cd "$(dirname "$0")/.."
uv=uv
uv --version >/dev/null 2>&1 || uv=.cache/uv/bin/uv
"$uv" pip compile --quiet --no-header --universal --generate-hashes --python-version 3.11 requirements-uv.in -o requirements-uv.lock
"$uv" pip compile --quiet --no-header --universal --generate-hashes --python-version 3.11 requirements-opponents.in -o requirements-opponents.lock
"$uv" pip compile --quiet --no-header --universal --generate-hashes --python-version 3.11 pyproject.toml --group dev -o requirements.lock
# What both environments hold, they hold in the same version.
"$uv" pip compile --quiet --no-header --universal --generate-hashes --python-version 3.11 --group pyproject.toml:spark -c requirements.lock -o requirements-spark.lock
.venv/bin/python -m stack.jars lock
