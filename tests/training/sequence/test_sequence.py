"""The sequence model: what it learns, that it looks back only, and that numpy answers as TensorFlow does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.sequence_forward import SequenceWeights, forward
from features.sequence_input import SequenceInput
from training.dataset import Ragged
from training.keras import tf
from training.sequence.config import SequenceConfig
from training.sequence.export import sequence_weights
from training.sequence.fit import Fitting, as_tensors, fit_sequences, new_model, user_vectors
from training.sequence.sequences import Batches, Sequences, newest
from training.sequence.softmax import Moments, chunked_softmax
from training.sequence.trends import event_trends

ITEMS, KINDS = 30, 3
SMALL = SequenceConfig(
    dim=16, blocks=2, heads=2, inner=24, length=12, epochs=3, batch=8, learning_rate=1e-2, warm_up_steps=5, average=0.9
)


def silent(epoch: int, fitting: Fitting) -> dict[str, float]:
    return {}


def circles(users: int, seed: int = 1) -> Sequences:
    """Everybody walks round the items one by one, from a place of their own: the next item is always known."""
    chance = np.random.default_rng(seed)
    rows = [
        [int(begin + step) % ITEMS + 1 for step in range(length)]
        for begin, length in zip(chance.integers(0, ITEMS, users), chance.integers(4, 30, users), strict=True)
    ]
    kinds = [[int(kind) for kind in chance.integers(1, KINDS + 1, len(row))] for row in rows]
    gaps = [[int(gap) for gap in chance.integers(0, 5, len(row))] for row in rows]
    attributes = chance.integers(0, 2, (users, 2)).astype(np.int32)
    attributes[0] = 1
    events = sum(map(len, rows))
    contexts = chance.integers(0, 3, (events, 2)).astype(np.int32)
    contexts[0] = 2
    asked = np.ones(events, np.bool_)
    return Sequences(Ragged.of(rows), Ragged.of(kinds), Ragged.of(gaps), contexts, attributes, asked)


def with_trends(sequences: Sequences, config: SequenceConfig) -> Sequences:
    """Everybody's events an hour apart, and the trends as of each where the model follows them."""
    if not config.trend_half_lives_days:
        return sequences
    items, starts = sequences.items.flat - 1, sequences.items.starts
    at_s = 3600 * np.concatenate([np.arange(length) for length in sequences.items.lengths]).astype(np.int64)
    return replace(sequences, trends=event_trends(items, starts, at_s, ITEMS, config.trend_half_lives_days))


def content() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(5).integers(0, 2, (ITEMS, 4)).astype(np.float32)


def some_inputs(sequences: Sequences, length: int) -> SequenceInput:
    users = np.arange(len(sequences))
    return newest(sequences, users, sequences.items.lengths, length)


def test_it_learns_what_comes_next() -> None:
    sequences = circles(200)
    fitting = fit_sequences(sequences, content(), KINDS, replace(SMALL, epochs=12), silent)
    vectors = user_vectors(fitting.model, some_inputs(sequences, SMALL.length))
    best = (vectors @ fitting.model.items.vectors().numpy()[1:].T).argmax(axis=1) + 1
    last = np.array([sequences.items[user][-1] for user in range(len(sequences))])
    assert (best == last % ITEMS + 1).mean() > 0.95
    assert fitting.curve[-1]["loss"] < fitting.curve[0]["loss"]


def test_unit_items_have_one_length_by_content_too() -> None:
    model = new_model(circles(20), content(), KINDS, replace(SMALL, unit_items=True))
    described = content().any(axis=1)
    for vectors in (model.items.vectors(), tf.boolean_mask(model.items.content_vectors()[1:], described)):
        np.testing.assert_allclose(np.linalg.norm(vectors.numpy(), axis=1), 1.0, atol=1e-5)


def test_a_place_does_not_see_what_comes_after_it() -> None:
    sequences = circles(20)
    model = new_model(sequences, content(), KINDS, SMALL)
    inputs = some_inputs(sequences, SMALL.length)
    arrays = {
        name: tf.constant(getattr(inputs, name)) for name in ("items", "actions", "gaps", "contexts", "attributes")
    }
    before = model.users(arrays, model.items.vectors()).numpy()
    changed = inputs.items.copy()
    changed[:, -1] = changed[:, -1] % ITEMS + 1
    after = model.users(arrays | {"items": tf.constant(changed)}, model.items.vectors()).numpy()
    there = inputs.items[:, :-1] > 0
    np.testing.assert_array_equal(before[:, :-1][there], after[:, :-1][there])
    assert np.abs(before[:, -1] - after[:, -1]).max(axis=1).min() > 1e-4


@pytest.mark.parametrize("changes", [{}, {"begins": True, "trend_half_lives_days": (0.5, 2.0)}])
def test_numpy_answers_as_tensorflow_does(changes: dict[str, Any], tmp_path: Path) -> None:
    config = replace(SMALL, **changes)
    sequences = with_trends(circles(60), config)
    fitting = fit_sequences(sequences, content(), KINDS, config, silent)
    for kept in (0, 1, 2, 7, 12):
        if kept or config.begins:
            assert_numpy_answers(fitting, some_inputs(sequences, SMALL.length), kept, tmp_path)


def assert_numpy_answers(fitting: Fitting, inputs: SequenceInput, kept: int, tmp_path: Path) -> None:
    inputs.items[:, : SMALL.length - kept] = 0
    inputs.actions[:, : SMALL.length - kept] = 0
    inputs.gaps[:, : SMALL.length - kept] = 0
    np.savez(tmp_path / "weights.npz", **sequence_weights(fitting.model).arrays())
    with np.load(tmp_path / "weights.npz") as arrays:
        weights = SequenceWeights.from_arrays(dict(arrays))
    expected = user_vectors(fitting.model, inputs)
    np.testing.assert_allclose(forward(weights, inputs), expected, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_chunks_give_the_loss_and_the_slopes_of_the_whole() -> None:
    chance = np.random.default_rng(2)
    queries, candidates = (
        tf.Variable(chance.normal(size=(7, 4)), dtype=tf.float32),
        tf.Variable(chance.normal(size=(9, 4)), dtype=tf.float32),
    )
    shift = tf.constant(chance.normal(size=9), tf.float32)
    labels = tf.constant(chance.integers(0, 9, 7), tf.int32)

    def whole() -> Any:
        scores = tf.matmul(queries, candidates, transpose_b=True) + shift
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))

    results: list[list[Any]] = []
    for loss_of in (whole, lambda: chunked_softmax(queries, candidates, shift, labels, chunk=3)):
        with tf.GradientTape() as tape:
            loss: Any = 2.0 * loss_of()
        results.append([loss.numpy(), *(slope.numpy() for slope in tape.gradient(loss, [queries, candidates]))])
    for expected, came in zip(*results, strict=True):
        np.testing.assert_allclose(came, expected, rtol=1e-4, atol=1e-6)


def test_trends_add_to_scores_and_to_slopes_chunk_by_chunk() -> None:
    chance = np.random.default_rng(4)
    variables = [tf.Variable(chance.normal(size=shape), dtype=tf.float32) for shape in ((7, 4), (9, 4), (7, 3))]
    queries, candidates, weights = variables
    trends = chance.uniform(size=(7, 9, 3)).astype(np.float16)
    # An item that is not there yet has no chance; what is asked for is there.
    trends[:, 5, -1] = -1.0
    labels, shift = tf.constant([0, 1, 2, 3, 4, 6, 7]), tf.zeros(9)

    def whole() -> Any:
        scores = tf.matmul(queries, candidates, transpose_b=True)
        scores += tf.reduce_sum(weights[:, None] * trends.astype(np.float32), -1)
        there = [place for place in range(9) if place != 5]
        kept = tf.gather(scores, there, axis=1)
        places = tf.constant([there.index(int(label)) for label in labels])
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=places, logits=kept))

    def chunks() -> Any:
        return chunked_softmax(queries, candidates, shift, labels, Moments(weights, tf.constant(trends)), chunk=3)

    results: list[list[Any]] = []
    for loss_of in (whole, chunks):
        with tf.GradientTape() as tape:
            loss: Any = loss_of()
        results.append([loss.numpy(), *(slope.numpy() for slope in tape.gradient(loss, variables))])
    for expected, came in zip(*results, strict=True):
        np.testing.assert_allclose(came, expected, rtol=1e-4, atol=1e-6)


def test_trends_are_as_of_just_before_each_event() -> None:
    # User 0 touches 0 at hour 1, 1 at hour 2; user 1 touches 1 at hour 1 and 0 at hour 3.
    at_s = 3600 * np.array([1, 2, 1, 3], np.int64)
    items, starts = np.array([0, 1, 1, 0], np.int32), np.array([0, 2, 4], np.int64)
    trends = event_trends(items, starts, at_s, 3, (1.0,))
    dense = trends.dense(np.arange(4), np.zeros(4, np.int64))
    assert dense.shape == (4, 3, 7)
    # At hour 1 nothing had happened; no item is there yet.
    assert not dense[[0, 2], :, :6].any()
    assert (dense[[0, 2], :, 6] < 0).all()
    hour = 2 ** (-1 / 24)
    np.testing.assert_allclose(dense[1, :2, 0], np.log1p([20 * hour, 20 * hour]), rtol=1e-3)
    np.testing.assert_allclose(dense[3, :2, 0], np.log1p([20 * hour**2, 20 * (hour + hour**2)]), rtol=1e-3)
    assert dense[3, 2, 6] < 0 < dense[3, 0, 6]
    # An hour and a half before hour 3 both were there, two hours before neither.
    assert (trends.dense(np.array([3]), np.array([5400]))[0, :2, 6] > 0).all()
    assert (trends.dense(np.array([3]), np.array([7200]))[0, :2, 6] < 0).all()


def test_with_a_lag_nothing_is_asked_for_that_is_newer() -> None:
    config = replace(SMALL, trend_half_lives_days=(1.0,), candidate_lag_days=0.5, earlier_windows=0.0)
    sequences = with_trends(circles(60), config)
    trends = sequences.trends
    assert trends is not None
    asked = 0
    for batch in Batches(sequences, config).epoch(0):
        targets = batch.targets[batch.targets > 0] - 1
        # Each is a candidate of its own softmax, and there is a row for each.
        assert (batch.trends[np.arange(len(targets)), targets, -1] >= 0).all()
        asked += len(targets)
    everything = sum(int((batch.targets > 0).sum()) for batch in Batches(circles(60), SMALL).epoch(0))
    assert 0 < asked < everything


def test_sequences_that_begin_ask_for_the_first_event_too() -> None:
    sequences = circles(50)
    config = replace(SMALL, begins=True, earlier_windows=0.0)
    seen = list(Batches(sequences, config).epoch(1))
    expected = np.minimum(sequences.items.lengths, SMALL.length).sum()
    assert sum(int((batch.targets > 0).sum()) for batch in seen) == expected
    begins = 0
    for batch in seen:
        inner = (batch.targets[:, :-1] > 0) & (batch.inputs.items[:, 1:] > 0)
        np.testing.assert_array_equal(batch.targets[:, :-1][inner], batch.inputs.items[:, 1:][inner])
        begins += int(((batch.targets > 0) & (batch.inputs.items == 0)).sum())
    assert begins == (sequences.items.lengths <= SMALL.length).sum() > 0


def test_a_place_is_read_with_the_context_of_the_event_after_it() -> None:
    sequences = circles(10)
    ends = sequences.items.lengths - 2
    inputs = newest(sequences, np.arange(10), ends, SMALL.length)
    for row, end in enumerate(ends.tolist()):
        start = int(sequences.items.starts[row])
        kept = min(end, SMALL.length)
        expected = sequences.contexts[start + end - kept + 1 : start + end + 1]
        np.testing.assert_array_equal(inputs.contexts[row, SMALL.length - kept :], expected)
    nobody = newest(sequences, np.arange(10), 0 * ends, SMALL.length)
    np.testing.assert_array_equal(nobody.contexts[:, -1], sequences.contexts[sequences.items.starts[:-1]])


def test_what_is_not_asked_for_is_read_alone() -> None:
    sequences = circles(20)
    sequences.asked[::3] = False
    batches = list(Batches(sequences, replace(SMALL, earlier_windows=0.0)).epoch(0))
    wanted = 0
    for user in range(20):
        start, stop = sequences.items.starts[user : user + 2]
        wanted += int(sequences.asked[max(start + 1, stop - SMALL.length) : stop].sum())
    assert sum(int((batch.targets > 0).sum()) for batch in batches) == wanted


def test_a_moment_is_asked_for_from_the_place_before_the_first_of_it() -> None:
    random = np.random.default_rng(8)
    walks = circles(40).items
    items = random.integers(1, ITEMS + 1, len(walks.flat)).astype(np.int32)
    sequences = replace(circles(40), items=Ragged(items, walks.starts))
    opens = random.random(len(sequences.items.flat)) < 0.3
    opens[sequences.items.starts[:-1]] = True
    config = replace(SMALL, begins=True, earlier_windows=0.0)
    every = list(Batches(sequences, config).epoch(0))
    found = list(Batches(replace(sequences, opens=opens), config).epoch(0))
    user_of = {tuple(sequences.items[user][-SMALL.length - 1 :].tolist()): user for user in range(40)}
    lost = 0
    for asked, batch in zip(every, found, strict=True):
        width = batch.targets.shape[1]
        np.testing.assert_array_equal(asked.askers, np.tile(np.arange(width), (len(asked.targets), 1)))
        for row in range(len(batch.targets)):
            read = [int(code) for code in asked.inputs.items[row] if code]
            user = user_of[(*read, int(asked.targets[row, -1]))]
            last = int(sequences.items.starts[user + 1])
            for place in range(width):
                event = last - width + place
                if not asked.targets[row, place]:
                    assert not batch.targets[row, place]
                    continue
                opener = place
                while opener >= 0 and asked.targets[row, opener] and not opens[event - (place - opener)]:
                    opener -= 1
                if opener < 0 or not asked.targets[row, opener]:
                    assert not batch.targets[row, place]
                    lost += 1
                else:
                    assert batch.targets[row, place] == asked.targets[row, place]
                    assert batch.askers[row, place] == opener
    assert lost


def test_the_loss_of_a_moment_is_that_of_all_its_items_by_the_vector_before_it() -> None:
    sequences = circles(6)
    opens = np.arange(len(sequences.items.flat)) % 3 == 0
    opens[sequences.items.starts[:-1]] = True
    config = replace(SMALL, begins=True, dropout=0.0, input_dropout=0.0, attention_dropout=0.0)
    model = new_model(sequences, content(), KINDS, config)
    batch = next(Batches(replace(sequences, opens=opens), config).epoch(0))
    inputs = as_tensors(batch, config, np.random.default_rng(1), ITEMS)
    vectors = model.items.vectors()
    scores = (model.users({name: tf.constant(value) for name, value in inputs.items()}, vectors).numpy()) @ (
        vectors.numpy()[1:].T
    )
    logs = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    losses = [
        -logs[row, batch.askers[row, place], batch.targets[row, place] - 1]
        for row, place in zip(*np.nonzero(batch.targets), strict=True)
    ]
    assert float(model.compute_loss(inputs)) == pytest.approx(float(np.mean(losses)), rel=1e-5)
    assert any(batch.askers[row, place] != place for row, place in zip(*np.nonzero(batch.targets), strict=True))


def test_a_sample_holds_every_target_and_its_odds() -> None:
    batch = next(Batches(circles(40), SMALL).epoch(0))
    sampled = as_tensors(batch, replace(SMALL, softmax_items=10), np.random.default_rng(3), ITEMS)
    asked = sampled["targets"] >= 0
    np.testing.assert_array_equal(asked, batch.targets > 0)
    np.testing.assert_array_equal(sampled["candidates"][sampled["targets"][asked]], batch.targets[asked])
    assert len(sampled["candidates"]) == len(set(sampled["candidates"].tolist())) >= 10
    # An item that is no target is there with the odds of the uniform draw alone: 10 of 30.
    absent = ~np.isin(sampled["candidates"], batch.targets)
    np.testing.assert_allclose(sampled["probability"][absent], 10 / 30, rtol=1e-6)


def test_an_epoch_has_each_sequence_once_and_asks_at_every_place() -> None:
    sequences = circles(50)
    batches = Batches(sequences, replace(SMALL, earlier_windows=0.0))
    seen = list(batches.epoch(4))
    assert sum(len(batch.targets) for batch in seen) == 50
    expected = np.minimum(sequences.items.lengths - 1, SMALL.length).sum()
    assert sum(int((batch.targets > 0).sum()) for batch in seen) == expected
    for batch in seen:
        inner = batch.targets[:, :-1] > 0
        np.testing.assert_array_equal(batch.targets[:, :-1][inner], batch.inputs.items[:, 1:][inner])


def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    sequences = circles(30)
    config = replace(SMALL, dropout=0.0, input_dropout=0.0, attention_dropout=0.0)
    whole = sequence_weights(fit_sequences(sequences, content(), KINDS, config, silent).model)

    class PowerCut(RuntimeError):
        pass

    def cut(epoch: int, fitting: Fitting) -> dict[str, float]:
        if epoch == 2:
            raise PowerCut
        return {}

    with pytest.raises(PowerCut):
        fit_sequences(sequences, content(), KINDS, config, cut, tmp_path / "fit")
    again = fit_sequences(sequences, content(), KINDS, config, silent, tmp_path / "fit")
    assert [row["epoch"] for row in again.curve] == [1, 2, 3]
    for name, expected in whole.arrays().items():
        np.testing.assert_allclose(sequence_weights(again.model).arrays()[name], expected, atol=1e-4, err_msg=name)
