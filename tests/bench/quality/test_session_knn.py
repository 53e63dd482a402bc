"""Session kNN by numbers derived by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from bench.quality.opponents.session_knn import session_knn_scores


def test_the_nearest_sequences_lend_their_items_by_how_near_they_are() -> None:
    # Sequences of users 0 to 2 over items 0 to 3; the case is user 0's, its newest item 0 weighs 1, item 1 a half.
    sequences = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]], np.float32))
    recent = sparse.csr_matrix(np.array([[1, 0.5, 0, 0]], np.float32))
    scores = session_knn_scores(recent, sequences, np.array([0]), neighbours=3)
    # User 1 shares item 0: 1 / sqrt(2). User 2 shares item 1: 0.5 / sqrt(2). User 0 is no neighbour of their own.
    near, far = 1 / np.sqrt(2), 0.5 / np.sqrt(2)
    assert scores[0] == pytest.approx([near, far, near, far])
    only = session_knn_scores(recent, sequences, np.array([0]), neighbours=1)
    assert only[0] == pytest.approx([near, 0, near, 0])


def test_opponents_import_nothing_that_their_environment_lacks() -> None:
    script = "import sys, bench.quality.opponents.session_knn, bench.quality.opponents.problem; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    rooms = {name.partition(".")[0] for name in finished.stdout.split()}
    assert rooms.isdisjoint({"contracts", "training", "features", "pydantic", "msgspec", "tensorflow", "feast"})
