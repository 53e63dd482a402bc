"""What user agents say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from collector.agents import is_bot, is_crawler
from collector.convert import Envelope, convert
from contracts.event import encode_event

PEOPLE = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
]
CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Baiduspider+(+http://www.baidu.com/search/spider.htm)",
]
LIBRARIES = ["curl/8.5.0", "python-requests/2.32.3", "Go-http-client/2.0", "axios/1.7.7"]


@pytest.mark.parametrize("agent", PEOPLE)
def test_browsers_are_people(agent: str) -> None:
    assert not is_bot(agent)
    assert not is_crawler(agent)


@pytest.mark.parametrize("agent", CRAWLERS)
def test_crawlers_are_bots_wherever_they_are_named(agent: str) -> None:
    assert is_bot(agent)
    assert is_crawler(agent)


@pytest.mark.parametrize("agent", LIBRARIES)
def test_a_library_is_a_bot_as_a_visitor_and_a_server_as_a_client(agent: str) -> None:
    assert is_bot(agent)
    assert not is_crawler(agent)


def test_event_is_stamped_and_the_agent_not_kept() -> None:
    raw = {"type": "track", "event": "click", "anonymousId": "visitor-0001", "messageId": "m"}
    said = raw | {"context": {"userAgent": CRAWLERS[0]}}
    envelope = Envelope(datetime(2026, 11, 1, tzinfo=UTC))
    (event,) = convert(said, envelope)
    assert event.context.bot is True
    assert b"oogle" not in encode_event(event)
    (person,) = convert(raw | {"context": {"userAgent": PEOPLE[0]}}, envelope)
    assert person.context.bot is None
    (crawled,) = convert(raw, Envelope(datetime(2026, 11, 1, tzinfo=UTC), crawled=True))
    assert crawled.context.bot is True
