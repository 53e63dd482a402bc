"""The write key: from HTTP Basic, or from the body, where a beacon cannot set a header."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

_BASIC = "basic "


class Unauthorized(ValueError):
    """The request does not carry the write key."""


class WriteKey:
    """Compares in constant time, so that the answer's delay tells nothing of the key."""

    def __init__(self, key: str) -> None:
        if not key:
            raise ValueError(
                "secrets.write_key: expected a key, came none; `clickloop up` makes one at the first start"
            )
        self._key = key.encode()

    def check_header(self, authorization: str | None) -> bool:
        """True where the header carries the key, False where there is no header. Raises Unauthorized."""
        if authorization is None:
            return False
        if not authorization[: len(_BASIC)].lower() == _BASIC:
            raise Unauthorized("expected Authorization: Basic with the write key as user name, came another scheme")
        try:
            decoded = base64.b64decode(authorization[len(_BASIC) :].strip(), validate=True)
        except binascii.Error as error:
            raise Unauthorized("expected base64 of `<write key>:` after Basic, came something else") from error
        if not hmac.compare_digest(decoded.partition(b":")[0], self._key):
            raise Unauthorized("expected the write key as Basic's user name, came another")
        return True

    def check_body(self, message: Any) -> None:
        """Raises Unauthorized unless the body's `writeKey` is the key."""
        given = message.get("writeKey") if type(message) is dict else None
        if type(given) is not str:
            raise Unauthorized("expected the write key, as Basic's user name or as writeKey in the body; came neither")
        if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._key):
            raise Unauthorized("expected the write key in writeKey, came another")
