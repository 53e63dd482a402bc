"""A model's signature as MLflow writes it, so that whoever looks a version up there sees what it reads."""

from __future__ import annotations

from typing import Any

from contracts.model import Signature


def mlmodel_file(signature: Signature, run_id: str) -> str:
    """The content of MLflow's `MLmodel` file. Serving reads the manifest; this is for people and MLflow's tools."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    kinds: dict[str, Any] = {
        "int": DataType.long,
        "float": DataType.double,
        "string": DataType.string,
        "ints": Array(DataType.long),
        "floats": Array(DataType.double),
        "strings": Array(DataType.string),
    }
    inputs, outputs = (
        Schema([ColSpec(kinds[column.dtype], column.name) for column in columns])
        for columns in (signature.inputs, signature.outputs)
    )
    model = Model(
        artifact_path="model",
        run_id=run_id,
        signature=ModelSignature(inputs, outputs),
        flavors={"clickloop": {"artefact": "manifest.json"}},
    )
    content: str = model.to_yaml()
    return content
