"""What is popular, overall and where the asker is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from contracts import model as layout
from contracts.item import Item
from serving.index import Hit

Scores = Iterable[tuple[str, float]]


class Ranking(NamedTuple):
    """Items best first; `in_context` says whether country or category had a part in the order."""

    hits: Iterator[Hit]
    in_context: bool


class Popularity:
    """Rankings made once, read many times."""

    def __init__(self, counted: layout.Popularity) -> None:
        self._overall = _ranked(counted.overall)
        self._by_country = {country: _ranked(scores) for country, scores in counted.by_country.items()}
        self._by_category = {category: _ranked(scores) for category, scores in counted.by_category.items()}

    def __bool__(self) -> bool:
        return bool(self._overall)

    def ranking(self, *, country: str | None, category: str | None) -> Ranking:
        """All items, those popular in the country first, or in the category where only that is known.

        Ends with the overall order, so that a small country's list does not end early. Scores
        are comparable within one of the lists alone, so the later list's are left at 0.
        """
        local = self._by_country.get(country or "", ())
        if not local and category is not None:
            local = self._by_category.get(category, ())
        if not local:
            return Ranking(iter(self._overall), False)
        return Ranking(_once(chain(local, (Hit(hit.item_id, 0.0) for hit in self._overall))), True)


def catalogue_order(catalogue: Iterable[Item]) -> Popularity:
    """The order of the catalogue, for want of anything better; every score 0."""
    overall = [(item.item_id, 0.0) for item in catalogue]
    return Popularity(layout.Popularity(overall=overall, by_category={}, by_country={}))


def _ranked(scores: Scores) -> Sequence[Hit]:
    # Sorting is stable: equal scores keep the order in which they came.
    return tuple(Hit(item, score) for item, score in sorted(scores, key=lambda pair: -pair[1]))


def _once(hits: Iterable[Hit]) -> Iterator[Hit]:
    seen: set[str] = set()
    for hit in hits:
        if hit.item_id not in seen:
            seen.add(hit.item_id)
            yield hit
