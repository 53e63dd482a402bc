"""The BentoML service: routes, their documentation, the parts' beginning and end."""

from __future__ import annotations

import time
from typing import Any

import bentoml
import msgspec
from msgspec import Struct
from starlette.responses import Response

from contracts.recommend import RecommendRequest, RecommendResponse, SimilarRequest, SimilarResponse
from contracts.settings import Settings
from privacy.pseudonym import Pseudonymizer
from serving.bodies import Body, Message
from serving.feature_reader import FeastReader
from serving.health import HealthCheck
from serving.library import Library
from serving.metrics import ServingMetrics
from serving.parse import BODY, BadRequest, Refused, RequestParser
from serving.probes import probes
from serving.recommender import Parts, Recommender
from serving.served_log import ServedLog

NAME = "clickloop"
REQUEST_TIMEOUT_S = 10
_JSON = "application/json"
_encoder = msgspec.json.Encoder()
_recommend_parser = RequestParser(RecommendRequest)
_similar_parser = RequestParser(SimilarRequest)


def build_service(settings: Settings) -> Any:
    """A `bentoml.Service` of these settings; nothing runs before it starts."""
    metrics = ServingMetrics()
    parts = _Running(settings, metrics)

    class RecommendBody(Message):
        kind = RecommendRequest
        max_bytes = settings.serving.max_body_bytes

    class SimilarBody(Message):
        kind = SimilarRequest
        max_bytes = settings.serving.max_body_bytes

    class Clickloop:
        """Recommendations that follow the newest click."""

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def begin(self) -> None:
            parts.start()

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def end(self) -> None:
            parts.stop()

        @bentoml.api(route="/recommend", input_spec=RecommendBody, output_spec=_Recommendation)  # type: ignore[untyped-decorator]
        def recommend(self, body: Body) -> Any:
            """Items for a visitor, with the feature values behind them, their ages and the time by stage."""
            return parts.recommend(body)

        @bentoml.api(route="/similar", input_spec=SimilarBody, output_spec=_Similarity)  # type: ignore[untyped-decorator]
        def similar(self, body: Body) -> Any:
            """Items like one item."""
            return parts.similar(body)

    service = bentoml.service(
        name=NAME,
        workers=1,
        threads=settings.serving.threads,
        traffic={"timeout": REQUEST_TIMEOUT_S},
        # Our own metrics name what matters; a line of log a request would cost as much as the answer.
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
        http={
            "cors": {
                "enabled": True,
                "access_control_allow_origins": list(settings.serving.allowed_origins),
                "access_control_allow_methods": ["GET", "POST", "OPTIONS"],
                "access_control_allow_headers": ["content-type"],
                "access_control_max_age": 600,
            }
        },
    )(Clickloop)
    service.mount_asgi_app(probes(parts.health, metrics), path="/", name="probes")
    return service


class _Recommendation(Message):
    kind = RecommendResponse


class _Similarity(Message):
    kind = SimilarResponse


class _Running:
    """The parts of one service, wired."""

    def __init__(self, settings: Settings, metrics: ServingMetrics) -> None:
        serving = settings.serving
        self._max_bytes = serving.max_body_bytes
        self._metrics = metrics
        self._reader = FeastReader(settings)
        self._library = Library(settings, metrics)
        self._served = ServedLog(
            settings.kafka,
            buffer=serving.served_buffer,
            retry_s=serving.retry_s,
            values_share=serving.values_share,
            metrics=metrics,
        )
        self.health = HealthCheck(self._reader, self._library, self._served)
        self._recommender = Recommender(
            Parts(
                reader=self._reader,
                shelves=self._library,
                pseudonymizer=Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value()),
                served=self._served,
                metrics=metrics,
                now_us=lambda: time.time_ns() // 1000,
            )
        )

    def start(self) -> None:
        self._library.start()
        self._served.start()
        self._reader.start()

    def stop(self) -> None:
        self._reader.stop()
        self._served.stop()
        self._library.stop()

    def recommend(self, body: Body) -> Response:
        return self._answer("recommend", _recommend_parser, self._recommender.recommend, body)

    def similar(self, body: Body) -> Response:
        return self._answer("similar", _similar_parser, self._recommender.similar, body)

    def _answer(self, route: str, parser: RequestParser[Any], answer: Any, body: Body) -> Response:
        if body.payload is None:
            self._metrics.refused(route)
            expected = f"at most {self._max_bytes} bytes"
            return _json(BadRequest(f"{BODY}: expected {expected}, came more", BODY, expected, "more"), 413)
        try:
            request = parser.parse(body.payload)
        except Refused as error:
            self._metrics.refused(route)
            return _json(error.reason, 400)
        return _json(answer(request), 200)


def _json(message: Struct, status: int) -> Response:
    return Response(_encoder.encode(message), status_code=status, media_type=_JSON)
