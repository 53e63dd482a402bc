"""The storefront's catalogue, following the topic `items`."""

from __future__ import annotations

from contracts.item_view import ItemView
from shop.catalogue import Catalogue


class LiveCatalogue:
    """What the topic says; until it has been read, and while nothing was ever said there, what it began with."""

    def __init__(self, view: ItemView, first: Catalogue) -> None:
        self._view = view
        self._catalogue = first

    def __call__(self) -> Catalogue:
        """The catalogue now. For one thread."""
        if self._view.refresh() and self._view.items is not None:
            self._catalogue = Catalogue(list(self._view.items.values()))
        return self._catalogue
