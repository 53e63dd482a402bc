"""Feast is imported as `feature_repo` says, which costs a fraction, only by those who import that package first."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import PROJECT

ROOMS = sorted({path.parent for path in PROJECT.glob("*/*.py") if not path.parent.name.startswith(".")})


def imported(statement: ast.stmt) -> list[str]:
    """The packages that a statement of a module's body imports."""
    if isinstance(statement, ast.Import):
        return [alias.name.partition(".")[0] for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module:
        return [statement.module.partition(".")[0]]
    return []


def feast_comes_first(source: str) -> bool:
    """Whether a module imports Feast before `feature_repo`, leaving aside what functions and types alone import."""
    order = [name for statement in ast.parse(source).body for name in imported(statement)]
    return "feast" in order and "feature_repo" not in order[: order.index("feast")]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("import feast\nimport feature_repo.store", True),
        ("from feast.protos.feast.types.Value_pb2 import Value", True),
        ("from feature_repo.store import apply\nfrom feast import FeatureStore", False),
        ("import feature_repo.store, os\nimport feast.types", False),
        ("if TYPE_CHECKING:\n    import feast", False),
        ("import feastful", False),
    ],
)
def test_the_order_is_told_from_the_source(source: str, first: bool) -> None:
    assert feast_comes_first(source) is first


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_who_imports_feast_imports_its_package_here_first(room: Path) -> None:
    # The package itself is imported before any of its modules.
    modules = [] if room.name == "feature_repo" else sorted(room.rglob("*.py"))
    assert [str(path) for path in modules if feast_comes_first(path.read_text())] == []
