"""The browser of the page's test: the machine's own, else Playwright's, else Debian's package.

`python -m stack.chromium` makes sure that there is one and prints its path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from stack.errors import StackError

VARIABLE = "CLICKLOOP_CHROMIUM"
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE = "chromium"
# Where distributions' packages put it, whatever PATH says.
PACKAGED = "/usr/bin:/usr/local/bin"


class ChromiumError(StackError):
    """There is no Chromium, and none could be installed."""


def find_chromium() -> Path | None:
    """The executable that `CLICKLOOP_CHROMIUM` names, else one on PATH, else Playwright's, else None."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for command in COMMANDS:
        found = shutil.which(command) or shutil.which(command, path=PACKAGED)
        if found is not None:
            return Path(found)
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    own = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return own[-1] if own else None


def require_chromium() -> Path:
    """The browser. Raises ChromiumError saying how to get one."""
    found = find_chromium()
    if found is None:
        raise ChromiumError(
            f"expected Chromium: {', '.join(COMMANDS)} on PATH, Playwright's own, or the path in {VARIABLE}; got none. "
            f"Run as root: apt-get install {PACKAGE}; or: .venv/bin/playwright install chromium"
        )
    return found


def install() -> None:
    """Install Debian's package. Raises ChromiumError when this is not Debian, not root, or it fails."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        require_chromium()
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", PACKAGE]):
        done = subprocess.run([apt, "-q", *arguments], env=environment, stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise ChromiumError(f"apt-get {' '.join(arguments)} ended with exit code {done.returncode}")


def main() -> int:
    """Find or install; print the path."""
    try:
        if find_chromium() is None:
            print(f"Chromium: none found, installing Debian's package {PACKAGE}", file=sys.stderr)
            install()
        print(f"Chromium: {require_chromium()}", file=sys.stderr)
    except ChromiumError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
