"""Keys and tokens: made at the first start, readable by the owner alone, never shown."""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path

from stack.errors import StackError

FILE = "secrets.toml"
NAMES = ("pseudonym_key", "write_key", "admin_token")
BYTES = 32


class SecretsError(StackError):
    """The secrets' file is there but cannot be used."""


def ensure_secrets(home: Path) -> Path:
    """Make `<home>/secrets.toml` when it is absent, with mode 0600. Returns its path.

    Raises SecretsError when the file lacks a secret or others may read it.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / FILE
    lines = ["[secrets]", *(f'{name} = "{secrets.token_hex(BYTES)}"' for name in NAMES), ""]
    # Linked into place whole: of two first starts at once, one wins and neither reads half a file.
    partial = home / f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines))
    try:
        os.link(partial, path)
    except FileExistsError:
        _check(path)
    finally:
        partial.unlink()
    return path


def _check(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SecretsError(
            f"{path}: expected mode 0600, got {mode:04o}; others may have read it. Run: chmod 600 {path}"
        )
    try:
        table = tomllib.loads(path.read_text()).get("secrets", {})
    except tomllib.TOMLDecodeError as error:
        raise SecretsError(f"{path}: expected TOML with a [secrets] table: {error}") from error
    absent = [name for name in NAMES if not isinstance(table.get(name), str) or not table[name]]
    if absent:
        raise SecretsError(
            f"{path}: expected a non-empty text for each of {', '.join(NAMES)}; missing: {', '.join(absent)}"
        )
