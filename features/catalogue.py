"""What the catalogue said of an item at an instant: versions by time, as few as events can still need."""

from __future__ import annotations

from sys import intern

from features.facts import ItemFacts

# From when it holds, and what; None: the item is gone.
_Version = tuple[int, ItemFacts | None]


class ItemFactsTable:
    """Versions of items, put in the order in which the topic has them; times in microseconds since 1970 UTC."""

    def __init__(self) -> None:
        self._newest: dict[str, _Version] = {}
        # Most items have one version, so the rest stand apart, oldest first.
        self._older: dict[str, list[_Version]] = {}
        self._gone: set[str] = set()

    def __len__(self) -> int:
        """Items that are not gone."""
        return len(self._newest) - len(self._gone)

    @property
    def versions(self) -> int:
        """Versions in memory."""
        return len(self._newest) + sum(map(len, self._older.values()))

    def at(self, item_id: str, at_us: int) -> ItemFacts | None:
        """What held at `at_us`: the newest version since then or before, else the oldest known.

        None where the item is unknown, or was gone then.
        """
        newest = self._newest.get(item_id)
        if newest is None:
            return None
        if at_us >= newest[0]:
            return newest[1]
        older = self._older.get(item_id)
        if older is None:
            return newest[1]
        for since_us, facts in reversed(older):
            if at_us >= since_us:
                return facts
        return older[0][1]

    def put(self, item_id: str, since_us: int, facts: ItemFacts | None) -> None:
        """The item's next version; None: it is gone.

        Of two that hold from the same instant the later put counts. One put later cannot hold from
        earlier than the one before it: it takes its place from the same instant on.
        """
        newest = self._newest.get(item_id)
        if facts is not None:
            facts = ItemFacts(_shared(facts.category), _shared(facts.brand), facts.price)
        if newest is None:
            self._newest[intern(item_id)] = (since_us, facts)
        elif since_us > newest[0]:
            self._older.setdefault(item_id, []).append(newest)
            self._newest[item_id] = (since_us, facts)
        else:
            self._newest[item_id] = (newest[0], facts)
        if facts is None:
            self._gone.add(item_id)
        else:
            self._gone.discard(item_id)

    def forget(self, before_us: int) -> None:
        """Drop what no event at `before_us` or later needs.

        An item that was gone by then is unknown from now on; should it come back, it is a new one.
        """
        for item_id in list(self._older):
            if self._newest[item_id][0] <= before_us:
                del self._older[item_id]
                continue
            versions = self._older[item_id]
            needed = max((place for place, version in enumerate(versions) if version[0] <= before_us), default=0)
            del versions[:needed]
        for item_id in [name for name in self._gone if self._newest[name][0] <= before_us]:
            del self._newest[item_id]
            self._gone.discard(item_id)


def _shared(label: str | None) -> str | None:
    return None if label is None else intern(label)
