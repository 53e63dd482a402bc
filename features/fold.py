"""The fold: one event into a profile's state. The only place where behaviour becomes state."""

from __future__ import annotations

from enum import Enum

from contracts.event import Event, EventType
from features import affinity, cart, decay, recent, seen, sessions, traits, windows
from features import facts as item_facts
from features.actions import ACTION_CODES, ACTION_WEIGHTS, GROUP_OF
from features.facts import ItemFacts
from features.instant import DAY_US, to_us
from features.state import BOUGHT_KEPT, UserState, new_state

DEFAULT_LATENESS_US = windows.LONGEST_US

_BEHAVIOUR = (
    "training",
    "decayed",
    "buckets",
    "recent_items",
    "recent_actions",
    "recent_us",
    "categories",
    "prices",
    "sessions",
    "cart",
    "bought",
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
    many events a sampled one stands for: windows, decayed counters and session counts add it.

    Deterministic, and tolerant of order: the same events in another order give the same
    state, decayed weights to the last bits of a double aside. An event older than the
    newest by more than `lateness_us` is late and alters nothing.
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
    newest_us = state.event_us
    _advance(state, code, at_us)
    if state.cart and state.event_us // DAY_US > newest_us // DAY_US:
        cart.forget_gone(state, state.event_us - lateness_us)
    state.training = state.training and event.consent.training
    _fold_activity(state, event, weight, at_us)
    if event.item_id is not None:
        _fold_item(state, event, event.item_id, item_facts.of_event(event, facts), at_us)
    _fold_traits(state, event, at_us)
    return Outcome.APPLIED


def _advance(state: UserState, code: bytes, at_us: int) -> None:
    state.seen = seen.remember(state.seen, code)
    state.first_us = min(state.first_us, at_us) if state.version else at_us
    state.version += 1
    state.event_us = max(state.event_us, at_us)
    state.row_us = max(state.row_us + 1, at_us)


def _fold_activity(state: UserState, event: Event, weight: int, at_us: int) -> None:
    group = GROUP_OF[event.type]
    state.decayed[group] = decay.count(state.decayed.get(group), at_us, weight)
    windows.count(state.buckets, group, at_us, state.event_us, number=weight)
    if event.type is not EventType.IMPRESSION:
        viewed = event.type is EventType.ITEM_VIEW
        bought = event.type is EventType.PURCHASE
        sessions.extend(state.sessions, [at_us, at_us, weight, weight * viewed, weight * bought])


def _fold_item(state: UserState, event: Event, item_id: str, known: ItemFacts, at_us: int) -> None:
    kind = event.type
    if kind in cart.CART_EVENTS:
        cart.note(state, kind, item_id, event.quantity or 1, at_us)
    weight = ACTION_WEIGHTS.get(kind)
    if weight is None:
        return
    recent.remember(state, item_id, ACTION_CODES[kind], at_us)
    if known.category is not None:
        affinity.like_category(state, known.category, weight, at_us)
    if known.price is not None:
        affinity.like_price(state, known.price, weight, at_us)
    if kind is EventType.PURCHASE:
        note_bought(state, item_id, at_us // DAY_US)


def note_bought(state: UserState, item_id: str, day: int) -> None:
    """Remember a purchase; beyond BOUGHT_KEPT the item bought longest ago goes."""
    bought = state.bought
    bought[item_id] = max(day, bought.get(item_id, day))
    if len(bought) > BOUGHT_KEPT:
        del bought[min(bought, key=lambda item: (bought[item], item))]


def _fold_traits(state: UserState, event: Event, at_us: int) -> None:
    context = event.context
    for name in traits.CONTEXT_TRAITS:
        value = getattr(context, name)
        if value is not None:
            traits.put(state, name, value, at_us)
    if event.type is EventType.IDENTIFY:
        traits.learn(state, event.properties, at_us)


def _withdraw(state: UserState, code: bytes, at_us: int) -> Outcome:
    if at_us <= state.withheld_us:
        return Outcome.WITHHELD
    forget(state)
    state.withheld_us = at_us
    _advance(state, code, at_us)
    return Outcome.APPLIED


def forget(state: UserState) -> None:
    """Drop all behaviour and traits: the visitor no longer wants them used.

    What recognises repeats and orders rows stays, or an old row would outlive the new one.
    """
    empty = new_state()
    for name in _BEHAVIOUR:
        setattr(state, name, getattr(empty, name))
