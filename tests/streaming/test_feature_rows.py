"""Values are encoded as Feast encodes them."""

from __future__ import annotations

from typing import Any

import pytest

# First, for its package says how Feast is imported.
import feature_repo.store  # noqa: F401

# isort: split
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

from streaming.feature_rows import typed_value


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ValueType.STRING, ["Mug", "", "Tasse à thé", None]),
        (ValueType.BYTES, [b"\x00\xff", b"", None]),
        (ValueType.BOOL, [True, False, None]),
        (ValueType.INT64, [7, 0, -(2**63), None]),
        (ValueType.DOUBLE, [2.5, 3, 0.0, -1e300, None]),
        (ValueType.STRING_LIST, [["a", "b"], [], None]),
    ],
)
def test_a_value_is_what_feast_makes_of_it(kind: ValueType, values: list[Any]) -> None:
    expected = python_values_to_proto_values(values, kind)
    assert [typed_value(kind, value) for value in values] == expected


@pytest.mark.parametrize(("kind", "value"), [(ValueType.STRING, 7), (ValueType.DOUBLE, "2.5"), (ValueType.BYTES, "x")])
def test_a_value_of_another_type_is_refused(kind: ValueType, value: Any) -> None:
    with pytest.raises(TypeError):
        typed_value(kind, value)
