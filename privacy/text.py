"""Addresses that people type or that links carry: found in text and replaced."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from privacy.keys import is_personal

REMOVED = "[removed]"

_CACHED_CHARACTERS = 512
_AT = re.compile("@|%40")
_NOT_IN_ADDRESS = r"\s@<>\"'(),;:=/?&#"
# RFC 5322 allows more before the sign than links and quotes leave to it: = / ? & # part an address from its field.
_LOCAL_REVERSED = re.compile(r"[^\s@<>\"(),;:=/?&#]*")
_DOMAIN = re.compile(rf"[^{_NOT_IN_ADDRESS}]{{1,253}}\.[^{_NOT_IN_ADDRESS}.]{{2,63}}")
_LOCAL_CHARACTERS = 64
# With a leading plus, or in the North American form with its separators: bare digits are order and article numbers.
_PHONE = re.compile(r"\+\d[\d ().-]{6,20}\d|(?<![\d-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d-])")
_IPV4 = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
# Full form, or shortened by a double colon; a time of day has neither.
_IPV6 = re.compile(
    r"(?<![\w:])(?=[a-f:]*\d)(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*(?:\.\d+)*)(?![\w:])",
    re.I,
)
_MANY_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){3}")
_URL = re.compile(r"(?:([a-z][a-z0-9+.-]*:)?//([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.I | re.S)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


def clean_text(text: str) -> str:
    """The text without e-mail addresses, telephone numbers and network addresses.

    A text that is a URL as a whole is cleaned as `clean_url` does.
    """
    if len(text) <= _CACHED_CHARACTERS:
        return _clean_cached(text)
    return _clean(text)


def clean_url(url: str) -> str:
    """The URL without credentials, personal query parameters and addresses in path, query or fragment.

    The host stays: it is the shop's, not the visitor's. What needs no cleaning stays letter by letter.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return _clean_plain(url)
    scheme, host, path, query, fragment = match.groups()
    parts = []
    if host is not None:
        parts.append(f"{scheme or ''}//{host.rpartition('@')[2]}")
    parts.append("/".join(_clean_segment(segment) for segment in path.split("/")))
    if query:
        cleaned = _clean_query(query)
        parts.append(f"?{cleaned}" if cleaned else "")
    if fragment is not None:
        parts.append(f"#{_clean_fragment(fragment)}")
    return "".join(parts)


def _clean(text: str) -> str:
    if _ABSOLUTE.match(text) and " " not in text:
        return clean_url(text)
    if text.startswith(("/", "?", "#")):
        return clean_url(text)
    return _clean_plain(text)


_clean_cached = lru_cache(maxsize=16384)(_clean)


def _clean_plain(text: str) -> str:
    if "@" in text or "%40" in text:
        text = _remove_emails(text)
    if _MANY_DIGITS.search(text) is not None:
        text = _IPV4.sub(REMOVED, _PHONE.sub(REMOVED, text))
    if text.count(":") > 1:
        text = _IPV6.sub(REMOVED, text)
    return text


def _remove_emails(text: str) -> str:
    # From each at sign outwards: a pattern that starts at the local part would try every letter of a long text.
    kept: list[str] = []
    position = 0
    for at in _AT.finditer(text):
        start = max(position, at.start() - _LOCAL_CHARACTERS)
        local = _LOCAL_REVERSED.match(text[start : at.start()][::-1])
        local_characters = 0 if local is None else local.end()
        domain = _DOMAIN.match(text, at.end())
        if at.start() < position or local_characters == 0 or domain is None:
            continue
        kept += (text[position : at.start() - local_characters], REMOVED)
        position = domain.end()
    kept.append(text[position:])
    return "".join(kept)


def _clean_segment(segment: str) -> str:
    plain = unquote(segment)
    cleaned = _clean_plain(plain)
    return segment if cleaned == plain else cleaned


def _clean_query(query: str) -> str:
    return "&".join(pair for pair in map(_clean_pair, query.split("&")) if pair is not None)


def _clean_pair(pair: str) -> str | None:
    name, separator, value = pair.partition("=")
    if is_personal(unquote_plus(name)):
        return None
    plain = unquote_plus(value)
    # A query's plus is a space, but a number that begins with one is still a telephone number.
    written = f"+{plain[1:]}" if value.startswith("+") else plain
    if _clean_plain(written) == written:
        return f"{_clean_segment(name)}{separator}{value}"
    return f"{_clean_segment(name)}{separator}{REMOVED}"


def _clean_fragment(fragment: str) -> str:
    if "=" in fragment:
        path, mark, query = fragment.rpartition("?")
        return f"{_clean_segment(path)}{mark}{_clean_query(query)}"
    return "/".join(_clean_segment(part) for part in fragment.split("/"))
