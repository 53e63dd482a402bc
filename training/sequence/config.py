"""What a sequence model can be told; the values of a data set stand in its configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Ask = Literal["event", "moment", "session"]


@dataclass(frozen=True)
class SequenceConfig:
    """Shape and fit of the sequence model.

    `length`: events that the user tower reads; `batch`: sequences of full length in a batch, shorter
    ones being more; `softmax_items`: up to so many items the softmax runs over all, beyond over a
    sample shared by the whole batch, corrected for it. `earlier_windows`: how often a sequence longer
    than `length` is cut at a random place instead of its end. `average`: decay a step of the averaged
    weights, which are those that the fit returns. `unit_items`: items' vectors have one learned length
    (cosine in place of the dot product: a person's length alters no order). `begins`: a sequence is
    read from before its first event on, so that who has none gets a vector too.
    `trend_half_lives_days`: an item's score follows its decayed counts and its age as of the instant;
    it does not where empty. `candidate_lag_days`: such a model is used up to so long after its items
    were listed; a sequence is then asked for items alone that are older than a random part of it.
    `ask`: what is learnt from as something to be found: each event, from the place before it; all events of one
    second (moment), from the place before the first of them; or the event alone that begins a session.
    """

    dim: int = 64
    blocks: int = 2
    heads: int = 1
    inner: int = 128
    length: int = 200
    input_dropout: float = 0.2
    dropout: float = 0.2
    attention_dropout: float = 0.2
    id_dropout: float = 0.0
    epochs: int = 60
    batch: int = 32
    learning_rate: float = 1e-3
    warm_up_steps: int = 200
    last_rate: float = 0.02
    second_decay: float = 0.98
    clip_norm: float = 5.0
    average: float = 0.998
    earlier_windows: float = 0.5
    softmax_items: int = 8192
    unit_items: bool = False
    begins: bool = False
    trend_half_lives_days: tuple[float, ...] = ()
    candidate_lag_days: float = 0.0
    ask: Ask = "event"
    seed: int = 7

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"dim: expected a multiple of {self.heads} heads, came {self.dim}")
        if self.ask not in get_args(Ask):
            raise ValueError(f"ask: expected one of {', '.join(get_args(Ask))}, came {self.ask!r}")
