"""What a model reads of a visitor: a part of the features, by name and type."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.model import Column, Signature
from features.values import FEATURES

OUTPUTS = (Column("item_id", "string"), Column("score", "float"))


def signature_of(names: Iterable[str]) -> Signature:
    """Of a model that reads these features and gives scored items. Raises KeyError on another name."""
    dtypes = {spec.name: spec.dtype for spec in FEATURES}
    return Signature(tuple(Column(name, dtypes[name]) for name in names), OUTPUTS)


def require_known(signature: Signature) -> None:
    """Raises ValueError where a model reads or gives something else than this code gives or shows."""
    dtypes = {spec.name: spec.dtype for spec in FEATURES}
    for column in signature.inputs:
        if dtypes.get(column.name) != column.dtype:
            came = dtypes.get(column.name, "no such feature")
            raise ValueError(f"signature: expected the feature {column.name} ({column.dtype}), came {came}")
    if signature.outputs != OUTPUTS:
        raise ValueError(f"signature: expected the outputs {OUTPUTS}, came {signature.outputs}")
