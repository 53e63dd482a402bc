"""Labels with the features as of just before each: what models are fitted to and measured on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.tower_input import HISTORY, TowerInput, Vocabulary, stack, tower_input
from features.values import FEATURES
from training.labels import Moment

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# Feast joins at or before. A label must not see its own instant: an invoice's lines share one
# timestamp, and each would show the others. So it asks as of one microsecond earlier.
STRICTLY_BEFORE_US = 1
CONSENT_COLUMN = "training_allowed"
ALL_FEATURES = tuple(spec.name for spec in FEATURES)


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths: row i is `flat[starts[i]:starts[i + 1]]`."""

    flat: Ints
    starts: Longs

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
        flat = np.fromiter((value for row in rows for value in row), np.int32, int(lengths.sum()))
        return cls(flat, np.concatenate(([0], np.cumsum(lengths))))

    def __getitem__(self, row: int) -> Ints:
        return self.flat[self.starts[row] : self.starts[row + 1]]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Longs:
        """Length of each row."""
        return np.diff(self.starts)

    def keep(self, kept: NDArray[np.bool_]) -> Ragged:
        """As many rows, of those values alone that are `kept` [values]."""
        return Ragged(self.flat[kept], np.concatenate(([0], np.cumsum(kept)))[self.starts])

    def take(self, rows: Longs) -> Ragged:
        """The given rows, in that order; rows in unbroken order share memory with these."""
        if unbroken(rows):
            first, last = int(self.starts[rows[0]]), int(self.starts[rows[-1] + 1])
            return Ragged(self.flat[first:last], self.starts[rows[0] : rows[-1] + 2] - first)
        starts, lengths = self.starts[rows], self.lengths[rows]
        ends = np.concatenate(([0], np.cumsum(lengths)))
        return Ragged(self.flat[np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)], ends)


@dataclass(frozen=True)
class Purchases:
    """What was bought, aligned by moment, in time order. Items are places in the vocabulary, from 0.

    purchased: items chosen; basket: those of them not bought before; countries: where the purchase went.
    """

    vocabulary: Vocabulary
    users: NDArray[np.str_]
    at_us: Longs
    countries: NDArray[np.str_]
    purchased: Ragged
    basket: Ragged

    def __len__(self) -> int:
        return len(self.at_us)

    def take(self, rows: Longs) -> Purchases:
        """The moments at `rows`, in that order; rows in unbroken order share memory with these."""
        return Purchases(**self._taken(rows))

    def _taken(self, rows: Longs) -> dict[str, Any]:
        at = _at(rows)
        return {
            "vocabulary": self.vocabulary,
            "users": self.users[at],
            "at_us": self.at_us[at],
            "countries": self.countries[at],
            "purchased": self.purchased.take(rows),
            "basket": self.basket.take(rows),
        }


@dataclass(frozen=True)
class Dataset(Purchases):
    """Purchases with the features as of just before each.

    bought: items bought before; refused: items turned down before, None where nobody looked for them.
    `inputs` holds the tower's arrays with a leading axis; ages_s: [moments, HISTORY] float32, the
    exact ages of `inputs.items`.
    """

    inputs: TowerInput
    ages_s: NDArray[np.float32]
    bought: Ragged
    refused: Ragged | None = None

    def take(self, rows: Longs) -> Dataset:
        """The moments at `rows`, in that order; rows in unbroken order share memory with these."""
        at = _at(rows)
        return Dataset(
            **self._taken(rows),
            inputs=self.inputs.take(at),
            ages_s=self.ages_s[at],
            bought=self.bought.take(rows),
            refused=None if self.refused is None else self.refused.take(rows),
        )


def _at(rows: Longs) -> Longs | slice:
    return slice(int(rows[0]), int(rows[-1]) + 1) if unbroken(rows) else rows


def unbroken(rows: Longs) -> bool:
    """Whether each row follows the one before it."""
    return len(rows) > 0 and bool((np.diff(rows) == 1).all())


def entity_rows(users: Sequence[str], at_us: Sequence[int] | Longs) -> pd.DataFrame:
    """What Feast is asked for each user at an instant: the rows before it, evaluated as of it."""
    instants = np.asarray(at_us, np.int64)
    return entity_rows_of(users, instants - STRICTLY_BEFORE_US, instants)


def entity_rows_of(users: Sequence[str], until_us: Sequence[int] | Longs, at_us: Sequence[int] | Longs) -> pd.DataFrame:
    """What Feast is asked: each user's newest row at or before `until_us`, evaluated as of `at_us`."""
    return pd.DataFrame(
        {
            "user_id": list(users),
            "event_timestamp": pd.to_datetime(np.asarray(until_us, np.int64), unit="us", utc=True),
            "at_us": np.asarray(at_us, np.int64),
            "request_device": "",
            "request_country": "",
        }
    )


def join_features(
    store: Any, service: str, users: Sequence[str], at_us: Sequence[int] | Longs, *, names: Sequence[str] = ALL_FEATURES
) -> list[dict[str, Any]]:
    """Each user's values just before an instant, by Feast's historical retrieval through the feature service.

    Aligned with `users` and `at_us`. `names` are the features wanted; whether training may use them comes along.
    """
    rows = entity_rows(users, at_us)
    table = store.get_historical_features(entity_df=rows, features=store.get_feature_service(service)).to_arrow()
    columns = {name: table[name].to_pylist() for name in (*names, CONSENT_COLUMN)}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def joined_chunks(
    store: Any,
    service: str,
    moments: Sequence[Moment],
    vocabulary: Vocabulary,
    *,
    names: Sequence[str],
    size: int,
    refused: Sequence[frozenset[str]] | None = None,
) -> Iterator[Dataset]:
    """Datasets of `size` moments each, joined one after another. Raises LookupError where none may be used."""
    usable = False
    for first in range(0, len(moments), size):
        part = moments[first : first + size]
        users, at_us = [moment.user_id for moment in part], [moment.at_us for moment in part]
        values = join_features(store, service, users, at_us, names=names)
        if any(row[CONSENT_COLUMN] for row in values):
            usable = True
            turned_down = None if refused is None else refused[first : first + size]
            yield build_dataset(part, values, vocabulary, turned_down)
    if not usable:
        raise LookupError(f"expected moments that may be used for training, came none among {len(moments)}")


def build_dataset(
    moments: Sequence[Moment],
    values: Sequence[dict[str, Any]],
    vocabulary: Vocabulary,
    refused: Sequence[frozenset[str]] | None = None,
) -> Dataset:
    """Arrays of the moments whose features may be used for training. Raises LookupError where none is left."""
    codes = vocabulary.item_codes
    kept = [(moment, row) for moment, row in zip(moments, values, strict=True) if row[CONSENT_COLUMN]]
    if not kept:
        raise LookupError(f"expected moments that may be used for training, came none among {len(moments)}")
    purchases = purchases_of([moment for moment, _ in kept], vocabulary)
    return Dataset(
        **vars(purchases),
        inputs=stack([tower_input(row, vocabulary) for _, row in kept]),
        ages_s=np.stack([_known_ages(row, codes) for _, row in kept]),
        bought=Ragged.of([_places(moment.bought, codes) for moment, _ in kept]),
        refused=None if refused is None else Ragged.of([_places(items, codes) for items in _allowed(refused, values)]),
    )


def purchases_of(moments: Sequence[Moment], vocabulary: Vocabulary) -> Purchases:
    """Arrays of what the moments say by themselves."""
    codes = vocabulary.item_codes
    return Purchases(
        vocabulary=vocabulary,
        users=np.array([moment.user_id for moment in moments]),
        at_us=np.array([moment.at_us for moment in moments], np.int64),
        countries=np.array([moment.country for moment in moments]),
        purchased=Ragged.of([_places(moment.basket, codes) for moment in moments]),
        basket=Ragged.of([_places(moment.basket - moment.bought, codes) for moment in moments]),
    )


def _allowed(rows: Sequence[frozenset[str]], values: Sequence[dict[str, Any]]) -> list[frozenset[str]]:
    return [row for row, one in zip(rows, values, strict=True) if one[CONSENT_COLUMN]]


def _known_ages(values: dict[str, Any], codes: dict[str, int]) -> NDArray[np.float32]:
    lines = zip(values["recent_items"], values["recent_ages_s"], strict=True)
    known = [age_s for item, age_s in lines if item in codes][:HISTORY]
    ages = np.zeros(HISTORY, np.float32)
    ages[: len(known)] = known
    return ages


def _places(items: frozenset[str], codes: dict[str, int]) -> list[int]:
    return sorted(codes[item] - 1 for item in items if item in codes)
