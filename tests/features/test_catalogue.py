"""Item facts as of an instant: equal to a search through everything ever said, and small."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import ItemFactsTable
from features.facts import ItemFacts

LAMP, MUG = ItemFacts("light", "acme", 9.5), ItemFacts("kitchen", None, 2.0)
NAMES = st.sampled_from(["a", "b", "c"])
FACTS = st.none() | st.sampled_from([LAMP, MUG, ItemFacts("garden", "acme", 1.0)])
PUT = st.tuples(st.just("put"), NAMES, st.integers(0, 30), FACTS)
FORGET = st.tuples(st.just("forget"), st.just(""), st.integers(0, 30), st.none())


class Naive:
    """Everything ever said, and a search through it."""

    def __init__(self) -> None:
        self.said: dict[str, list[tuple[int, ItemFacts | None]]] = {}
        self.horizon = 0

    def put(self, name: str, since: int, facts: ItemFacts | None) -> None:
        said = self.said.setdefault(name, [])
        said.append((max([since, *(before for before, _ in said)]), facts))

    def forget(self, before: int) -> None:
        self.horizon = max(self.horizon, before)
        for name, said in list(self.said.items()):
            if said[-1][1] is None and said[-1][0] <= before:
                del self.said[name]

    def at(self, name: str, at: int) -> ItemFacts | None:
        said = self.said.get(name, [])
        held = [facts for since, facts in said if since <= at]
        if held:
            return held[-1]
        # Of versions that hold from the first instant, the last counts.
        first = [facts for since, facts in said if said and since == said[0][0]]
        return first[-1] if first else None


@given(steps=st.lists(PUT | FORGET, max_size=40))
def test_facts_at_any_instant_still_needed_equal_a_search_through_all_that_was_said(
    steps: list[tuple[str, str, int, ItemFacts | None]],
) -> None:
    table, naive = ItemFactsTable(), Naive()
    for kind, name, at, facts in steps:
        if kind == "forget":
            table.forget(at)
            naive.forget(at)
        else:
            table.put(name, at, facts)
            naive.put(name, at, facts)
        for item in ("a", "b", "c"):
            for instant in range(naive.horizon, 32):
                assert table.at(item, instant) == naive.at(item, instant), (item, instant)


def test_an_event_gets_the_version_of_its_own_time_and_before_all_of_them_the_oldest() -> None:
    table = ItemFactsTable()
    table.put("x", 100, LAMP)
    table.put("x", 200, MUG)
    table.put("x", 300, None)
    assert [table.at("x", at) for at in (0, 100, 199, 200, 299, 300)] == [LAMP, LAMP, LAMP, MUG, MUG, None]
    assert table.at("y", 100) is None


def test_what_no_event_can_need_is_not_kept() -> None:
    table = ItemFactsTable()
    for number in range(1000):
        table.put("x", number, ItemFacts("c", None, float(number)))
    table.put("gone", 5, LAMP)
    table.put("gone", 6, None)
    table.forget(990)
    # Of 990 to 999, and none before: 990 itself holds at the horizon.
    assert table.versions == 10
    assert len(table) == 1
    table.forget(2000)
    assert table.versions == 1
    assert table.at("x", 0) == ItemFacts("c", None, 999.0)


def test_a_hundred_thousand_items_stay_below_forty_megabytes() -> None:
    tracemalloc.start()
    table = ItemFactsTable()
    for number in range(100_000):
        facts = ItemFacts(f"category {number % 40}", f"brand {number % 500}", number / 100)
        table.put(f"item-{number:08}", 1_700_000_000_000_000 + number, facts)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 100_000
    assert used < 40e6
