"""Names of articles as the shop shows them, from the descriptions on its invoices."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Notes that staff left where a description belongs.
_NOTE = re.compile(
    r"\?|^(check|display|samples?)$|\b(adjust(ment)?|amazon|amended|broken|cancelled|checked|counted|credit|crushed|"
    r"damage[sd]?|dotcom|ebay|faulty|found|given away|invoice|lost|mailout|mia|missing|mix up|mouldy|no stock|returned|"
    r"rusty|smashed|sold as|stock take|temp|test|thrown|unsaleable|wet|wrong)\b",
    re.IGNORECASE,
)
_SMALL = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "de",
        "des",
        "du",
        "en",
        "for",
        "from",
        "in",
        "la",
        "le",
        "of",
        "on",
        "or",
        "to",
        "with",
    )
)
_ABBREVIATIONS: Mapping[str, str] = {
    r"\bS(?:ET)?\s*/\s*(\d+)\b": r"Set of \1",
    r"\bP(?:AC)?K\s*/\s*(\d+)\b": r"Pack of \1",
    r"\b(?:ASS|ASST|ASSTD|ASSORT)\b\.?": "Assorted",
    r"\bC/COVER\b": "Cushion Cover",
    r"\bP/FRAME\b": "Photo Frame",
    r"\bW/": "with ",
    r"\bW\b": "with",
    r"\bCOL\b": "Colour",
    r"\b(?:HLDR|HOLD)\b": "Holder",
    r"\bNECKL(?:AC)?\b": "Necklace",
    r"\bB'FLY\b": "Butterfly",
    r"\bFLWR\b": "Flower",
    r"\bDEC\b\.?": "Decoration",
}


def is_proper(description: str) -> bool:
    """Whether a description names an article, rather than being a note or nothing."""
    return len(description.strip()) > 3 and _NOTE.search(description) is None


def best_description(counts: Mapping[str, int]) -> str | None:
    """The most frequent proper description, the first by alphabet among equals; None where none is."""
    proper = [text for text in counts if is_proper(text)]
    return min(proper, key=lambda text: (-counts[text], text)) if proper else None


def display_name(description: str) -> str:
    """A description as a shop would print it: common abbreviations written out, words capitalised."""
    text = re.sub(r"\s*,\s*", ", ", description.strip().rstrip(",. "))
    for pattern, replacement in _ABBREVIATIONS.items():
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    text = re.sub(r"\s*\+\s*", " + ", text)
    words = re.sub(r"\s+", " ", text).split(" ")
    name = " ".join(_capitalised(word, first=index == 0) for index, word in enumerate(words))
    return name.replace('"', "")


def _capitalised(word: str, *, first: bool) -> str:
    lower = word.lower()
    if lower in _SMALL and not first:
        return lower
    if re.fullmatch(r"[\d.x]+(cm|mm|m|g|kg|ml|l)?", lower):
        return lower
    # Not str.title(): that would write "Child'S".
    return re.sub(r"(^|[\s/(\"&+.-])([a-z])", lambda match: match[1] + match[2].upper(), lower)
