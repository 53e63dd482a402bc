"""A naive recount: every value from the whole list of events, by its definition alone.

Nothing here shares code with `features` but the list of their names; constants are written out again
on purpose.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from contracts.event import Event
from features.values import FEATURES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GROUPS = ["page_view", "item_view", "click", "search", "add_to_cart", "purchase", "like", "impression"]
BY_HAND = ["page_view", "item_view", "click", "search", "add_to_cart", "like"]
WINDOWS = {"1h": (300, 12), "24h": (3600, 24), "7d": (86400, 7), "30d": (86400, 30)}
HALF_LIVES_S = {"1h": 3600, "1d": 86400, "30d": 30 * 86400}
WORTH = {"item_view": 1, "click": 1, "like": 3, "share": 3, "add_to_cart": 3, "purchase": 5}
CODES = {"item_view": 0, "click": 1, "like": 2, "share": 3, "add_to_cart": 4, "purchase": 5}
CART_RANK = {"add_to_cart": 0, "remove_from_cart": 1, "purchase": 2}
SOURCES = ["context", "form", "account", "crm"]
BY_SOURCE = {"plan", "gender"}
# Lists of names stand beside lists of their shares; the oracle gives both as one mapping.
SHARES = {"categories": "category_weights", "brands": "brand_weights", "price_bands": "price_band_weights"}
GAP = timedelta(minutes=30)
MONTH = timedelta(days=30)

Fact = tuple[str | None, str | None, float | None]


def micros(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


def milli(instant: datetime) -> datetime:
    """The instant rounded down to the millisecond."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@dataclass
class Oracle:
    """The events that count, in order of arrival, after repeats, late ones and withheld ones are left out.

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
        times = [event.timestamp for event in self.events]
        found: dict[str, Any] = {"events_total": len(self.events), "bot": int(self.is_bot())}
        found["recency_s"] = (at - max(times)).total_seconds() if times else 0.0
        found["tenure_s"] = (at - min(times)).total_seconds() if times else 0.0
        for group in [*GROUPS, "other"]:
            self._count_group(group, at, found)
        total = {label: sum(found[f"{group}_{label}"] for group in [*GROUPS, "other"]) for label in WINDOWS}
        found["velocity"] = 24 * total["1h"] / total["24h"] if total["24h"] else 0.0
        found["frequency"] = total["30d"] / 30
        days = {micros(time) // 86_400_000_000 for time in times}
        found["active_days_30d"] = sum(day > micros(at) // 86_400_000_000 - 30 for day in days)
        self._session(at, found)
        self._items(at, found)
        self._cart(at, found)
        self._taste(at, found)
        self._habit(at, found)
        said = self.traits()
        found |= {name: str(said.get(name, "")) for name in ("country", "city", "device", "locale")}
        searches = {self._term(e): e.timestamp for e in sorted(self.events, key=lambda e: e.timestamp) if self._term(e)}
        found["search_terms"] = sorted(searches, key=lambda term: (searches[term], term), reverse=True)[:5]
        return found

    def traits(self) -> dict[str, Any]:
        """The winning word on each attribute."""
        words: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for e in self.events:
            context = {name: getattr(e.context, name) for name in ("country", "city", "device", "locale", "time_zone")}
            said = e.properties if e.type.value == "identify" else {}
            source = SOURCES.index(said.get("source", "account"))
            for name, value, rank in [
                *((name, value, 0) for name, value in context.items() if value is not None),
                *((name, value, source) for name, value in said.items() if name != "source"),
            ]:
                order = (rank, e.timestamp) if name in BY_SOURCE else (e.timestamp, rank)
                words[name].append((*order, str(value), type(value).__name__, value))
        return {name: max(each)[-1] for name, each in words.items()}

    def is_bot(self) -> bool:
        """By user agent, by rate at any arrival, by regularity at every sixteenth."""
        arrived: list[Event] = []
        for event in self.events:
            arrived.append(event)
            newest = max(e.timestamp for e in arrived)
            bucket = micros(event.timestamp) // 300_000_000
            alike = [e for e in arrived if e.type is event.type and micros(e.timestamp) // 300_000_000 == bucket]
            fresh = bucket > micros(newest) // 300_000_000 - 12
            rapid = fresh and event.type.value in BY_HAND and self._number(alike) > 300
            if event.context.bot or rapid or (len(arrived) % 16 == 0 and self._regular(arrived)):
                return True
        return False

    def _regular(self, arrived: list[Event]) -> bool:
        items = [e for e in arrived if e.item_id and e.type.value in CODES]
        acted = sorted((milli(e.timestamp), CODES[e.type.value]) for e in items)
        moments = sorted({at for at, code in acted[-100:] if code != CODES["purchase"]})[-32:]
        gaps = [(newer - older).total_seconds() for older, newer in pairwise(moments)]
        return len(gaps) == 31 and max(gaps) <= 600 and pstdev(gaps) <= 0.1 * fmean(gaps)

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
        for event in sorted(
            (e for e in self.events if e.type.value not in ("impression", "refund")), key=lambda e: e.timestamp
        ):
            if session and event.timestamp - session[-1].timestamp > GAP:
                session = []
            session.append(event)
        over = bool(session) and at - session[-1].timestamp > GAP
        found["session_bounce"] = int(over and self._number(session) == 1)
        session = [] if over else session
        found["session_active"] = int(bool(session))
        found["session_start_s"] = micros(session[0].timestamp) / 1e6 if session else 0.0
        found["session_events"] = self._number(session)
        found["session_item_views"] = self._number([e for e in session if e.type.value == "item_view"])
        found["session_purchases"] = self._number([e for e in session if e.type.value == "purchase"])
        dwelt = [self._number([e]) * e.properties.get("seconds", 0.0) for e in session if e.type.value == "dwell"]
        found["session_dwell_s"] = math.fsum(dwelt)
        length = session[-1].timestamp - session[0].timestamp if session else timedelta()
        found["session_length_s"] = length.total_seconds()

    def _items(self, at: datetime, found: dict[str, Any]) -> None:
        acted = [e for e in self.events if e.item_id and e.type.value in CODES]
        acted.sort(key=lambda e: (milli(e.timestamp), CODES[e.type.value], e.item_id), reverse=True)
        found["recent_items"] = [e.item_id for e in acted][:100]
        found["recent_actions"] = [e.type.value for e in acted][:100]
        found["recent_ages_s"] = [(at - milli(e.timestamp)).total_seconds() for e in acted][:100]
        bought: dict[str, float] = {}
        for e in acted:
            if e.type.value == "purchase":
                bought.setdefault(str(e.item_id), milli(e.timestamp).timestamp())
        found["bought_total"] = len(bought)
        found["bought_items"] = sorted(bought, key=lambda item: (-bought[item], item))

    def _cart(self, at: datetime, found: dict[str, Any]) -> None:
        newest: dict[str, tuple[datetime, int, int]] = {}
        for e in self.events:
            if e.item_id and e.type.value in CART_RANK:
                line = (milli(e.timestamp), CART_RANK[e.type.value], e.quantity or 1)
                newest[e.item_id] = max(newest.get(e.item_id, line), line)
        held = {item: line for item, line in newest.items() if line[1] == 0}
        found["cart_items"] = sorted(held, key=lambda item: (held[item][0], item), reverse=True)
        found["cart_size"] = len(held)
        found["cart_quantity"] = sum(line[2] for line in held.values())
        found["cart_age_s"] = min(((at - line[0]).total_seconds() for line in held.values()), default=0.0)

    def _taste(self, at: datetime, found: dict[str, Any]) -> None:
        categories: dict[str, list[float]] = defaultdict(list)
        brands: dict[str, list[float]] = defaultdict(list)
        bands: dict[float, list[float]] = defaultdict(list)
        logs = []
        for e in self.events:
            if not e.item_id or e.type.value not in WORTH:
                continue
            worth = WORTH[e.type.value] * 0.5 ** ((at - e.timestamp) / MONTH)
            said = e.properties
            category, brand, price = self.facts.get(e.item_id, (None, None, None))
            category = category or said.get("category")
            brand = brand or said.get("brand") or said.get("author")
            price = price if e.price is None else e.price
            if category:
                categories[category].append(worth)
            if brand:
                brands[brand].append(worth)
            if price is not None:
                bands[self._band(price)].append(worth)
                logs.append(worth * math.log(max(price, 0.01)))
        named: list[tuple[str, dict[Any, list[float]]]]
        named = [("categories", categories), ("brands", brands), ("price_bands", bands)]
        found |= {name: self._shares(weights) for name, weights in named}
        found["category_entropy"] = -math.fsum(p * math.log(p) for p in found["categories"].values() if p)
        mass = math.fsum(math.fsum(each) for each in bands.values())
        found["price_level"] = math.exp(math.fsum(logs) / mass) if mass else 0.0

    def _habit(self, at: datetime, found: dict[str, Any]) -> None:
        hours: dict[int, list[float]] = {hour: [] for hour in range(24)}
        for e in self.events:
            if e.type.value not in ("impression", "refund"):
                hour = e.timestamp.astimezone(UTC).hour
                hours[hour].append(self._number([e]) * 0.5 ** ((at - e.timestamp) / MONTH))
        shares = self._shares(hours)
        found["hours"] = [shares.get(hour, 0.0) for hour in range(24)]
        found["hour_affinity"] = found["hours"][at.hour]

    @staticmethod
    def _shares(weights: dict[Any, list[float]]) -> dict[Any, float]:
        total = math.fsum(math.fsum(parts) for parts in weights.values())
        return {key: math.fsum(parts) / total for key, parts in weights.items()} if total else {}

    @staticmethod
    def _band(price: float) -> float:
        """The greatest 0.01 * 2**n, n from 1, that is no greater than the price to the cent; else 0."""
        begins = [2**n for n in range(1, 60) if 2**n <= round(price * 100)]
        return max(begins) / 100 if begins else 0.0

    @staticmethod
    def _term(event: Event) -> str:
        query = event.properties.get("query") if event.type.value == "search" else None
        return " ".join(query.lower().split()) if isinstance(query, str) else ""


def agree(values: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fractions to 1e-4, as fine as fading weights are kept; all else exactly."""
    assert expected.keys() | set(SHARES.values()) == {spec.name for spec in FEATURES}
    for name, wanted in expected.items():
        found = values[name]
        if name in SHARES:
            weights = values[SHARES[name]]
            assert all(newer >= older for newer, older in pairwise(weights)), f"{name}: not the strongest first"
            found = dict(zip(found, weights, strict=True))
        assert _close(found, wanted), f"{name}: expected {wanted}, came {found}"


def _close(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(_close(one, two) for one, two in zip(found, wanted, strict=True))
    if isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-4)
    return bool(found == wanted)
