"""What a warm run begins with."""

from __future__ import annotations

from dataclasses import dataclass

from training.artefact import TowerArrays
from training.kept import Kept


@dataclass(frozen=True)
class WarmStart:
    """The champion's `version` and what it `kept`; without it the fit is a full one, for `reason`.

    `retriever` is an earlier model over today's items that has seen all but a day of what lies before the ranker's
    window, and nothing of the window; or `earlier` is what one kept that has seen less, to go on from up to there.
    """

    version: str | None = None
    kept: Kept | None = None
    reason: str | None = None
    retriever: TowerArrays | None = None
    earlier: Kept | None = None
