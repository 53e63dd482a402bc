"""One table from the names that callers use to our event types."""

from __future__ import annotations

from functools import lru_cache

from contracts.event import EventType

# Segment's e-commerce and video specifications, https://segment.com/docs/connections/spec/ecommerce/v2/.
SEGMENT_NAMES: dict[str, EventType] = {
    "Products Searched": EventType.SEARCH,
    "Product List Filtered": EventType.SEARCH,
    "Product List Viewed": EventType.IMPRESSION,
    "Promotion Viewed": EventType.IMPRESSION,
    "Promotion Clicked": EventType.CLICK,
    "Product Clicked": EventType.CLICK,
    "Product Viewed": EventType.ITEM_VIEW,
    "Product Added": EventType.ADD_TO_CART,
    "Wishlist Product Added to Cart": EventType.ADD_TO_CART,
    "Product Removed": EventType.REMOVE_FROM_CART,
    "Cart Viewed": EventType.PAGE_VIEW,
    "Checkout Started": EventType.CHECKOUT_STARTED,
    "Checkout Step Viewed": EventType.PAGE_VIEW,
    "Checkout Step Completed": EventType.FORM_SUBMIT,
    "Payment Info Entered": EventType.FORM_SUBMIT,
    "Order Completed": EventType.PURCHASE,
    "Order Refunded": EventType.REFUND,
    "Order Cancelled": EventType.REFUND,
    "Coupon Entered": EventType.FORM_SUBMIT,
    "Product Added to Wishlist": EventType.LIKE,
    "Product Shared": EventType.SHARE,
    "Cart Shared": EventType.SHARE,
    "Product Reviewed": EventType.FORM_SUBMIT,
    "Segment Consent Preference Updated": EventType.CONSENT,
    "Video Playback Started": EventType.VIDEO_PROGRESS,
    "Video Playback Paused": EventType.VIDEO_PROGRESS,
    "Video Playback Resumed": EventType.VIDEO_PROGRESS,
    "Video Playback Completed": EventType.VIDEO_PROGRESS,
    "Video Content Started": EventType.VIDEO_PROGRESS,
    "Video Content Playing": EventType.VIDEO_PROGRESS,
    "Video Content Completed": EventType.VIDEO_PROGRESS,
}

# Known names that say something no type can: refused, kept among the rejected, and brought back once one can.
UNSUPPORTED_NAMES = (
    "Order Updated", "Coupon Applied", "Coupon Denied", "Coupon Removed", "Product Removed from Wishlist",
)  # fmt: skip

# A list of products becomes one event for each product.
LISTED: frozenset[EventType] = frozenset({EventType.PURCHASE, EventType.REFUND, EventType.IMPRESSION})

KNOWN_TYPES = ", ".join(EventType)


def _key(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")


_BY_KEY = {_key(name): kind for name, kind in SEGMENT_NAMES.items()} | {_key(kind): kind for kind in EventType}


@lru_cache(maxsize=1024)
def event_type(name: str) -> EventType | None:
    """The type that an event's name stands for, letter case and separators aside; None if none does."""
    return _BY_KEY.get(_key(name))
