#!/bin/sh
# Makes .venv-opponents from its hash lock: libraries that cannot live beside ours. Run by `make opponents`.
set -eu
cd "$(dirname "$0")/.."
uv=uv
uv --version >/dev/null 2>&1 || uv=.cache/uv/bin/uv
"$uv" venv --quiet --allow-existing --python .venv/bin/python .venv-opponents
"$uv" pip sync --quiet --python .venv-opponents/bin/python --require-hashes requirements-opponents.lock
