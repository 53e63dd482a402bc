"""The fold: one event into a profile's state. The only place where behaviour becomes state."""

from __future__ import annotations

from enum import Enum

from contracts.event import Event, EventType
from features import affinity, bots, cart, decay, fading, recent, searches, seen, sessions, traits, windows
from features import facts as item_facts
from features.actions import ACTION_CODES, ACTION_WEIGHTS, GROUP_OF, PURCHASE
from features.facts import ItemFacts
from features.instant import DAY_US, HOUR_US, to_us
from features.item_code import code_of
from features.state import UserState, new_state

DEFAULT_LATENESS_US = windows.LONGEST_US

_MS_US = 1000
_LONGEST_DWELL_S = 86_400.0
# What is shown to a visitor, or done by the shop: neither says that the visitor is there.
_NOT_PRESENT = frozenset({EventType.IMPRESSION, EventType.REFUND})

_BEHAVIOUR = (
    "decayed",
    "buckets",
    "recent_items",
    "recent_marks",
    "recent_oldest_ms",
    "bought_items",
    "bought_marks",
    "categories",
    "brands",
    "price_bands",
    "price_logs",
    "hours",
    "sessions",
    "cart",
    "searches",
    "traits",
)


class Outcome(Enum):
    """What a fold did with an event. Only APPLIED altered the state's features."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    LATE = "late"
    WITHHELD = "withheld"


def fold(
    state: UserState,
    event: Event,
    *,
    facts: ItemFacts | None = None,
    weight: int = 1,
    lateness_us: int = DEFAULT_LATENESS_US,
) -> Outcome:
    """Fold `event` into `state`, in place.

    `facts` is what the catalogue knew of the event's item at the event's time. `weight` says how
    many events a sampled one stands for: windows, decayed counters, hours and session counts add it.

    Deterministic, and tolerant of order: the same events in another order give the same
    state, fading weights to a few of their units aside. An event older than the newest by more
    than `lateness_us` is late and alters nothing.
    """
    code = seen.digest(event.message_id)
    if seen.contains(state.seen, code):
        return Outcome.DUPLICATE
    at_us = to_us(event.timestamp)
    if event.type is EventType.CONSENT and not event.consent.personalization:
        return _withdraw(state, code, at_us)
    if not event.consent.personalization or at_us <= state.withheld_us:
        return Outcome.WITHHELD
    if at_us < state.event_us - lateness_us:
        return Outcome.LATE
    if at_us // HOUR_US > state.event_us // HOUR_US:
        _age(state, at_us, lateness_us)
    _advance(state, code, at_us)
    if not event.consent.training:
        state.training = False
    units = fading.units(at_us, state.event_us)
    group = GROUP_OF[event.type]
    decay.count(state.decayed, group, weight, units)
    windows.count(state.buckets, group, at_us, state.event_us, number=weight)
    if event.type not in _NOT_PRESENT:
        _fold_presence(state, event, weight, at_us, units[2])
    if event.item_id is not None:
        _fold_item(state, event, facts, at_us, units[2])
    _fold_words(state, event, at_us)
    bots.judge(state, said=event.context.bot, group=group, at_us=at_us)
    return Outcome.APPLIED


def _age(state: UserState, newest_us: int, lateness_us: int) -> None:
    """Bring what is stored as of the newest event to one of a later hour."""
    shifts = fading.shifts(state.event_us, newest_us)
    decay.fade(state.decayed, shifts)
    if shifts[2]:
        affinity.fade(state, shifts[2])
    if state.cart and newest_us // DAY_US > state.event_us // DAY_US:
        cart.forget_gone(state, (newest_us - lateness_us) // _MS_US)


def _advance(state: UserState, code: bytes, at_us: int) -> None:
    state.seen = seen.remember(state.seen, code)
    if at_us < state.first_us or not state.version:
        state.first_us = at_us
    state.version += 1
    if at_us > state.event_us:
        state.event_us = at_us
    state.row_us = at_us if at_us > state.row_us else state.row_us + 1


def _fold_presence(state: UserState, event: Event, weight: int, at_us: int, unit: int) -> None:
    """What only a visitor who is there does: sessions and the hour of the day."""
    kind = event.type
    viewed = weight if kind is EventType.ITEM_VIEW else 0
    bought = weight if kind is EventType.PURCHASE else 0
    dwelt_ms = weight * _dwelt_ms(event) if kind is EventType.DWELL else 0
    sessions.extend(state.sessions, [at_us, 0, weight, viewed, bought, dwelt_ms])
    hour = at_us // HOUR_US % 24
    state.hours[hour] = state.hours.get(hour, 0) + weight * unit


def _dwelt_ms(event: Event) -> int:
    seconds = event.properties.get("seconds")
    if not isinstance(seconds, (int, float)):
        return 0
    return round(min(max(seconds, 0.0), _LONGEST_DWELL_S) * 1000)


def _fold_item(state: UserState, event: Event, facts: ItemFacts | None, at_us: int, unit: int) -> None:
    kind = event.type
    item, at_ms = code_of(str(event.item_id)), at_us // _MS_US
    if kind is EventType.ADD_TO_CART or kind is EventType.REMOVE_FROM_CART:
        cart.note(state, kind, item, event.quantity or 1, at_ms)
    worth = ACTION_WEIGHTS.get(kind)
    if worth is None:
        return
    action = ACTION_CODES[kind]
    recent.remember(state, item, action, at_ms)
    if action == PURCHASE:
        cart.buy(state, item, at_ms)
    affinity.like(state, item_facts.of_event(event, facts), worth * unit)


def _fold_words(state: UserState, event: Event, at_us: int) -> None:
    traits.take_context(state, event.context, at_us)
    if event.type is EventType.IDENTIFY:
        traits.learn(state, event.properties, at_us)
    elif event.type is EventType.SEARCH:
        term = searches.term(event.properties.get("query"))
        if term:
            searches.remember(state, term, at_us)


def _withdraw(state: UserState, code: bytes, at_us: int) -> Outcome:
    if at_us <= state.withheld_us:
        return Outcome.WITHHELD
    forget(state)
    state.withheld_us = at_us
    _advance(state, code, at_us)
    return Outcome.APPLIED


def forget(state: UserState) -> None:
    """Drop all behaviour and traits: the visitor no longer wants them used.

    What recognises repeats and orders rows stays, or an old row would outlive the new one; so
    does the mark of a bot.
    """
    empty = new_state()
    for name in _BEHAVIOUR:
        setattr(state, name, getattr(empty, name))
    state.training = not state.bot
