"""A naive recount: every value from the whole list of events, by its definition alone.

Nothing here shares code with `features`; constants are written out again on purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.event import Event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GROUPS = ["page_view", "item_view", "click", "search", "add_to_cart", "purchase", "like", "impression"]
WINDOWS = {"1h": (300, 12), "24h": (3600, 24), "7d": (86400, 7), "30d": (86400, 30)}
HALF_LIVES_S = {"1h": 3600, "1d": 86400, "30d": 30 * 86400}
WEIGHTS = {"item_view": 1, "click": 1, "like": 3, "share": 3, "add_to_cart": 3, "purchase": 5}
CODES = {"item_view": 0, "click": 1, "like": 2, "share": 3, "add_to_cart": 4, "purchase": 5}
CART_RANK = {"add_to_cart": 0, "remove_from_cart": 1, "purchase": 2}
GAP = timedelta(minutes=30)
MONTH = timedelta(days=30)


def micros(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


Fact = tuple[str | None, str | None, float | None]


@dataclass
class Oracle:
    """The events that count, after repeats, late ones and withheld ones are left out.

    `facts`: what the catalogue says of an item, as (category, brand, price). `weights`: how many
    events one stands for, by message id.
    """

    events: list[Event] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        arrivals: list[Event],
        *,
        facts: dict[str, Fact] | None = None,
        weights: dict[str, int] | None = None,
        lateness: timedelta = MONTH,
    ) -> Oracle:
        oracle, seen = cls(facts=facts or {}, weights=weights or {}), set()
        for event in arrivals:
            newest = max((known.timestamp for known in oracle.events), default=event.timestamp)
            late = event.timestamp < newest - lateness
            if event.message_id in seen or late or not event.consent.personalization:
                continue
            seen.add(event.message_id)
            oracle.events.append(event)
        return oracle

    def values(self, at: datetime) -> dict[str, Any]:
        found: dict[str, Any] = {"events_total": len(self.events)}
        if not self.events:
            return found
        times = [event.timestamp for event in self.events]
        found["recency_s"] = (at - max(times)).total_seconds()
        found["tenure_s"] = (at - min(times)).total_seconds()
        for group in [*GROUPS, "other"]:
            self._count_group(group, at, found)
        day = sum(found[f"{group}_24h"] for group in [*GROUPS, "other"])
        hour = sum(found[f"{group}_1h"] for group in [*GROUPS, "other"])
        found["velocity"] = 24 * hour / day if day else 0.0
        self._session(at, found)
        self._items(at, found)
        self._taste(at, found)
        return found

    def _count_group(self, group: str, at: datetime, found: dict[str, Any]) -> None:
        mine = [e for e in self.events if (e.type.value if e.type.value in GROUPS else "other") == group]
        for label, (size_s, number) in WINDOWS.items():
            bucket = micros(at) // (size_s * 10**6)
            inside = [e for e in mine if micros(e.timestamp) // (size_s * 10**6) > bucket - number]
            found[f"{group}_{label}"] = self._number(inside)
        for label, half_life_s in HALF_LIVES_S.items():
            parts = [self._number([e]) * 0.5 ** ((at - e.timestamp).total_seconds() / half_life_s) for e in mine]
            found[f"{group}_decayed_{label}"] = math.fsum(parts)

    def _number(self, events: list[Event]) -> int:
        return sum(self.weights.get(e.message_id, 1) for e in events)

    def _session(self, at: datetime, found: dict[str, Any]) -> None:
        session: list[Event] = []
        for event in sorted((e for e in self.events if e.type.value != "impression"), key=lambda e: e.timestamp):
            if session and event.timestamp - session[-1].timestamp > GAP:
                session = []
            session.append(event)
        if session and at - session[-1].timestamp > GAP:
            session = []
        found["session_active"] = int(bool(session))
        found["session_events"] = self._number(session)
        found["session_item_views"] = self._number([e for e in session if e.type.value == "item_view"])
        length = session[-1].timestamp - session[0].timestamp if session else timedelta()
        found["session_length_s"] = length.total_seconds()

    def _items(self, at: datetime, found: dict[str, Any]) -> None:
        acted = [e for e in self.events if e.item_id and e.type.value in CODES]
        acted.sort(key=lambda e: (e.timestamp, CODES[e.type.value], e.item_id), reverse=True)
        found["recent_items"] = [e.item_id for e in acted][:100]
        found["recent_actions"] = [e.type.value for e in acted][:100]
        found["recent_ages_s"] = [(at - e.timestamp).total_seconds() for e in acted][:100]
        newest: dict[str, tuple[datetime, int, int]] = {}
        for e in self.events:
            if e.item_id and e.type.value in CART_RANK:
                line = (e.timestamp, CART_RANK[e.type.value], e.quantity or 1)
                newest[e.item_id] = max(newest.get(e.item_id, line), line)
        held = {item: line for item, line in newest.items() if line[1] == 0}
        found["cart_items"] = sorted(held, key=lambda item: (held[item][0], item), reverse=True)
        found["cart_size"] = len(held)
        found["cart_quantity"] = sum(line[2] for line in held.values())
        found["cart_age_s"] = min(((at - line[0]).total_seconds() for line in held.values()), default=0.0)
        found["bought_total"] = len({e.item_id for e in self.events if e.item_id and e.type.value == "purchase"})

    def _taste(self, at: datetime, found: dict[str, Any]) -> None:
        weights: dict[str, list[float]] = {}
        prices: list[tuple[float, float]] = []
        for e in self.events:
            if not e.item_id or e.type.value not in WEIGHTS:
                continue
            weight = WEIGHTS[e.type.value] * 0.5 ** ((at - e.timestamp) / MONTH)
            known = self.facts.get(e.item_id, (None, None, None))
            category = known[0] or e.properties.get("category")
            if category:
                weights.setdefault(category, []).append(weight)
            price = known[2] if e.price is None else e.price
            if price is not None:
                prices.append((weight, math.log(max(price, 0.01))))
        sums = {category: math.fsum(parts) for category, parts in weights.items()}
        total = math.fsum(sums.values())
        found["category_share"] = {category: part / total for category, part in sums.items()} if total else {}
        entropy = -math.fsum(p * math.log(p) for p in found["category_share"].values() if p)
        found["category_entropy"] = max(0.0, entropy)
        mass = math.fsum(weight for weight, _ in prices)
        found["price_level"] = math.exp(math.fsum(w * p for w, p in prices) / mass) if mass else 0.0


def agree(values: dict[str, Any], expected: dict[str, Any]) -> None:
    """Hold values against the oracle's: numbers to 1e-6, all else exactly."""
    share = dict(zip(values["categories"], values["category_weights"], strict=True))
    for name, wanted in expected.items():
        found = share if name == "category_share" else values[name]
        assert _close(found, wanted), f"{name}: expected {wanted}, came {found}"


def _close(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(_close(one, two) for one, two in zip(found, wanted, strict=True))
    if isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-6, abs_tol=1e-6)
    return bool(found == wanted)
