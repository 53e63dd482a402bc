"""Messages in Segment's shape and in ours become the contract's events."""

from __future__ import annotations

from typing import Any

import pytest

from collector.convert import Envelope, convert
from collector.names import UNSUPPORTED_NAMES
from collector.refusal import Reason, Refused
from contracts.event import Consent, EventType
from tests.collector.messages import ENVELOPE, NOW, one, refusal, track


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Products Searched", "search"),
        ("Product List Filtered", "search"),
        ("Product List Viewed", "impression"),
        ("Promotion Viewed", "impression"),
        ("Promotion Clicked", "click"),
        ("Product Clicked", "click"),
        ("Product Viewed", "item_view"),
        ("Product Added", "add_to_cart"),
        ("Wishlist Product Added to Cart", "add_to_cart"),
        ("Product Removed", "remove_from_cart"),
        ("Cart Viewed", "page_view"),
        ("Checkout Started", "checkout_started"),
        ("Checkout Step Viewed", "page_view"),
        ("Checkout Step Completed", "form_submit"),
        ("Payment Info Entered", "form_submit"),
        ("Order Completed", "purchase"),
        ("Order Refunded", "refund"),
        ("Order Cancelled", "refund"),
        ("Coupon Entered", "form_submit"),
        ("Product Added to Wishlist", "like"),
        ("Product Shared", "share"),
        ("Cart Shared", "share"),
        ("Product Reviewed", "form_submit"),
        ("Segment Consent Preference Updated", "consent"),
        ("Video Playback Started", "video_progress"),
        ("Video Playback Paused", "video_progress"),
        ("Video Playback Resumed", "video_progress"),
        ("Video Playback Completed", "video_progress"),
        ("Video Content Started", "video_progress"),
        ("Video Content Playing", "video_progress"),
        ("Video Content Completed", "video_progress"),
        ("product_added", "add_to_cart"),
        ("PRODUCT ADDED", "add_to_cart"),
    ],
)
def test_segments_name_becomes_its_type(name: str, kind: str) -> None:
    assert one(track(name, properties={"product_id": "i1"})).type == kind


@pytest.mark.parametrize("kind", list(EventType))
def test_own_type_is_accepted_as_event_name_and_as_type(kind: EventType) -> None:
    assert one(track(kind.value, properties={"item_id": "i1"}, anonymousId="a1", previousId="u0")).type is kind
    message = {"type": kind.value, "message_id": "m1", "user_id": "u1", "anonymous_id": "a1", "item_id": "i1"}
    assert one(message).type is kind


@pytest.mark.parametrize("name", [*UNSUPPORTED_NAMES, "Nonsense", "", 7, None])
def test_name_without_a_type_is_refused_with_the_known_types(name: Any) -> None:
    error = refusal({"type": "track", "event": name, "userId": "u1"})
    assert error.reason is Reason.UNKNOWN_TYPE
    assert "page_view, item_view, click" in str(error)


@pytest.mark.parametrize("kind", ["group", "nonsense", 7, [], {}, None])
def test_unknown_call_is_refused_with_the_known_types(kind: Any) -> None:
    error = refusal({"type": kind, "userId": "u1"})
    assert error.reason is Reason.UNKNOWN_TYPE
    assert "track, page, screen, identify, alias" in str(error)


def test_path_names_the_type_that_the_body_leaves_out() -> None:
    assert one({"event": "Product Viewed", "userId": "u"}, Envelope(NOW, call="track")).type is EventType.ITEM_VIEW
    assert one({"userId": "u"}, Envelope(NOW, call="page")).type is EventType.PAGE_VIEW
    assert one({"userId": "u"}, Envelope(NOW, call="identify")).type is EventType.IDENTIFY
    assert "expected type page at /v1/page, came track" in str(
        refusal({"type": "track", "event": "click", "userId": "u"}, Envelope(NOW, call="page"))
    )


def test_article_fields_move_from_properties_and_the_rest_stays() -> None:
    properties = {
        "product_id": 507, "sku": "G-32", "name": "Mug", "category": "mugs", "price": 19, "quantity": 2.0,
        "position": 3, "recommendation_id": "r1", "brand": "Hasbro",
    }  # fmt: skip
    event = one(track("Product Clicked", properties=properties))
    assert (event.item_id, event.price, event.quantity, event.position) == ("507", 19.0, 2, 3)
    assert event.recommendation_id == "r1"
    assert event.properties == {"sku": "G-32", "name": "Mug", "category": "mugs", "brand": "Hasbro"}


def test_top_level_field_stands_against_the_property() -> None:
    event = one(track("click", item_id="top", properties={"item_id": "below"}))
    assert event.item_id == "top"


def test_unknown_fields_are_kept_in_properties_and_segments_envelope_is_not() -> None:
    message = track("click", colour="red", integrations={"All": True}, channel="web", writeKey="k", version=2)
    assert one(message).properties == {"colour": "red"}


def test_null_is_absent() -> None:
    event = one(track("click", anonymousId=None, timestamp=None, context=None, properties=None, item_id=None))
    assert (event.anonymous_id, event.timestamp, event.item_id, event.properties) == (None, NOW, None, {})


def test_order_of_three_products_becomes_three_purchases() -> None:
    order = {
        "order_id": "o-1", "revenue": 60.0, "email": "a@b.co", "currency": "GBP",
        "products": [
            {"product_id": "A", "price": 10, "quantity": 1, "category": "mugs"},
            {"sku": "B", "price": 20, "quantity": 2, "phone": "1"},
            {"item_id": "C", "price": 30.5},
        ],
    }  # fmt: skip
    purchases = convert(track("Order Completed", properties=order), ENVELOPE)
    assert [event.type for event in purchases] == [EventType.PURCHASE] * 3
    assert [event.message_id for event in purchases] == ["m1-0", "m1-1", "m1-2"]
    assert [(event.item_id, event.price, event.quantity) for event in purchases] == [
        ("A", 10.0, 1),
        ("B", 20.0, 2),
        ("C", 30.5, None),
    ]
    shared = {"order_id": "o-1", "revenue": 60.0, "currency": "GBP"}
    assert [event.properties for event in purchases] == [
        {"category": "mugs", "order": shared},
        {"order": shared},
        {"order": shared},
    ]


def test_viewed_list_becomes_impressions_that_share_the_lists_category() -> None:
    viewed = {"list_id": "row", "category": "mugs", "products": [{"product_id": "A", "position": 1}, {"sku": "B"}]}
    events = convert(track("Product List Viewed", properties=viewed), ENVELOPE)
    assert [(event.type, event.item_id, event.position) for event in events] == [
        (EventType.IMPRESSION, "A", 1),
        (EventType.IMPRESSION, "B", None),
    ]
    assert events[1].properties == {"list": {"list_id": "row", "category": "mugs"}, "category": "mugs"}


@pytest.mark.parametrize(
    ("products", "message"),
    [
        ([], "expected properties.products to be a list of products, came an empty list"),
        ("A", "came a string"),
        ([{"product_id": "A"}, 7], r"expected properties.products\[1\] to be an object, came a number"),
        ([{"product_id": "A"}, {"price": 1}], r"properties.products\[1\]: expected product_id, sku or item_id"),
        ([{"product_id": "A", "price": -1}], r"properties.products\[0\]: .*\$\.price"),
        ([{"product_id": "A"}] * 501, "at most 500 products"),
    ],
)
def test_order_with_a_bad_product_is_refused_with_its_place(products: Any, message: str) -> None:
    with pytest.raises(Refused, match=message):
        convert(track("Order Completed", properties={"products": products}), ENVELOPE)


def test_purchase_without_any_article_is_refused() -> None:
    assert "expected products or an item_id" in str(refusal(track("Order Completed", properties={"revenue": 1})))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"price": "19.99"}, r"`float`.*got `str` - at `\$.price`|got `str` - at `\$.price`"),
        ({"price": -1}, r"at `\$.price`"),
        ({"quantity": 0}, r"at `\$.quantity`"),
        ({"quantity": 1.5}, r"at `\$.quantity`"),
        ({"position": -1}, r"at `\$.position`"),
        ({"item_id": {"a": 1}}, "expected item_id to be a string, came an object"),
        ({"item_id": True}, "expected item_id to be a string, came a boolean"),
        ({"item_id": "x" * 257}, "expected item_id of at most 256 characters, came 257"),
        ({"userId": ["u"]}, "expected userId to be a string, came a list"),
        ({"userId": "x" * 257}, "expected userId of at most 256 characters, came 257"),
        ({"context": 7}, "expected context to be an object, came a number"),
        ({"properties": []}, "expected properties to be an object, came a list"),
        ({"traits": "x"}, "expected traits to be an object, came a string"),
        ({"page_url": 7}, "expected page_url to be a string, came a number"),
    ],
)
def test_wrong_value_is_refused_with_its_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        convert(track("click", **fields), ENVELOPE)
    assert caught.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("message", [7, "text", None, [], True])
def test_what_is_no_object_is_refused(message: Any) -> None:
    assert refusal(message).reason is Reason.NOT_AN_OBJECT


def test_message_without_any_identity_is_refused_and_an_empty_one_is_none() -> None:
    assert refusal({"type": "track", "event": "click"}).reason is Reason.NO_IDENTITY
    assert refusal({"type": "track", "event": "click", "userId": "", "anonymousId": ""}).reason is Reason.NO_IDENTITY
    assert refusal({"type": "identify", "anonymousId": "a"}).reason is Reason.NO_IDENTITY


def test_alias_of_a_device_names_the_visitor_and_one_of_a_former_user_names_the_user() -> None:
    of_device = one({"type": "alias", "userId": "u1", "anonymousId": "a1", "previousId": "a1"})
    assert (of_device.user_id, of_device.anonymous_id, of_device.previous_id) == ("u1", "a1", None)
    of_user = one({"type": "alias", "userId": "u1", "anonymousId": "a1", "previousId": "u0"})
    assert (of_user.user_id, of_user.anonymous_id, of_user.previous_id) == ("u1", "a1", "u0")


def test_alias_that_does_not_say_which_is_read_both_ways() -> None:
    events = convert({"userId": "u1", "previousId": "p", "messageId": "m"}, Envelope(NOW, call="alias"))
    assert [(event.message_id, event.anonymous_id, event.previous_id) for event in events] == [
        ("m", None, "p"),
        ("m-anonymous", "p", None),
    ]
    assert {event.type for event in events} == {EventType.ALIAS}


@pytest.mark.parametrize("fields", [{"userId": "u1"}, {"previousId": "p"}, {"anonymousId": "a"}])
def test_alias_without_both_names_is_refused(fields: dict[str, str]) -> None:
    assert refusal({"type": "alias", **fields}).reason is Reason.NO_IDENTITY


def test_previous_id_of_any_other_call_is_left_out() -> None:
    event = one(track("click", previousId="u0"))
    assert (event.previous_id, event.properties) == (None, {})


def test_identify_lays_traits_into_properties_without_the_person() -> None:
    traits = {"email": "a@b.co", "name": "Bob", "plan": "gold", "age": 41, "address": {"city": "Leeds"}}
    event = one({"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": traits})
    assert event.properties == {"plan": "gold", "age": 41}
    assert (event.user_id, event.anonymous_id) == ("u1", "a1")


def test_segments_context_becomes_ours_without_address_coordinates_and_browser_name() -> None:
    context = {
        "ip": "203.0.113.7",
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
        "locale": "en-GB",
        "timezone": "Europe/London",
        "screen": {"width": 390, "height": 844, "density": 3},
        "network": {"wifi": True, "carrier": "X"},
        "location": {"city": "Leeds", "country": "GB", "latitude": 53.8, "longitude": -1.5},
        "page": {"url": "https://shop.example/i?email=a%40b.co&q=1", "referrer": "https://a.example/", "title": "Mug"},
        "campaign": {"source": "news", "term": "write a@b.co"},
        "library": {"name": "analytics.js"},
        "device": {"id": "B5372DB0", "advertisingId": "7A3C", "model": "X"},
        "sessionId": "s-1",
    }
    event = one(track("click", context=context))
    read = event.context
    assert (read.locale, read.time_zone, read.viewport, read.network) == ("en-GB", "Europe/London", "390x844", "wifi")
    assert (read.city, read.country, read.device) == ("Leeds", "GB", "phone")
    assert (event.page_url, event.referrer) == ("https://shop.example/i?q=1", "https://a.example/")
    assert event.session_id == "s-1"
    assert event.properties == {
        "context": {"campaign": {"source": "news", "term": "write [removed]"}, "page_title": "Mug"}
    }


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "phone"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0", "desktop"),
    ],
)
def test_browser_name_leaves_only_the_kind_of_device(agent: str, device: str) -> None:
    assert one(track("click", context={"userAgent": agent})).context.device == device


def test_batch_context_serves_messages_without_their_own() -> None:
    envelope = Envelope(NOW, context={"locale": "de"})
    assert one(track("click"), envelope).context.locale == "de"
    assert one(track("click", context={"locale": "fr"}), envelope).context.locale == "fr"


def test_page_takes_its_address_from_properties_and_keeps_its_category_apart() -> None:
    message = {
        "type": "page", "userId": "u", "name": "Home", "category": "Docs",
        "properties": {"url": "https://a.example/x", "referrer": "", "title": "T"},
        "context": {"page": {"url": "https://b.example/", "referrer": "https://r.example/"}},
    }  # fmt: skip
    event = one(message)
    assert (event.page_url, event.referrer) == ("https://a.example/x", "https://r.example/")
    assert event.properties == {"name": "Home", "page_category": "Docs", "title": "T"}


def test_address_too_long_for_the_contract_loses_its_query() -> None:
    event = one(track("click", page_url="https://shop.example/a?q=" + "x" * 3000))
    assert event.page_url == "https://shop.example/a"


@pytest.mark.parametrize(
    ("own", "categories", "expected"),
    [
        (None, None, Consent()),
        ({"training": False}, None, Consent(training=False)),
        (None, {"Analytics": False}, Consent(measurement=False)),
        (None, {"Functional": True, "Advertising": False, "Data Sharing": False}, Consent(True, False, False)),
        (None, {"Unheard Of": False}, Consent()),
        ({"personalization": True}, {"personalization": False}, Consent(personalization=False)),
        ({"measurement": False, "personalization": False, "training": False}, {}, Consent(False, False, False)),
    ],
)
def test_consent_of_every_source_must_allow_a_purpose(own: Any, categories: Any, expected: Consent) -> None:
    context = {} if categories is None else {"consent": {"categoryPreferences": categories}}
    assert one(track("click", consent=own, context=context)).consent == expected
    assert one(track("click", properties={"consent": own}, context=context)).consent == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"consent": "yes"}, "expected consent to be an object, came a string"),
        ({"consent": {"training": 0}}, "expected consent.training to be true or false, came a number"),
        ({"consent": {"tracking": True}}, "expected consent for measurement, personalization, training"),
        ({"context": {"consent": {"categoryPreferences": ["x"]}}}, "to be an object, came a list"),
        ({"context": {"consent": {"categoryPreferences": {"Analytics": "no"}}}}, "to be true or false, came a string"),
    ],
)
def test_unclear_consent_is_refused(fields: dict[str, Any], message: str) -> None:
    error = refusal(track("click", **fields))
    assert error.reason is Reason.INVALID_CONSENT
    assert message in str(error)


def test_properties_nested_too_deep_are_refused() -> None:
    nested: Any = "leaf"
    for _ in range(20):
        nested = [nested]
    assert refusal(track("click", properties={"a": nested})).reason is Reason.TOO_DEEP
    assert refusal(track("click", context={"campaign": nested})).reason is Reason.TOO_DEEP


def test_missing_message_id_is_made_and_differs_each_time() -> None:
    message = {"type": "track", "event": "click", "userId": "u"}
    assert len({one(message).message_id for _ in range(3)} | {one({**message, "messageId": ""}).message_id}) == 4
