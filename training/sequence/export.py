"""From the fitted sequence model to plain arrays."""

from __future__ import annotations

import numpy as np

from features.sequence_forward import BlockWeights, SequenceWeights
from training.sequence.layers import Block
from training.sequence.model import SequenceTwoTower


def sequence_weights(model: SequenceTwoTower) -> SequenceWeights:
    """Every weight that an answer needs, as numpy arrays; `vectors` also are what the item tower offers."""
    users = model.users
    return SequenceWeights(
        vectors=model.items.vectors().numpy(),
        places=users.places.numpy(),
        actions=users.actions.numpy(),
        gaps=users.gaps.numpy(),
        attributes=users.attributes.numpy(),
        offsets=users.offsets,
        contexts=users.contexts.numpy(),
        context_offsets=users.context_offsets,
        begins=np.array(users.begins, np.int32),
        half_lives_days=np.array(users.half_lives_days, np.float32),
        tastes=model.tastes,
        trends=users.trends.numpy(),
        trend_shift=users.trend_shift.numpy(),
        gain=users.norm.gain.numpy(),
        shift=users.norm.shift.numpy(),
        blocks=tuple(_block(block) for block in users.blocks),
    )


def _block(block: Block) -> BlockWeights:
    return BlockWeights(
        attention_gain=block.attention_norm.gain.numpy(),
        attention_shift=block.attention_norm.shift.numpy(),
        mixed=block.mixed.numpy(),
        joined=block.joined.numpy(),
        distances=block.distances.numpy(),
        inner_gain=block.inner_norm.gain.numpy(),
        inner_shift=block.inner_norm.shift.numpy(),
        opened=block.opened.numpy(),
        opened_shift=block.opened_shift.numpy(),
        closed=block.closed.numpy(),
        closed_shift=block.closed_shift.numpy(),
    )
