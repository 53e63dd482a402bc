"""Puts together what answers: model, catalogue, popularity; what has not changed is used again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contracts.biases import ItemBiases
from contracts.item import Item
from serving.biases import by_item
from serving.index import ItemIndex
from serving.newcomers import place
from serving.popularity import Popularity, catalogue_order
from serving.ranker import Ranker
from serving.shelf import Model, Shelf

if TYPE_CHECKING:
    from serving.artefact import Artefact


class Composer:
    """Makes shelves. Building an index costs more than all else, and most changes leave it as it is."""

    def __init__(self) -> None:
        self._built: tuple[Artefact, tuple[str, ...], dict[str, str]] | None = None
        self._index: ItemIndex | None = None

    def compose(
        self,
        artefact: Artefact | None,
        loaded: Mapping[str, Item] | None,
        popularity: Popularity | None,
        *,
        live: Mapping[str, Item] | None = None,
        biases: ItemBiases | None = None,
    ) -> Shelf:
        """What answers. The catalogue knows better than the model what an item costs and whether it is there.

        `live`, where known, is all there is; else what was `loaded` comes over what the model brought.
        Without a model's popularity the given one serves, without that the catalogue's order. `biases` go where the
        order is decided: to the ranker's logits, or to retrieval's scores where no ranker answers.
        Raises ValueError where the model's parts do not fit each other.
        """
        trained = {} if artefact is None else artefact.catalogue
        catalogue = {**trained, **(loaded or {})} if live is None else live
        counted = (artefact and artefact.popularity) or popularity or catalogue_order(catalogue.values())
        model = None
        if artefact is None:
            known = {item: catalogue[item] for item in counted.items if item in catalogue}
            placed = place((item for name, item in catalogue.items() if name not in known), known)
        else:
            described = {**trained, **catalogue}
            unknown = [item for item in artefact.items if item not in described]
            if unknown:
                raise ValueError(
                    f"expected every indexed item in the catalogue, came {len(unknown)} others, {unknown[0]!r} first"
                )
            known = {item: described[item] for item in artefact.items}
            placed = place((item for name, item in catalogue.items() if name not in known), known)
            index = self._indexed(artefact, known, placed, catalogue)
            items = [known[item] for item in artefact.items]
            added = None if biases is None else by_item(biases, artefact.items)
            if added is not None and artefact.ranker is None:
                index = index.shifted(np.concatenate([added, added[_twins(artefact, placed)]]))
            model = Model(
                version=artefact.version,
                tower=artefact.tower,
                index=index,
                features=artefact.features,
                ranker=None if artefact.ranker is None else Ranker(artefact.ranker, items, placed, added),
                ranker_error=artefact.ranker_error,
                biases_until=None if biases is None else biases.learnt_until,
            )
        shelf = Shelf(model, catalogue, counted.joined(catalogue, placed))
        # Counted here, on the way to the shelf's first use, not by the first to ask.
        _ = shelf.unavailable
        return shelf

    def _indexed(
        self, artefact: Artefact, known: Mapping[str, Item], placed: dict[str, str], catalogue: Mapping[str, Item]
    ) -> ItemIndex:
        items = (*artefact.items, *placed)
        categories = tuple((known.get(item) or catalogue[item]).category for item in items)
        wanted = (artefact, categories, placed)
        if self._index is None or self._built is None or not _same(self._built, wanted):
            twins = _twins(artefact, placed)
            vectors = np.concatenate([artefact.vectors, artefact.vectors[twins]]) if placed else artefact.vectors
            bias = np.concatenate([artefact.bias, artefact.bias[twins]]) if placed else artefact.bias
            self._index = ItemIndex(items, vectors, bias, categories)
            self._built = wanted
        return self._index


def _twins(artefact: Artefact, placed: Mapping[str, str]) -> NDArray[np.intp]:
    """Rows of the known items beside which the newcomers stand."""
    rows = {item: row for row, item in enumerate(artefact.items)} if placed else {}
    return np.array([rows[twin] for twin in placed.values()], dtype=np.intp)


def _same(
    one: tuple[Artefact, tuple[str, ...], dict[str, str]], other: tuple[Artefact, tuple[str, ...], dict[str, str]]
) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
