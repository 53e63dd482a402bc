"""Asks a model its golden requests before it may answer anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts.golden import Golden, GoldenRequest
from features.evaluate import evaluate
from features.state import decode_state
from serving.index import Hit

Answer = Callable[[Mapping[str, Any], int], Sequence[Hit]]
Rank = Callable[[Mapping[str, Any], Sequence[Hit]], Sequence[Hit]]


class GoldenMismatch(ValueError):
    """A model answers otherwise here than where it was trained."""


def check_golden(golden: Golden, inputs: Sequence[str], answer: Answer) -> None:
    """Ask each request of `answer`, a function of the values `inputs` and of how many items are wanted.

    Items whose scores are as good as equal may change places. Raises GoldenMismatch at the first
    difference, and KeyError where the model reads a value that is not among its inputs.
    """
    for number, request in enumerate(golden.requests, start=1):
        hits = answer(_values(request, inputs), len(request.items))
        difference = _difference(_hits(request.items, request.scores), hits, golden.tolerance, least=1.0)
        if difference:
            raise GoldenMismatch(f"golden request {number} of {len(golden.requests)}: {difference}")


def check_ranked(golden: Golden, inputs: Sequence[str], rank: Rank) -> None:
    """Let `rank`, a function of the values `inputs` and of hits, order what retrieval found in training.

    It is given that, and not what retrieval finds here: two that are as good as equal may change places there,
    and a place is one of the columns. Raises GoldenMismatch at the first difference or where no answers of a
    ranker are kept, and KeyError where it reads a value that is not among its inputs.
    """
    for number, request in enumerate(golden.requests, start=1):
        if not request.ranked:
            raise GoldenMismatch("expected the ranker's golden answers, came none: `clickloop train` writes them")
        ranked = rank(_values(request, inputs), _hits(request.items, request.scores))
        expected = _hits(request.ranked, request.chances)
        difference = _difference(expected, ranked[: len(expected)], golden.tolerance, least=0.0)
        if difference:
            raise GoldenMismatch(f"golden request {number} of {len(golden.requests)}, ranked: {difference}")


def _values(request: GoldenRequest, inputs: Sequence[str]) -> dict[str, Any]:
    values = evaluate(decode_state(request.state), request.at_us)
    return {name: values[name] for name in inputs}


def _hits(items: Sequence[str], scores: Sequence[float]) -> list[Hit]:
    return [Hit(item, score) for item, score in zip(items, scores, strict=True)]


def _difference(expected: Sequence[Hit], hits: Sequence[Hit], tolerance: float, *, least: float) -> str:
    """What is the first difference; a score below `least` may differ by as much as that."""
    if len(hits) != len(expected):
        return f"expected {len(expected)} items, came {len(hits)}"
    scores = dict(expected)
    for place, ((item, score), hit) in enumerate(zip(expected, hits, strict=True), start=1):
        allowed = tolerance * max(least, abs(score))
        # One that was not in the list can only have been as good as its last.
        own = scores.get(hit.item_id, expected[-1].score)
        # A NaN is in no order with anything, so it is asked whether all is well and not whether something is wrong.
        if not (abs(hit.score - score) <= allowed and abs(hit.score - own) <= allowed):
            return f"expected {item} with {score:.6f} at place {place}, came {hit.item_id} with {hit.score:.6f}"
    return ""
