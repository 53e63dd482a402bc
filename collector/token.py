"""The admin token: what the catalogue is changed with."""

from __future__ import annotations

import hmac

from collector.key import Unauthorized

_BEARER = "bearer "
HOW = "expected Authorization: Bearer with the admin token"


class AdminToken:
    """Compares in constant time. Without a token set, nobody has it."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def check(self, authorization: str | None) -> None:
        """Raises Unauthorized unless the header carries the token."""
        if not self._token:
            raise Unauthorized("secrets.admin_token: expected a token, none is set; `clickloop up` makes one")
        if authorization is None:
            raise Unauthorized(f"{HOW}, came no header")
        if authorization[: len(_BEARER)].lower() != _BEARER:
            raise Unauthorized(f"{HOW}, came another scheme")
        given = authorization[len(_BEARER) :].strip().encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._token):
            raise Unauthorized(f"{HOW}, came another")
