"""A browser, and the shop's page with stand-ins behind it that can be taken away."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from contracts.item import Item
from shop.app import Addresses, ShopApp
from shop.catalogue import Catalogue
from shop.customers import Customer
from shop.files import CATALOGUE_PATH
from stack.chromium import require_chromium
from tests.shop.serve import served
from tests.shop.standin import CollectorThatMayRefuse, ServiceThatFollowsCategories

ARTIFACTS = Path(__file__).resolve().parent.parent / "artifacts"
DESKTOP = (1280, 800)
PHONE = (390, 844)


# Of the module: while Playwright's loop runs, no test of another module could run one of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=require_chromium(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page and everything its console said worse than information."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def shot(self, name: str) -> None:
        """Leave a picture of what the visitor sees."""
        ARTIFACTS.mkdir(exist_ok=True)
        # Until what glides has arrived.
        self.page.wait_for_timeout(700)
        self.page.screenshot(path=ARTIFACTS / f"shop-{name}.png")

    def row(self) -> list[str]:
        """Codes of the articles of the recommendations, in order."""
        codes: list[str] = self.page.eval_on_selector_all(
            "#for-you-items > [data-item-id]", "cards => cards.map(card => card.dataset.itemId)"
        )
        return codes


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Opens an address as a new visitor; keywords: size, dark, calm (prefers less motion)."""
    contexts: list[BrowserContext] = []

    def visit(address: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False, calm: bool = False) -> Visit:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
            has_touch=size[0] < 600,
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        visit = Visit(context.new_page())
        visit.page.on(
            "console",
            lambda message: visit.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.goto(address)
        return visit

    yield visit
    for context in contexts:
        context.close()


@dataclass(frozen=True)
class Standins:
    """The shop's address and what stands in behind its page."""

    address: str
    collector: CollectorThatMayRefuse
    service: ServiceThatFollowsCategories


@pytest.fixture
def standins() -> Iterator[Standins]:
    """The shop over its real catalogue, collector and service replaced by ones that a test can take away."""
    items = [Item(**row) for row in pq.read_table(CATALOGUE_PATH).to_pylist()]
    mixed = random.Random(7).sample(items, len(items))
    collector = CollectorThatMayRefuse()
    service = ServiceThatFollowsCategories(collector, mixed)
    with served(collector.app()) as collector_url, served(service.app()) as service_url:
        addresses = Addresses(collector_url=collector_url, service_url=service_url, write_key="public")
        catalogue = Catalogue(items)
        shop = ShopApp(lambda: catalogue, addresses, [Customer("13027", 59, "Baking", 1.0)])
        with served(shop.build()) as address:
            yield Standins(address, collector, service)
