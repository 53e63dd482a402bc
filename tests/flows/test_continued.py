"""The flow watched from outside, and gone on from weeks later."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from contracts.golden import read_golden
from stack.redis_server import RedisServer
from tests.flows.runs import fill, home, trained


def test_a_watched_flow_ends_early_and_a_warm_one_goes_on_from_it_weeks_later(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = home(tmp_path, redis_server)
    articles = pq.read_table(settings.catalogue_path)
    pq.write_table(articles.take(list(range(0, len(articles), 4))), settings.catalogue_path)
    fill(settings, until=datetime.now(UTC) - timedelta(days=21))
    watched = trained(settings, epochs=4, watch=True)
    assert (watched["promoted"], watched["start"]["kind"]) == (True, "full")
    card = json.loads((settings.model_dir / "1" / "card.json").read_text())
    assert card["configuration"]["stopping.days"] == 14
    assert 1 <= card["learning"]["epochs"] <= 4

    fill(settings)
    warm = trained(settings, warm=True)
    assert {name: warm["start"][name] for name in ("kind", "version", "reason")} == {
        "kind": "warm",
        "version": "1",
        "reason": None,
    }
    table = warm["metrics"]
    assert table["two_tower"]["ndcg_at_10"] > table["popularity"]["ndcg_at_10"]
    # The champion has seen nothing of the ranker's window, so it stands for the ranker's retriever.
    assert "two_tower_ranked" in table
    assert len(read_golden(settings.model_dir / "2").requests) == 32
