"""Watches for a promoted model, changes of the catalogue and fresh popularity; swaps what answers in one step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from contracts.item import Item
from contracts.item_view import ItemView
from contracts.model import POINTER_FILE, POPULARITY_FILE
from contracts.settings import Settings
from serving.artefact import Artefact, read_artefact, read_popularity
from serving.biases import WatchedBiases
from serving.catalogue import read_catalogue
from serving.composer import Composer
from serving.metrics import ServingMetrics
from serving.popularity import Popularity
from serving.shelf import Shelf
from serving.watched import WatchedFile

_GATHER_S = 0.01


class Library:
    """Holds the present shelf. A model that cannot be read never replaces one that answers."""

    def __init__(self, settings: Settings, metrics: ServingMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._champion = WatchedFile(settings.model_dir / POINTER_FILE, self._read_champion, parts=_files_of_champion)
        self._catalogue: WatchedFile[dict[str, Item]] = WatchedFile(settings.catalogue_path, read_catalogue)
        self._live = ItemView(settings.kafka)
        self._biases = WatchedBiases(settings.model_dir, metrics, wanted=settings.serving.item_biases)
        self._composer = Composer()
        self._popularity: WatchedFile[Popularity] = WatchedFile(settings.home / POPULARITY_FILE, read_popularity)
        self._shelf = self._composer.compose(None, None, None)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="library", daemon=True)
        self._log = structlog.get_logger(__name__)

    @property
    def current(self) -> Shelf:
        """What answers now."""
        return self._shelf

    @property
    def model_error(self) -> str:
        """Why the promoted model could not be read; empty where it could."""
        return self._champion.error

    @property
    def biases_error(self) -> str:
        """Why the model that answers does so as fitted; empty where its biases are in use, or there are none."""
        return self._biases.error

    @property
    def catalogue_error(self) -> str:
        """Why the catalogue or its popularity is not the newest there is; empty where they are.

        What was last known answers on, at first the file that was loaded last.
        """
        return self._live.error or self._catalogue.error or self._popularity.error

    def start(self) -> None:
        """Read what is there, then watch it."""
        self.refresh()
        self._live.start()
        self._thread.start()

    def stop(self) -> None:
        """End the watching."""
        self._stopping.set()
        self._live.stop()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Read what has changed and, where anything has, swap the shelf."""
        failed_before = self._champion.error
        promoted = self._champion.refresh()
        if self._champion.error and self._champion.error != failed_before:
            self._metrics.model_refused(self._champion.failure)
        learned = self._biases.refresh(self._champion.value)
        changed = [promoted, learned, self._live.refresh(), self._catalogue.refresh(), self._popularity.refresh()]
        if any(changed):
            self._shelf = self._composer.compose(
                self._champion.value,
                self._catalogue.value,
                self._popularity.value,
                live=self._live.items,
                biases=self._biases.value,
            )
        if promoted and self._champion.value is not None:
            self._metrics.swapped(self._champion.value.version)
            self._log.info("model.swapped", model_version=self._champion.value.version)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._live.wait(self._settings.serving.poll_s)
            # A moment for what comes with it: a whole catalogue is to be taken up in few steps.
            self._stopping.wait(_GATHER_S)
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - the watch outlives whatever it meets; the old shelf answers on
                self._log.exception("library.refresh_failed")

    def _read_champion(self, path: Path) -> Artefact:
        return read_artefact(_directory_of_champion(path))


def _directory_of_champion(pointer: Path) -> Path:
    version = pointer.read_text().strip()
    if not version or "/" in version or version.startswith("."):
        raise ValueError(f"{pointer}: expected the version of a model, came {version!r}")
    return pointer.with_name(version)


def _files_of_champion(pointer: Path) -> Sequence[Path]:
    try:
        return sorted(_directory_of_champion(pointer).iterdir())
    except (OSError, ValueError):
        return ()
