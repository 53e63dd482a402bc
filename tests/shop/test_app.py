"""The shop over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from contracts.item import Item
from shop.app import Addresses, ShopApp
from shop.catalogue import Catalogue
from shop.customers import Customer
from tests.shop.serve import served

MUG = Item("79323P", "Red Mug", 1.25, "Tea & Coffee")
CLOCK = Item("3", "Alarm Clock Red", 3.75, "Clocks & Mirrors")
ADDRESSES = Addresses(collector_url="http://collector.test", service_url="http://service.test", write_key="public")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    catalogue = Catalogue([MUG, CLOCK])
    shop = ShopApp(lambda: catalogue, ADDRESSES, [Customer("12345", 9, "Garden", 0.5)])
    with served(shop.build()) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/item/79323P", "/category/Tea%20%26%20Coffee", "/cart", "/search?query=mug"])
def test_a_reload_finds_the_page_wherever_the_visitor_is(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_the_page_may_run_our_scripts_and_reach_our_servers_alone(client: httpx.Client) -> None:
    policy = dict(part.split(" ", 1) for part in client.get("/").headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' http://collector.test http://service.test"
    assert "unsafe" not in str(policy)


def test_the_page_itself_has_no_inline_script_style_or_foreign_asset(client: httpx.Client) -> None:
    page = client.get("/").text
    assert page.count("<script") == 1
    assert "<style" not in page
    assert " style=" not in page
    assert 'src="http' not in page
    assert '<link rel="stylesheet" href="/assets/shop.css">' in page


def test_what_the_page_loads_is_there(client: httpx.Client) -> None:
    for path in ("/assets/shop.js", "/assets/shop.css", "/tracker/clickloop.js", "/favicon.svg"):
        assert client.get(path).status_code == 200


def test_config_says_where_the_others_are(client: httpx.Client) -> None:
    assert client.get("/api/config").json() == {
        "collectorUrl": "http://collector.test",
        "serviceUrl": "http://service.test",
        "writeKey": "public",
    }


def test_items_are_found_by_words_and_category(client: httpx.Client) -> None:
    found = client.get("/api/items", params={"query": "red", "category": "Tea & Coffee"}).json()
    assert found["total"] == 1
    assert found["items"] == [{"item_id": "79323P", "name": "Red Mug", "price": 1.25, "category": "Tea & Coffee"}]


def test_an_item_by_its_code(client: httpx.Client) -> None:
    assert client.get("/api/items/3").json()["name"] == "Alarm Clock Red"


def test_an_unknown_code_is_404_and_says_what_came(client: httpx.Client) -> None:
    answer = client.get("/api/items/zebra")
    assert answer.status_code == 404
    assert answer.json() == {"error": "expected the code of an article, came 'zebra'"}


@pytest.mark.parametrize("page", ["0", "-1", "two", "", "٣", "9" * 30])
def test_a_page_that_is_no_count_is_400_and_says_what_came(client: httpx.Client, page: str) -> None:
    answer = client.get("/api/items", params={"page": page})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected page from 1 to 1000000, came")


def test_an_unknown_api_path_is_404_not_the_page(client: httpx.Client) -> None:
    assert client.get("/api/zebra").status_code == 404


def test_customers_to_log_in_as(client: httpx.Client) -> None:
    assert client.get("/api/customers").json() == [
        {"customer_id": "12345", "purchases": 9, "favourite": "Garden", "share": 0.5}
    ]


def test_health_counts_the_articles(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok", "articles": 2}
