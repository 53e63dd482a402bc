"""Feast applied to a test's own settings."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from contracts.settings import Settings


def applied(settings: Settings) -> Any:
    """Register the definitions. Feast warns of much that is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from feature_repo.store import apply

        return apply(settings)


@pytest.fixture
def store(settings: Settings) -> Any:
    """The Feast store of `settings`, its definitions applied."""
    return applied(settings)
