"""What is popular, overall and where the asker is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

    @property
    def items(self) -> list[str]:
        """Ids of the counted items, the most popular first."""
        return [hit.item_id for hit in self._overall]

    def joined(self, catalogue: Mapping[str, Item], placed: Mapping[str, str]) -> Popularity:
        """With the items of the catalogue that nobody has counted yet.

        Each stands right behind the one beside which it is `placed`, with its score, or else at the end with 0.
        """
        counted = set(self.items)
        newcomers = [item for name, item in catalogue.items() if name not in counted]
        if not newcomers:
            return self
        behind: defaultdict[str, list[str]] = defaultdict(list)
        for item in newcomers:
            behind[placed.get(item.item_id, "")].append(item.item_id)
        made = Popularity(layout.Popularity(overall=[], by_category={}, by_country={}))
        made._overall = _with(self._overall, behind, [item.item_id for item in newcomers])
        made._by_country = {country: _with(hits, behind, []) for country, hits in self._by_country.items()}
        of_category: defaultdict[str, list[str]] = defaultdict(list)
        for item in newcomers:
            of_category[item.category].append(item.item_id)
        made._by_category = {
            category: _with(self._by_category.get(category, ()), behind, of_category.get(category, []))
            for category in {**self._by_category, **of_category}
        }
        return made

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


def _with(hits: Sequence[Hit], behind: Mapping[str, Sequence[str]], newcomers: Sequence[str]) -> Sequence[Hit]:
    """The hits, each followed by those behind it; newcomers that stand behind none come last."""
    found = [each for hit in hits for each in (hit, *(Hit(item, hit.score) for item in behind.get(hit.item_id, ())))]
    there = {hit.item_id for hit in found}
    return (*found, *(Hit(item, 0.0) for item in newcomers if item not in there))


def _once(hits: Iterable[Hit]) -> Iterator[Hit]:
    seen: set[str] = set()
    for hit in hits:
        if hit.item_id not in seen:
            seen.add(hit.item_id)
            yield hit
