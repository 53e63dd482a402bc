"""Finds the model that had seen nothing from an instant on: a retriever that is fitted already."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import structlog

from contracts.model import read_manifest, verify_files
from contracts.settings import Settings
from features.tower_files import TowerFiles, read_tower
from features.tower_input import Vocabulary
from training.artefact import TowerArrays
from training.catalogue import ItemContent
from training.config import TowerConfig
from training.grow import named_rows
from training.kept import Header, difference, read_header
from training.placing import by_content, content_blocks, described
from training.registry import versions

_log = structlog.get_logger()


class Earlier(NamedTuple):
    """A registered version, and the first instant that it did not see."""

    version: str
    cutoff_us: int


def newest_before(settings: Settings, until_us: int, service: str, config: TowerConfig) -> Earlier | None:
    """The registered version that saw most of what lies before `until_us`, and nothing after; None where there is none.

    It reads `service` and was fitted as `config` says. What cannot be read is passed over.
    """
    headers = ((version, _header(settings.model_dir / version)) for version in versions(settings))
    fitting = [
        Earlier(version, header.cutoff_us)
        for version, header in headers
        if header is not None and header.cutoff_us <= until_us and difference(header, config) is None
    ]
    # Of models with one cutoff the newest comes first.
    for earlier in sorted(fitting, key=attrgetter("cutoff_us"), reverse=True):
        if _reads(settings.model_dir / earlier.version, service):
            return earlier
    return None


def _header(directory: Path) -> Header | None:
    try:
        return read_header(directory)
    except ValueError:
        return None


def _reads(directory: Path, service: str) -> bool:
    try:
        manifest = read_manifest(directory)
        verify_files(directory, manifest)
        read_tower(directory)
    except (OSError, ValueError) as error:
        _log.warning("earlier model passed over", directory=str(directory), reason=str(error))
        return False
    return manifest.feature_service == service


def read_over(directory: Path, vocabulary: Vocabulary, content: ItemContent) -> TowerArrays:
    """The towers of a model's directory over `vocabulary`; items that they do not know stand where `content` says."""
    return over(read_tower(directory), vocabulary, content)


def over(files: TowerFiles, vocabulary: Vocabulary, content: ItemContent) -> TowerArrays:
    """The towers with a row for each name of `vocabulary`. Raises ValueError where they know none of its items."""
    before, weights = files.vocabulary, files.weights
    user = replace(
        weights,
        history=named_rows(weights.history, before.items, vocabulary.items, reserved=1),
        country=named_rows(weights.country, before.countries, vocabulary.countries, reserved=1),
    )
    vectors = named_rows(files.vectors, before.items, vocabulary.items)
    bias = named_rows(files.bias, before.items, vocabulary.items)
    known = np.isin(np.array(vocabulary.items), np.array(before.items))
    learned = np.concatenate((vectors, user.history[1:], bias[:, None]), axis=1)
    said = by_content(described(content_blocks(content)), known.astype(np.float32), learned)
    placed, dim = np.where(known[:, None], learned, said), vectors.shape[1]
    user = replace(user, history=np.concatenate((user.history[:1], placed[:, dim:-1])))
    return TowerArrays(user, placed[:, :dim], placed[:, -1])
