"""From the fitted TensorFlow model to plain arrays."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from features.tower_forward import TowerWeights, forward
from features.tower_input import TowerInput
from training.artefact import TowerArrays
from training.kept import Kept
from training.towers import TwoTower


def tower_arrays(model: TwoTower) -> TowerArrays:
    """Every weight that an answer needs, as numpy arrays, and of a fitted model what the next fit goes on from."""
    users, items = model.users, model.items
    content = items.content()
    hidden, hidden_bias = users.hidden.get_weights()
    weights = TowerWeights(
        history=items.history(content).numpy(),
        age_logits=users.age_logits.numpy(),
        order_logits=users.order_logits.numpy(),
        action_logits=users.action_logits.numpy(),
        mean=users.mean.numpy(),
        scale=users.scale.numpy(),
        hidden=hidden,
        hidden_bias=hidden_bias,
        out=users.out.get_weights()[0],
        country=users.country.numpy(),
    )
    return TowerArrays(weights, items(content).numpy(), items.newest_bias(), _kept(model))


def export_difference(model: TwoTower, arrays: TowerArrays, inputs: TowerInput) -> tuple[float, float]:
    """The largest difference between the trained tower's vectors and the exported one's, and the largest number."""
    batch = {field.name: getattr(inputs, field.name) for field in fields(TowerInput)}
    trained = model.users(batch, model.items.history(model.items.content())).numpy()
    return float(np.abs(forward(arrays.user, inputs) - trained).max()), float(np.abs(trained).max())


def _kept(model: TwoTower) -> Kept | None:
    if model.header is None:
        return None
    weights = {name: variable.numpy() for name, variable in model.named_weights().items()}
    return Kept(model.header, weights, model.items.beginning, model.users.mean.numpy(), model.users.scale.numpy())
