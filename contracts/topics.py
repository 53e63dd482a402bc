"""Kafka topics, the headers that mark a record, and who may delete what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topics:
    """Topic names under one prefix (empty in production, unique in a test)."""

    prefix: str = ""

    @property
    def events(self) -> str:
        """Accepted events; JSON `contracts.event.Event`; keyed by profile id; partitioned by `contracts.lanes`."""
        return f"{self.prefix}events"

    @property
    def rejected(self) -> str:
        """What was refused and why; JSON `contracts.rejected.Rejected`."""
        return f"{self.prefix}events.rejected"

    @property
    def features(self) -> str:
        """Users' states; `contracts.snapshot.encode_snapshots`, many a record; the events' home partition."""
        return f"{self.prefix}features"

    @property
    def served(self) -> str:
        """Every answer of the service; JSON `contracts.recommend.Served`; keyed by profile id."""
        return f"{self.prefix}served"

    @property
    def items(self) -> str:
        """The catalogue, compacted; JSON `contracts.item.Item`, none for an item that is gone; keyed by item id.

        One partition: changes of the catalogue have one order, and each reader needs all of them.
        """
        return f"{self.prefix}items"

    def all(self) -> tuple[str, ...]:
        """Every topic the stack creates."""
        return (self.events, self.rejected, self.features, self.served, self.items)


# A record of `events` without this header is a visitor's event. The worker itself writes
# the other kinds, and the lake leaves them out: what they carry is there already.
KIND_HEADER = "clickloop-kind"
KIND_MERGE = b"merge"  # the state of an anonymous profile on its way to its user's partition
KIND_FORWARD = b"forward"  # an event of a profile that has been merged into a user
KIND_ALIAS = b"alias"  # a word to a profile: whom it is to become, or where its alias ends
# A turn: its home's bulk lane is folded here up to the offset that it names in digits (see `streaming.turns`).
KIND_TURN = b"turn"
# Beside a kind but a turn's, and alone on a replayed event: "partition:offset:hops" of the record that gave
# rise to it, by which the receiver takes each once, however often a killed sender repeats it.
ORIGIN_HEADER = "clickloop-origin"
# Beside a kind: the profiles that passed the record on, JSON `streaming.aliases.Trail`.
TRAIL_HEADER = "clickloop-trail"
# Beside a kind: the generation of states that the sender worked on. A worker takes only its own's.
GENERATION_HEADER = "clickloop-generation"
