"""Sessions by event time: events no more than a gap apart belong together.

A session is an interval that grows from both ends; two intervals that an event brings within
the gap of each other become one (session windows of Akidau et al., "The Dataflow Model",
VLDB 2015, section 2.2.2), so the order of arrival does not matter as long as the interval is
among the newest kept.
"""

from __future__ import annotations

from features.instant import MINUTE_US

GAP_US = 30 * MINUTE_US
KEPT = 8

# [start_us, length_us, events, item views, purchases, dwell_ms]; sessions stand newest first.
Session = list[int]


def extend(sessions: list[Session], session: Session) -> None:
    """Add a session (of one event or many), joining all within the gap of it."""
    if sessions:
        newest = sessions[0]
        after = session[0] - newest[0]
        if 0 <= after <= newest[1] + GAP_US:
            _join(newest, session)
            return
    start, end = session[0], session[0] + session[1]
    near = [known for known in sessions if known[0] - end <= GAP_US and start - known[0] - known[1] <= GAP_US]
    for known in near:
        sessions.remove(known)
        _join(session, known)
    sessions.append(session)
    sessions.sort(key=lambda known: -known[0])
    del sessions[KEPT:]


def _join(into: Session, other: Session) -> None:
    end = max(into[0] + into[1], other[0] + other[1])
    into[0] = min(into[0], other[0])
    into[1] = end - into[0]
    into[2] += other[2]
    into[3] += other[3]
    into[4] += other[4]
    into[5] += other[5]
