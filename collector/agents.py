"""User agents that say themselves that no person is behind them; the agent itself is never kept."""

from __future__ import annotations

import re
from functools import lru_cache

_LONGEST_CHARACTERS = 1024

# The words that most entries of the lists `isbot` and `crawler-user-agents` share. Cubot is a telephone.
_CRAWLER = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|mediapartners|facebookexternalhit|lighthouse|headless|phantomjs|"
    r"puppeteer|playwright|selenium|archiver|scrap(?:y|er|ing)|bingpreview|pingdom|uptimerobot",
    re.I,
)
_LIBRARY = re.compile(
    r"^(?:curl|wget|python-requests|python-urllib|aiohttp|httpx|python-httpx|go-http-client|java|okhttp|axios|node-fetch|"
    r"libwww-perl|ruby|php|guzzlehttp|apache-httpclient|postmanruntime|insomnia)\b",
    re.I,
)


@lru_cache(maxsize=1024)
def is_bot(user_agent: str) -> bool:
    """Whether a visitor's user agent names a crawler, a driven browser or a library."""
    agent = user_agent[:_LONGEST_CHARACTERS]
    return _CRAWLER.search(agent) is not None or _LIBRARY.search(agent) is not None


@lru_cache(maxsize=1024)
def is_crawler(user_agent: str) -> bool:
    """The same of a request's header, where a library may be a shop's server that speaks for its visitors."""
    return _CRAWLER.search(user_agent[:_LONGEST_CHARACTERS]) is not None
