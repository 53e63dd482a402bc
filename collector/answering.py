"""From what a request ran into to its answer: one table for every call that writes to Kafka."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from collector.answer import failure
from collector.body import BodyError
from collector.budget import BudgetExceeded
from collector.key import Unauthorized
from collector.metrics import Metrics
from collector.outbox import Unavailable
from collector.reading import Unreadable
from contracts.item import InvalidItem


async def answered(work: Awaitable[Response], metrics: Metrics, *, call: str, scheme: str) -> Response:
    """What `work` gives, or the answer to what it raises; counted under `call`.

    One of 200, 400, 401 (which asks for `scheme`), 408, 413, 415 and 503.
    """
    with metrics.in_flight.track_inprogress():
        try:
            response = await work
        except Unauthorized as error:
            header = {"WWW-Authenticate": f'{scheme} realm="clickloop"'}
            response = failure(HTTPStatus.UNAUTHORIZED, str(error), header)
        except BodyError as error:
            response = failure(error.status, str(error))
        except (Unreadable, InvalidItem) as error:
            response = failure(HTTPStatus.BAD_REQUEST, str(error))
        except BudgetExceeded as error:
            response = failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "1"})
        except Unavailable as error:
            header = {"Retry-After": str(error.retry_after_s)}
            response = failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error), header)
        except ClientDisconnect:
            response = failure(HTTPStatus.BAD_REQUEST, "expected the whole body, came a disconnect")
    metrics.requests.labels(call, str(response.status_code)).inc()
    return response
