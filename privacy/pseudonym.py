"""Keyed pseudonyms: the same person gets the same code, nobody without the key can go back."""

from __future__ import annotations

import base64
import hashlib
import hmac

MIN_KEY_BYTES = 16
_CODE_BYTES = 16


class Pseudonymizer:
    """HMAC-SHA256 (RFC 2104) of an identifier, cut to 128 bits, base64url without padding.

    User ids and anonymous ids live in separate domains: equal text gives different codes.
    """

    def __init__(self, key: str) -> None:
        if len(key.encode()) < MIN_KEY_BYTES:
            raise ValueError(
                f"secrets.pseudonym_key: expected at least {MIN_KEY_BYTES} bytes, came {len(key.encode())}; "
                "`clickloop up` makes one at the first start"
            )
        self._mac = hmac.new(key.encode(), digestmod=hashlib.sha256)

    def user(self, user_id: str) -> str:
        """Pseudonym of a logged-in user's id, 22 characters."""
        return self._code("user", user_id)

    def anonymous(self, anonymous_id: str) -> str:
        """Pseudonym of a browser's anonymous id, 22 characters."""
        return self._code("anonymous", anonymous_id)

    def profile(self, *, user_id: str | None, anonymous_id: str | None) -> str | None:
        """The profile that the ids belong to: the user's if given, else the visitor's, else None."""
        if user_id is not None:
            return self.user(user_id)
        return None if anonymous_id is None else self.anonymous(anonymous_id)

    def _code(self, domain: str, identifier: str) -> str:
        mac = self._mac.copy()
        mac.update(f"{domain}:{identifier}".encode())
        return base64.urlsafe_b64encode(mac.digest()[:_CODE_BYTES]).rstrip(b"=").decode()
