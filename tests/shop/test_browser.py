"""A visitor in Chromium on the whole stack: collector, Kafka, worker, Feast in Redis, service, shop."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from contracts.item import Item
from shop.files import CATALOGUE_PATH
from stack.kafka_server import KafkaServer
from stack.redis_server import RedisServer
from stack.topics import create_topics
from tests.conftest import make_settings
from tests.serving.artefacts import promote, write_artefact
from tests.shop.conftest import PHONE, Visit, Visitor
from tests.shop.processes import Stack, running


@pytest.fixture(scope="module")
def shop(kafka: KafkaServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with the real catalogue and a small model that puts articles of one category side by side."""
    from feature_repo.store import apply

    settings = make_settings(tmp_path_factory.mktemp("home"), bootstrap=kafka.bootstrap, redis_url=redis_server.url)
    create_topics(settings)
    (settings.home / "catalogue.parquet").write_bytes(CATALOGUE_PATH.read_bytes())
    items = [Item(**row) for row in pq.read_table(CATALOGUE_PATH).to_pylist()]
    write_artefact(settings, "by-category", sorted(items, key=lambda item: (item.category, item.item_id)))
    promote(settings, "by-category")
    with warnings.catch_warnings():
        # Feast calls on-demand views experimental at each registration.
        warnings.simplefilter("ignore", RuntimeWarning)
        apply(settings)
    with running(settings) as stack:
        yield stack


def round_is_done(page: Page, rounds: int) -> None:
    """Until the panel has timed that many acts."""
    expect(page.locator("#panel")).to_have_attribute("data-rounds", str(rounds), timeout=20_000)


def categories(visit: Visit) -> list[str]:
    """Categories of the recommended articles, in order."""
    found: list[str] = visit.page.eval_on_selector_all(
        "#for-you-items > [data-item-id]", "cards => cards.map(card => card.dataset.category)"
    )
    return found


def test_clicks_and_an_order_change_what_is_recommended(shop: Stack, visitor: Visitor) -> None:
    visit = visitor(shop.address)
    page = visit.page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    popular = visit.row()
    visit.shot("1-arrived")

    page.get_by_role("link", name="Garden", exact=True).click()
    expect(page.locator("#view h1")).to_have_text("Garden")
    page.locator('.grid [data-category="Garden"] .name').nth(3).click()
    round_is_done(page, 1)
    after_click = visit.row()
    assert after_click != popular
    assert categories(visit).count("Garden") >= 5
    expect(page.locator("#for-you-title")).to_have_text("For you")
    expect(page.locator("#for-you-status")).to_contain_text(re.compile(r"ms after “Clicked”: \d+ new"))
    expect(page.locator('[data-feature="recent_items"]')).to_be_visible()
    expect(page.locator(".similar .card")).not_to_have_count(0)
    visit.shot("2-clicked")

    page.locator("#add").click()
    round_is_done(page, 2)
    page.locator("#cart").click()
    page.get_by_role("link", name="Check out").click()
    page.locator("#order").click()
    expect(page.locator("#view h1")).to_have_text("Thank you")
    round_is_done(page, 3)
    expect(page.locator("#cart-count")).to_be_hidden()
    expect(page.locator(".events")).to_contain_text("Bought")
    visit.shot("3-bought")
    assert visit.complaints == []


def test_a_bought_article_is_recommended_no_more(shop: Stack, visitor: Visitor) -> None:
    visit = visitor(shop.address)
    page = visit.page
    page.get_by_role("link", name="Baking", exact=True).click()
    expect(page.locator("#view h1")).to_have_text("Baking")
    page.locator('.grid [data-category="Baking"] .name').nth(5).click()
    round_is_done(page, 1)
    wanted = visit.row()[0]
    page.locator(f'#for-you-items [data-item-id="{wanted}"] .add').click()
    round_is_done(page, 2)
    page.goto(f"{shop.address}/checkout")
    page.locator("#order").click()
    round_is_done(page, 1)
    assert wanted not in visit.row()


def test_the_whole_way_goes_by_keyboard_on_a_phone(shop: Stack, visitor: Visitor) -> None:
    visit = visitor(shop.address, size=PHONE)
    page = visit.page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    popular = visit.row()
    visit.shot("4-phone")
    expect(page.locator(".grid .card")).to_have_count(24)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".grid .name").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("article.item h1")).to_be_focused()
    round_is_done(page, 1)
    assert visit.row() != popular
    visit.shot("5-phone-clicked")
    page.locator("#panel-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel .figure")).to_be_visible()
    visit.shot("6-phone-panel")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert visit.complaints == []


def test_what_a_visitor_did_before_logging_in_joins_the_user(shop: Stack, visitor: Visitor) -> None:
    visit = visitor(shop.address, dark=True)
    page = visit.page
    page.get_by_role("link", name="Jewellery", exact=True).click()
    expect(page.locator("#view h1")).to_have_text("Jewellery")
    page.locator('.grid [data-category="Jewellery"] .name').nth(2).click()
    round_is_done(page, 1)
    page.locator("#account").click()
    page.locator("#user-id").fill("visitor-who-comes-back")
    page.keyboard.press("Enter")
    expect(page.locator("#account-name")).to_have_text("visitor-who-comes-back")
    logged_in = page.locator('.events [data-state="accepted"]', has_text="Logged in")
    expect(logged_in).to_be_visible()
    # The list before showed the same category: let the user's first answers pass, who had no past of their own.
    page.wait_for_timeout(2500)
    expect(page.locator('#for-you-items [data-category="Jewellery"]').first).to_be_visible()
    expect(page.locator("#for-you-title")).to_have_text("For you")
    visit.shot("7-dark-logged-in")
    assert visit.complaints == []
