"""BentoML's view of our messages: bodies bounded on the way in, documented by msgspec's schemas."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from bentoml import IODescriptor
from msgspec import Struct
from starlette.requests import Request

_REFERENCE = "#/components/schemas/{name}"
_LOCAL = "#/$defs/{name}"


class Body(Struct, frozen=True):
    """A request's bytes; None where there were more than the bound allows."""

    payload: bytes | None


def message_schema(kind: type[Struct], *, local: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema of a message and of the messages within it, by name."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_LOCAL if local else _REFERENCE)
    name = str(schema["$ref"]).rpartition("/")[2]
    return components.pop(name), components


class Message(IODescriptor):  # type: ignore[misc]
    """What a route takes or gives: `kind`, a msgspec struct in JSON."""

    __root_input__: ClassVar[bool] = True
    kind: ClassVar[type[Struct]]
    max_bytes: ClassVar[int] = 0

    @classmethod
    def model_json_schema(cls, *_args: Any, ref_template: str = _LOCAL, **_options: Any) -> dict[str, Any]:
        """The struct's schema; definitions within it stand beside, under `$defs`."""
        schema, components = message_schema(cls.kind, local=ref_template == _LOCAL)
        return {**schema, "$defs": components} if components else schema

    @classmethod
    def openapi_components(cls, _name: str) -> dict[str, Any]:
        """The schemas that OpenAPI refers to."""
        schema, components = message_schema(cls.kind)
        return {cls.kind.__name__: schema, **components}

    @classmethod
    def mime_type(cls) -> str:
        """Every message is JSON."""
        return "application/json"

    @classmethod
    async def from_http_request(cls, request: Request, _serde: Any) -> Body:
        """The body's bytes; reading stops at `max_bytes`."""
        parts: list[bytes] = []
        left = cls.max_bytes
        async for part in request.stream():
            left -= len(part)
            if left < 0:
                return Body(None)
            parts.append(part)
        return Body(b"".join(parts))
