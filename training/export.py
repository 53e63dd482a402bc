"""From the fitted TensorFlow model to plain arrays."""

from __future__ import annotations

from features.tower_forward import TowerWeights
from training.artefact import TowerArrays
from training.towers import TwoTower


def tower_arrays(model: TwoTower) -> TowerArrays:
    """Every weight that an answer needs, as numpy arrays."""
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
    return TowerArrays(weights, items(content).numpy(), items.newest_bias())
