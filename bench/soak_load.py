"""Traffic that insists: each batch is sent until the collector has acknowledged it."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from stack.ports import LOOPBACK

_BATCH = 25
_TIMEOUT_S = 15.0
_AGAIN_S = 0.1
_USERS_A_PAIR = 2


class Insistent(threading.Thread):
    """Visitors who look, log in and turn out to have two names, at `events_s`; `acknowledged` are their ids."""

    def __init__(self, *, port: int, write_key: str, visitors: int, events_s: float, seed: int) -> None:
        super().__init__(name="insistent", daemon=True)
        self._port = port
        self._visitors = visitors
        self._events_s = events_s
        self._chance = random.Random(seed)
        self._seed = seed
        self._enough = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode(),
            "Content-Type": "application/json",
        }
        self.acknowledged: list[str] = []
        self.refusals = 0
        self._failure: RuntimeError | None = None

    def run(self) -> None:
        """Send until `finish` is called."""
        try:
            self._send()
        except RuntimeError as error:
            self._failure = error
        finally:
            self._hang_up()

    def _send(self) -> None:
        began_s, messages = time.monotonic(), self._messages()
        while not self._enough.is_set():
            batch = [next(messages) for _ in range(_BATCH)]
            while not self._taken(batch):
                self.refusals += 1
                time.sleep(_AGAIN_S)
            self.acknowledged += [str(message["messageId"]) for message in batch]
            time.sleep(max(0.0, began_s + len(self.acknowledged) / self._events_s - time.monotonic()))
            # After an outage the rate goes on from here: what was missed is not made up for.
            began_s = max(began_s, time.monotonic() - len(self.acknowledged) / self._events_s)

    def finish(self) -> list[str]:
        """Stop once the batch under way is acknowledged; the ids of all that was. Raises RuntimeError at a refusal."""
        self._enough.set()
        self.join()
        if self._failure is not None:
            raise self._failure
        return self.acknowledged

    def _taken(self, batch: list[dict[str, object]]) -> bool:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=_TIMEOUT_S)
        try:
            self._connection.request("POST", "/v1/batch", json.dumps({"batch": batch}), self._headers)
            response = self._connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._hang_up()
            return False
        if response.status == http.HTTPStatus.OK and answer["rejected"]:
            raise RuntimeError(f"expected nothing rejected, came {answer['rejected'][:3]}")
        return response.status == http.HTTPStatus.OK

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _messages(self) -> Iterator[dict[str, object]]:
        number = 0
        while True:
            number += 1
            visitor = self._chance.randrange(self._visitors)
            message: dict[str, object] = {
                "messageId": f"soak-{self._seed}-{number}",
                "anonymousId": f"visitor-{visitor:06d}",
                "timestamp": datetime.now(UTC).isoformat(),
            }
            draw = self._chance.random()
            if draw < 0.03:
                yield message | {
                    "type": "identify",
                    "userId": f"customer-{visitor // 2:06d}",
                    "traits": {"plan": "gold"},
                }
            elif draw < 0.035:
                former = visitor // 2 // _USERS_A_PAIR * _USERS_A_PAIR
                names = {"userId": f"customer-{former + 1:06d}", "previousId": f"customer-{former:06d}"}
                yield message | {"type": "alias", **names}
            else:
                item = self._chance.randrange(400)
                article = {"product_id": f"item-{item}", "price": 0.5 + item % 90, "category": f"category-{item % 20}"}
                event = self._chance.choice(("Product Viewed", "Product Viewed", "Product Clicked", "Product Added"))
                yield message | {"type": "track", "event": event, "properties": article}
