#!/bin/sh
# Makes .venv-opponents from its hash lock: libraries that cannot live beside ours. Run by `make opponents`.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] > (3, 12))' || {
    printf '%s\n' "error: the opponents need NumPy 1, which has no wheels for $(.venv/bin/python --version): expected Python 3.11 or 3.12" >&2
    exit 1
}
uv=uv
uv --version >/dev/null 2>&1 || uv=.cache/uv/bin/uv
"$uv" venv --quiet --allow-existing --python .venv/bin/python .venv-opponents
"$uv" pip sync --quiet --python .venv-opponents/bin/python --require-hashes requirements-opponents.lock
