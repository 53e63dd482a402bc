"""Modules whose import is put off until they are used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from feature_repo.deferred import deferred

HEAVY = """
class Frame:
    def __init__(self, rows=0):
        self.rows = rows

    @classmethod
    def of(cls, rows):
        return cls(rows)
"""
LIGHT = """
import heavy
import heavy.parts as parts
from heavy import Frame
from typing import Optional, Union

def grown(frame: heavy.Frame, other: Union[Frame, str, None] = None, last: Optional[parts.Part] = None) -> heavy.Frame:
    return heavy.Frame(frame.rows + 1)

def made():
    return Frame(2)

def three():
    return Frame.of(3)

def known(one):
    return isinstance(one, Frame), isinstance(one, heavy.Frame)

def part():
    return parts.Part()
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`light` names things of `heavy`, `hasty` uses one at once."""
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text(HEAVY)
    (tmp_path / "heavy" / "parts.py").write_text("class Part: ...")
    (tmp_path / "light.py").write_text(LIGHT)
    (tmp_path / "hasty.py").write_text("from heavy import Frame\nFIRST = Frame()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("heavy", "heavy.parts", "light", "hasty"):
        sys.modules.pop(name, None)


@pytest.fixture
def light(modules: None) -> Any:
    """`light`, imported while `heavy` was put off."""
    with deferred(("heavy", "heavy.parts")):
        return import_module("light")


def test_naming_imports_nothing(light: Any) -> None:
    assert "heavy" not in sys.modules
    assert "heavy.parts" not in sys.modules
    assert light.grown.__annotations__["frame"].__name__ == "Frame"


def test_the_first_use_imports_and_what_comes_is_the_modules_own(light: Any) -> None:
    made = light.made()
    own = import_module("heavy")
    assert type(made) is own.Frame
    assert light.three().rows == 3
    assert type(light.grown(made)) is own.Frame
    assert light.known(made) == (True, True)
    assert light.known("text") == (False, False)
    assert type(light.part()) is import_module("heavy.parts").Part


def test_use_while_put_off_says_what_was_used(modules: None) -> None:
    said = r"heavy\.Frame: expected no use while its import is put off"
    with deferred(("heavy",)), pytest.raises(ImportError, match=said):
        import_module("hasty")


def test_what_is_loaded_already_is_not_put_off() -> None:
    with deferred(("json",)):
        assert import_module("json") is sys.modules["json"]
        assert import_module("json").loads("1") == 1
    assert import_module("json").loads("2") == 2


def test_a_name_that_the_module_lacks_is_an_attribute_error(light: Any) -> None:
    with pytest.raises(AttributeError, match="Missing"):
        _ = light.heavy.Missing
