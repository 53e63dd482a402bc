"""Logins and aliases in every order, over partitions whose workers crash and double, against connected components."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event, EventType
from features.evaluate import evaluate
from streaming.aliases import Trail
from streaming.cells import Cell, decode_cell
from streaming.folding import Outgoing, PartitionFold
from streaming.records import Incoming, Origin, read_derived
from tests.features.oracle import Oracle, agree
from tests.streaming.support import START, instant_us

PARTITIONS = 3


@dataclass
class Partition:
    """What Kafka and Redis hold of a partition: its log, and what was committed."""

    number: int
    log: list[Incoming | Outgoing] = field(default_factory=list)
    offset: int = 0
    received: dict[int, int] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)


class World:
    """Partitions of one topic, worked on in any order."""

    def __init__(self) -> None:
        self.partitions = [Partition(number) for number in range(PARTITIONS)]

    def place(self, profile_id: str) -> Partition:
        return self.partitions[sum(profile_id.encode()) % PARTITIONS]

    def send(self, event: Event) -> None:
        place = self.place(event.profile_id)
        place.log.append(Incoming(place.number, 0, event.profile_id, event=event))

    def work(self, partition: Partition, count: int, *, committed: bool) -> None:
        """Fold the next records. Where it is not committed the worker died after it had sent what follows."""
        batch = [self._read(partition.number, offset, one) for offset, one in enumerate(partition.log)][
            partition.offset :
        ][:count]
        cells = {one.profile_id: decode_cell(partition.stored.get(one.profile_id)) for one in batch}
        fold = PartitionFold(partition.number, cells, copy(partition.received))
        for record in batch:
            fold.take(record)
        rows, _ = fold.finish()
        for sent in fold.outgoing:
            self.place(sent.profile_id).log.append(sent)
        assert not fold.rejected
        if committed:
            partition.offset += len(batch)
            partition.stored |= fold.writes(rows)
            partition.received |= fold.taken

    def cell(self, profile_id: str) -> Cell:
        return decode_cell(self.place(profile_id).stored.get(profile_id))

    def ends_at(self, profile_id: str) -> str:
        """Where the aliases of a profile end."""
        seen = [profile_id]
        while (alias := self.cell(seen[-1]).alias) is not None:
            assert alias not in seen, f"aliases run in a circle: {seen}"
            seen.append(alias)
        return seen[-1]

    @property
    def behind(self) -> list[Partition]:
        return [one for one in self.partitions if one.offset < len(one.log)]

    @staticmethod
    def _read(partition: int, offset: int, one: Incoming | Outgoing) -> Incoming:
        if isinstance(one, Incoming):
            return Incoming(partition, offset, one.profile_id, event=one.event)
        incoming = Incoming(partition, offset, one.profile_id, origin=Origin.decode(one.origin.encode()))
        read_derived(incoming, one.kind, one.body, Trail.decode(one.trail.encode()))
        return incoming


def live(world: World, events: Iterable[Event], chance: random.Random) -> None:
    """Let the world work on the events while they come, crash now and then, and come to rest."""
    waiting = list(events)
    turns = 0
    while waiting or world.behind:
        if waiting and (chance.random() < 0.6 or not world.behind):
            world.send(waiting.pop(0))
            continue
        turns += 1
        assert turns < 5_000, "records never come to rest"
        world.work(chance.choice(world.behind), chance.randint(1, 5), committed=chance.random() < 0.7)


def made(number: int, kind: EventType, **who: str) -> Event:
    return Event(
        message_id=f"m{number}",
        type=kind,
        timestamp=START + timedelta(seconds=number),
        item_id=f"item-{number % 7}" if kind is EventType.ITEM_VIEW else None,
        price=1.0 + number % 5,
        properties={"category": f"c{number % 3}"} if kind is EventType.ITEM_VIEW else {},
        **who,  # type: ignore[arg-type]
    )


def people(events: Iterable[Event]) -> list[tuple[set[str], list[Event]]]:
    """Names and events of each person, a person being all names that logins and aliases connect."""
    events = list(events)
    person = {name: name for e in events for name in (e.anonymous_id, e.user_id, e.previous_id) if name}
    for e in events:
        if e.type in (EventType.IDENTIFY, EventType.ALIAS):
            one, other = person[str(e.user_id)], person[str(e.previous_id or e.anonymous_id)]
            person = {name: one if known == other else known for name, known in person.items()}
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for e in events:
        found[person[e.profile_id]].append(e)
    return [({name for name in person if person[name] == one}, lived) for one, lived in found.items()]


def check(world: World, events: list[Event]) -> None:
    at = START + timedelta(hours=1)
    for names, lived in people(events):
        ends = {world.ends_at(name) for name in names}
        assert len(ends) == 1, f"one person, profiles {ends}"
        (root,) = ends
        agree(evaluate(world.cell(root).state, instant_us(at)), Oracle.of(lived).values(at))
        for name in names - {root}:
            cell = world.cell(name)
            assert cell.state.version == 0, f"{name} still has events of its own"
            assert cell.state.moved_to == cell.alias
        assert world.cell(root).state.moved_to is None


@st.composite
def worlds(draw: st.DrawFn) -> list[Event]:
    """Devices, each of one user, who look and log in; users who turn out to be one, circles not excluded.

    Where there may be circles, what a device sent before its login is not repeated: its first effect could still
    be on its way around.
    """
    users = [f"user-{number}" for number in range(draw(st.integers(1, 4)))]
    owners = {f"device-{number}": draw(st.sampled_from(users)) for number in range(draw(st.integers(1, 4)))}
    deeds = ["look", "look", "user", "login", "alias", "repeat"]
    circles = draw(st.booleans())
    deeds += ["union", "union"] if circles else []
    events: list[Event] = []
    for number in range(draw(st.integers(1, 30))):
        device = draw(st.sampled_from(sorted(owners)))
        user = owners[device]
        deed = draw(st.sampled_from(deeds))
        if deed == "look":
            events.append(made(number, EventType.ITEM_VIEW, anonymous_id=device))
        elif deed == "user":
            events.append(made(number, EventType.ITEM_VIEW, anonymous_id=device, user_id=user))
        elif deed == "login":
            events.append(made(number, EventType.IDENTIFY, anonymous_id=device, user_id=user))
        elif deed == "alias":
            events.append(made(number, EventType.ALIAS, anonymous_id=device, user_id=user))
        elif deed == "union":
            events.append(made(number, EventType.ALIAS, previous_id=draw(st.sampled_from(users)), user_id=user))
        elif repeatable := [event for event in events if event.user_id is not None or not circles]:
            events.append(draw(st.sampled_from(repeatable)))
    return events


@given(worlds(), st.randoms(use_true_random=False))
def test_a_person_is_the_fold_of_all_names_events_in_any_order_though_workers_die(
    events: list[Event], chance: random.Random
) -> None:
    world = World()
    live(world, events, chance)
    check(world, events)
    later = [made(1000 + number, EventType.ITEM_VIEW, user_id=e.profile_id) for number, e in enumerate(events[:10])]
    live(world, later, chance)
    check(world, [*events, *later])


@pytest.mark.parametrize("backwards", [False, True])
def test_chain_of_twenty_aliases_ends_at_its_last_name_and_is_walked_once(*, backwards: bool) -> None:
    names = [f"name-{number:02d}" for number in range(20)]
    unions = [
        made(number, EventType.ALIAS, previous_id=one, user_id=other)
        for number, (one, other) in enumerate(pairwise(names))
    ]
    world, chance = World(), random.Random(1)
    looks = [made(100 + number, EventType.ITEM_VIEW, user_id=name) for number, name in enumerate(names)]
    live(world, looks, chance)
    for union in reversed(unions) if backwards else unions:
        live(world, [union], chance)
    late = [made(200, EventType.ITEM_VIEW, user_id=names[0])]
    live(world, late, chance)
    assert world.ends_at(names[0]) == names[-1]
    written = sum(len(one.log) for one in world.partitions)
    last = [made(300, EventType.ITEM_VIEW, user_id=names[0])]
    world.send(last[0])
    while world.behind:
        world.work(world.behind[0], 1, committed=True)
    assert sum(len(one.log) for one in world.partitions) == written + 2, "the event and one forward"
    check(world, [*looks, *unions, *late, *last])


@pytest.mark.parametrize("size", [2, 3, 5])
def test_aliases_asked_for_in_a_circle_at_once_leave_one_profile_with_everything(size: int) -> None:
    names = [f"name-{number}" for number in range(size)]
    looks = [made(number, EventType.ITEM_VIEW, user_id=name) for number, name in enumerate(names)]
    unions = [
        made(100 + number, EventType.ALIAS, previous_id=name, user_id=names[(number + 1) % size])
        for number, name in enumerate(names)
    ]
    world = World()
    for event in [*looks, *unions]:
        world.send(event)
    # Each partition in one go: every union is folded before any of the words it sends arrives.
    for partition in world.partitions:
        world.work(partition, sum(isinstance(one, Incoming) for one in partition.log), committed=True)
    live(world, [], random.Random(2))
    check(world, [*looks, *unions])


def test_shared_device_stays_the_first_ones_who_logged_in_there() -> None:
    events = [
        made(1, EventType.ITEM_VIEW, anonymous_id="tablet"),
        made(2, EventType.IDENTIFY, anonymous_id="tablet", user_id="ann"),
        made(3, EventType.ITEM_VIEW, anonymous_id="tablet"),
        made(4, EventType.IDENTIFY, anonymous_id="tablet", user_id="ben"),
        made(5, EventType.ITEM_VIEW, user_id="ben"),
        made(6, EventType.ITEM_VIEW, anonymous_id="tablet"),
    ]
    world = World()
    for event in events:
        live(world, [event], random.Random(3))
    assert world.ends_at("tablet") == "ann"
    at = START + timedelta(hours=1)
    ann, ben = (evaluate(world.cell(name).state, instant_us(at)) for name in ("ann", "ben"))
    agree(ann, Oracle.of([events[place] for place in (0, 1, 2, 5)]).values(at))
    agree(ben, Oracle.of([events[place] for place in (3, 4)]).values(at))


def test_two_devices_that_log_in_at_the_same_instant_both_arrive() -> None:
    events = [made(1, EventType.ITEM_VIEW, anonymous_id=device) for device in ("phone", "laptop")]
    events[1].message_id = "m1-laptop"
    for device in ("phone", "laptop"):
        login = made(2, EventType.IDENTIFY, anonymous_id=device, user_id="ann")
        login.message_id = f"login-{device}"
        events.append(login)
    world = World()
    live(world, events, random.Random(4))
    check(world, events)
