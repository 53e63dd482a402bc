"""The page when all is well and when the others are away, with stand-ins behind it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.shop.conftest import PHONE, Standins, Visitor
from tests.shop.standin import CollectorThatMayRefuse

NAMELESS = """
() => [...document.querySelectorAll('a, button, input, [role]')].filter(element => {
  const label = element.labels?.[0]?.textContent ?? document.getElementById(element.getAttribute('aria-labelledby'))?.textContent;
  const live = element.getAttribute('role') === 'status';
  return !live && !(element.getAttribute('aria-label') ?? label ?? element.textContent).trim();
}).map(element => element.outerHTML.slice(0, 120))
"""  # noqa: E501


def wait_for_events(page: Page, collector: CollectorThatMayRefuse, *events: str) -> None:
    """Until the collector has each of these events."""
    for _ in range(400):
        if set(events) <= set(collector.events()):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"expected {events}, came {collector.events()}")


def test_a_click_changes_the_row_and_the_panel_says_how(standins: Standins, visitor: Visitor) -> None:
    visit = visitor(standins.address)
    page = visit.page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    before = visit.row()
    page.locator("#for-you-items .name").nth(4).click()
    expect(page.locator("#panel")).to_have_attribute("data-rounds", "1")
    assert visit.row() != before
    expect(page.locator("#for-you-status")).to_contain_text("ms after “Clicked”")
    assert page.locator(".stages li").count() == 4
    expect(page.locator('[data-feature="recent_items"]')).to_be_visible()
    expect(page.locator(".events")).to_contain_text("Clicked")
    assert visit.complaints == []


def test_the_whole_way_to_an_order_goes_by_keyboard(standins: Standins, visitor: Visitor) -> None:
    visit = visitor(standins.address)
    page = visit.page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    expect(page.locator(".grid .card")).to_have_count(24)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(".grid .name").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("article.item h1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#quantity")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_contain_text("is in your cart, 2 in all")
    page.locator("#cart").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#view h1")).to_have_text("Your cart")
    page.get_by_role("link", name="Check out").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#view h1")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#order")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#view h1")).to_have_text("Thank you")
    wait_for_events(page, standins.collector, "Product Added", "Checkout Started", "Order Completed")
    (order,) = [m for m in standins.collector.messages if m.get("event") == "Order Completed"]
    assert [line["quantity"] for line in order["properties"]["products"]] == [2]
    assert visit.complaints == []


def test_a_phone_holds_the_page_and_its_drawer_keeps_the_focus_it_should(standins: Standins, visitor: Visitor) -> None:
    visit = visitor(standins.address, size=PHONE)
    page = visit.page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    panel, opener = page.locator("#panel"), page.locator("#panel-open")
    expect(panel).to_be_hidden()
    assert panel.evaluate("panel => panel.inert")
    opener.click()
    expect(panel).to_be_visible()
    expect(page.get_by_role("button", name="Close the panel")).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()
    assert visit.complaints == []


@pytest.mark.parametrize("path", ["/", "/item/22423", "/cart", "/search?query=zebra"])
def test_everything_that_can_be_used_has_a_name(standins: Standins, visitor: Visitor, path: str) -> None:
    page = visitor(standins.address + path).page
    expect(page.locator("#view h1")).to_be_visible()
    assert page.evaluate(NAMELESS) == []
    assert page.locator("h1").count() == 1


def test_without_the_service_the_shop_goes_on_and_says_so(standins: Standins, visitor: Visitor) -> None:
    standins.service.away = True
    visit = visitor(standins.address)
    page = visit.page
    expect(page.locator("#for-you-status")).to_contain_text("do not answer just now")
    expect(page.locator(".grid .card")).to_have_count(24)
    page.locator(".grid .name").first.click()
    expect(page.locator(".similar")).to_contain_text("do not answer just now")
    page.locator("#add").click()
    expect(page.locator("#cart-count")).to_have_text("1")
    visit.shot("service-away")
    standins.service.away = False
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    expect(page.locator(".trouble")).to_be_hidden()


def test_without_the_collector_events_are_kept_and_sent_once_it_is_back(standins: Standins, visitor: Visitor) -> None:
    standins.collector.status = 503
    standins.collector.headers = {"Retry-After": "1", "Access-Control-Expose-Headers": "Retry-After"}
    page = visitor(standins.address).page
    page.locator(".grid .name").first.click()
    expect(page.locator(".trouble")).to_contain_text("The collector does not answer")
    expect(page.locator("article.item")).to_be_visible()
    assert standins.collector.messages == []
    standins.collector.status = 200
    wait_for_events(page, standins.collector, "Product Clicked", "Product Viewed")
    assert standins.collector.events().count("Product Clicked") == 1
    expect(page.locator(".trouble")).to_be_hidden()


def test_who_wants_no_personalization_is_asked_for_as_nobody(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    asked_as = [request.anonymous_id for request in standins.service.requests]
    assert None not in asked_as
    page.locator("#privacy").click()
    page.get_by_role("switch", name="Personalization").click()
    expect(page.locator("#for-you-title")).to_have_text("Popular now")
    page.wait_for_function("() => !document.querySelector('dialog #consent-personalization').checked")
    wait_for_events(page, standins.collector, "consent")
    assert standins.service.requests[-1].anonymous_id is None
    assert standins.service.requests[-1].user_id is None


def test_who_wants_no_measurement_sends_nothing_more(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    page.locator("#privacy").click()
    page.get_by_role("switch", name="Measurement").click()
    wait_for_events(page, standins.collector, "consent")
    page.keyboard.press("Escape")
    told = len(standins.collector.messages)
    page.locator(".grid .name").first.click()
    page.locator("#add").click()
    expect(page.locator("#cart-count")).to_have_text("1")
    page.reload()
    expect(page.locator("article.item")).to_be_visible()
    page.wait_for_timeout(1500)
    assert len(standins.collector.messages) == told


def test_logging_in_makes_the_visitor_the_customer_and_out_a_new_one(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    page.locator("#account").click()
    page.get_by_role("button", name="13027").click()
    expect(page.locator("#account-name")).to_have_text("13027")
    wait_for_events(page, standins.collector, "identify")
    (identify,) = [m for m in standins.collector.messages if m["type"] == "identify"]
    assert identify["userId"] == "13027"
    assert any(request.user_id == "13027" for request in standins.service.requests)
    page.locator("#account").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#account-name")).to_have_text("Log in")
    page.locator(".grid .name").first.click()
    wait_for_events(page, standins.collector, "Product Clicked")
    (click,) = [m for m in standins.collector.messages if m.get("event") == "Product Clicked"]
    assert "userId" not in click
    assert click["anonymousId"] != identify["anonymousId"]


def test_a_search_finds_by_words_and_says_when_nothing_has_them(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    page.locator("#query").fill("alarm clock")
    page.keyboard.press("Enter")
    expect(page.locator("#view h1")).to_have_text("“alarm clock”")
    names = page.locator(".grid .name").all_text_contents()
    assert names
    assert all("alarm" in name.lower() and "clock" in name.lower() for name in names)
    page.locator("#query").fill("zebra crossing")
    page.keyboard.press("Enter")
    expect(page.locator("#view")).to_contain_text("No gift has these words")
    wait_for_events(page, standins.collector, "Products Searched")


def test_pages_of_a_category_are_walked_and_the_way_back_leads_back(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    page.get_by_role("link", name="Garden", exact=True).click()
    expect(page.locator("#view h1")).to_have_text("Garden")
    first = page.locator(".grid .name").all_text_contents()
    page.get_by_role("link", name="Page 2").click()
    expect(page.locator('.paging [aria-current="page"]')).to_have_text("2")
    assert page.locator(".grid .name").all_text_contents() != first
    page.go_back()
    expect(page.locator('.paging [aria-current="page"]')).to_have_text("1")
    assert page.locator(".grid .name").all_text_contents() == first


@pytest.mark.parametrize(("path", "text"), [("/item/zebra", "no such gift"), ("/a/b/c", "leads nowhere")])
def test_a_wrong_address_says_so_and_leads_back(standins: Standins, visitor: Visitor, path: str, text: str) -> None:
    page = visitor(standins.address + path).page
    expect(page.locator("#view")).to_contain_text(text)
    page.get_by_role("link", name="To the shop").click()
    expect(page.locator("#view h1")).to_have_text("All gifts")


def test_the_list_glides_unless_less_motion_is_preferred(standins: Standins, visitor: Visitor) -> None:
    count = """() => new Promise(resolve => {
      const row = document.querySelector('#for-you-items');
      new MutationObserver(() => requestAnimationFrame(() => resolve(row.getAnimations({ subtree: true })
        .filter(animation => !(animation instanceof CSSTransition)).length))).observe(row, { childList: true });
      document.querySelectorAll('#for-you-items .name')[4].click();
    })"""
    for calm in (False, True):
        page = visitor(standins.address, calm=calm).page
        expect(page.locator("#for-you-items .card")).to_have_count(10)
        page.wait_for_timeout(1500)
        moving = page.evaluate(count)
        assert moving == 0 if calm else moving > 0


def test_the_cart_survives_a_reload_and_gives_pieces_back(standins: Standins, visitor: Visitor) -> None:
    visit = visitor(standins.address, dark=True)
    page = visit.page
    page.locator(".grid .add").first.click()
    page.locator(".grid .add").nth(1).click()
    page.locator("#cart").click()
    page.reload()
    expect(page.locator(".lines li")).to_have_count(2)
    page.get_by_role("button", name="One more of").first.click()
    expect(page.locator("#cart-count")).to_have_text("3")
    page.get_by_role("button", name="Remove").first.click()
    expect(page.locator(".lines li")).to_have_count(1)
    visit.shot("cart-dark")
    wait_for_events(page, standins.collector, "Product Removed")
    (removed,) = [m for m in standins.collector.messages if m.get("event") == "Product Removed"]
    assert removed["properties"]["quantity"] == 2
    assert visit.complaints == []


def test_what_waits_is_handed_over_when_the_visitor_leaves(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    expect(page.locator(".grid .card")).to_have_count(24)
    wait_for_events(page, standins.collector, "page")
    page.mouse.wheel(0, 4000)
    expect(page.locator(".events")).to_contain_text("Scrolled")
    page.goto("about:blank")
    wait_for_events(page, standins.collector, "scroll")
    told = [message["messageId"] for message in standins.collector.messages]
    assert len(told) == len(set(told))


def test_hovers_sights_and_dwelling_are_told_with_their_article_and_place(standins: Standins, visitor: Visitor) -> None:
    page = visitor(standins.address).page
    expect(page.locator("#for-you-items .card")).to_have_count(10)
    third = page.locator("#for-you-items .card").nth(2)
    third.hover()
    page.wait_for_timeout(2200)
    page.mouse.move(1, 1)
    page.locator("#cart").click()
    wait_for_events(page, standins.collector, "hover", "impression", "dwell")
    messages = standins.collector.messages
    hover = next(message["properties"] for message in messages if message.get("event") == "hover")
    assert hover["duration_ms"] >= 600
    assert hover["list_id"] == "for-you"
    assert hover["position"] == 2
    sights = [message["properties"] for message in messages if message.get("event") == "impression"]
    seen = {sight["product_id"]: sight for sight in sights if sight.get("list_id") == "for-you"}
    assert len(seen) == 10
    assert all(sight["recommendation_id"] for sight in seen.values())
