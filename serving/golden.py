"""Asks a model its golden requests before it may answer anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts.golden import Golden, GoldenRequest
from features.evaluate import evaluate
from features.state import decode_state
from serving.index import Hit

Answer = Callable[[Mapping[str, Any], int], Sequence[Hit]]


class GoldenMismatch(ValueError):
    """A model answers otherwise here than where it was trained."""


def check_golden(golden: Golden, inputs: Sequence[str], answer: Answer) -> None:
    """Ask each request of `answer`, a function of the values `inputs` and of how many items are wanted.

    Items whose scores are as good as equal may change places. Raises GoldenMismatch at the first
    difference, and KeyError where the model reads a value that is not among its inputs.
    """
    for number, request in enumerate(golden.requests, start=1):
        values = evaluate(decode_state(request.state), request.at_us)
        hits = answer({name: values[name] for name in inputs}, len(request.items))
        difference = _difference(request, hits, golden.tolerance)
        if difference:
            raise GoldenMismatch(f"golden request {number} of {len(golden.requests)}: {difference}")


def _difference(request: GoldenRequest, hits: Sequence[Hit], tolerance: float) -> str:
    if len(hits) != len(request.items):
        return f"expected {len(request.items)} items, came {len(hits)}"
    expected = dict(zip(request.items, request.scores, strict=True))
    for place, (item, score, hit) in enumerate(zip(request.items, request.scores, hits, strict=True), start=1):
        allowed = tolerance * max(1.0, abs(score))
        # One that was not in the list can only have been as good as its last.
        own = expected.get(hit.item_id, request.scores[-1])
        # A NaN is in no order with anything, so it is asked whether all is well and not whether something is wrong.
        if not (abs(hit.score - score) <= allowed and abs(hit.score - own) <= allowed):
            return f"expected {item} with {score:.6f} at place {place}, came {hit.item_id} with {hit.score:.6f}"
    return ""
