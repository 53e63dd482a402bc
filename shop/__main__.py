"""The shop's process: `python -m shop`."""

from __future__ import annotations

import logging

import structlog
import uvicorn

from contracts.item_view import ItemView
from contracts.logs import configure_logging
from contracts.settings import Settings, load_settings
from shop.app import Addresses, ShopApp
from shop.catalogue import load_catalogue
from shop.customers import characteristic_customers
from shop.files import CATALOGUE_PATH
from shop.live import LiveCatalogue

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, never bound


def addresses_from(settings: Settings) -> Addresses:
    """Collector and service as a browser reaches them: as set, else where they listen."""

    def listening(host: str, port: int) -> str:
        return f"http://{_UNSPECIFIED.get(host, host)}:{port}"

    return Addresses(
        collector_url=settings.shop.collector_url or listening(settings.collector.host, settings.collector.port),
        service_url=settings.shop.service_url or listening(settings.serving.host, settings.serving.port),
        write_key=settings.secrets.write_key.get_secret_value(),
    )


def main() -> None:
    """Serve the shop until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging("shop")
    # Each retry of each connection, at length; the log of items says once that Kafka is away.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    path = settings.catalogue_path if settings.catalogue_path.exists() else CATALOGUE_PATH
    catalogue = load_catalogue(path)
    structlog.get_logger().info("serving", articles=len(catalogue), host=settings.shop.host, port=settings.shop.port)
    view = ItemView(settings.kafka)
    app = ShopApp(LiveCatalogue(view, catalogue), addresses_from(settings), characteristic_customers()).build()
    view.start()
    try:
        uvicorn.run(
            app,
            host=settings.shop.host,
            port=settings.shop.port,
            log_config=None,
            access_log=False,
            server_header=False,
        )
    finally:
        view.stop()


if __name__ == "__main__":
    main()
