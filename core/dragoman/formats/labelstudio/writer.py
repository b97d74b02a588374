"""Writes Label Studio's JSON: results grouped by task, and by object in videos, and the configuration beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import Writer, completed
from dragoman.formats.common.ontologies import write_ontology
from dragoman.formats.common.spool import Spool
from dragoman.formats.common.tables import Tables, take_in
from dragoman.formats.labelstudio.config import MEDIA, questions, write_config
from dragoman.formats.labelstudio.fidelity import NO_MEDIA, WRITING
from dragoman.formats.labelstudio.reader import CONFIG_FILE, TASKS_FILE
from dragoman.formats.labelstudio.records import ONTOLOGY_KEY, PLATFORM
from dragoman.formats.labelstudio.results import KeyBox, key_of, results_of, video_regions
from dragoman.formats.labelstudio.tasks import task_of
from dragoman.schema import Item, Label, Ontology, Prediction, Whole

_keys = msgspec.json.Decoder(KeyBox)


class LabelStudioWriter(Writer):
    """Writes the tasks alone if the path ends with .json, and else a folder with `tasks.json` and `config.xml`.

    All labels of an item are one annotation of its task; predictions of one model version are one prediction. Tasks
    alone have the ontology in the `meta` of the first of them.
    """

    fidelity = WRITING
    dataset_fidelity = NO_MEDIA

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._alone = path.suffix == ".json"

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write the dataset; see `Writer.write`."""
        tables = Tables(ontology, items)
        if self._alone and not tables.items:
            reason = "Tasks alone have the ontology in the first of them, and there are no items to make tasks of."
            raise InvalidData(reason, hint="Write a folder: a path without .json.", field="items")
        with completed(self.path) as made, Spool() as spool:
            held = _Held(tables, spool, questions(ontology))
            take_in(rows, held.add)
            if not self._alone:
                made.mkdir()
                media = tuple(name for name in MEDIA if any(item.media == name for item in tables.items.values()))
                (made / CONFIG_FILE).write_text(write_config(ontology, media or ("image",)), encoding="utf-8")
                write_ontology(made, ontology)
            with (made if self._alone else made / TASKS_FILE).open("w", encoding="ascii", newline="\n") as file:
                separator, kept = "[\n", ontology if self._alone else None
                for number, item in enumerate(tables.items.values(), 1):
                    file.write(separator + json.dumps({"id": number, **held.task(item, kept)}))
                    separator, kept = ",\n", None
                file.write("\n]\n" if tables.items else "[]\n")


class _Held:
    """Rows on their way: results by task and model version, and videos' keyframes by object."""

    def __init__(self, tables: Tables, spool: Spool, taken: frozenset[str]) -> None:
        self._tables = tables
        self._taken = taken
        self._spool = spool
        self._versions: dict[str, dict[tuple[bool, str | None], None]] = {}
        self._objects: dict[tuple[str, bool, str | None], dict[tuple[str | None, str], None]] = {}

    def add(self, row: Label, number: int) -> None:
        item = self._tables.item(row, number)
        said = (isinstance(row, Prediction), _version(row))
        self._versions.setdefault(row.item, {})[said] = None
        if item.media == "video" and not isinstance(row.geometry, Whole):
            key = key_of(row, self._tables.size(item, number), native=said[1] is not None)
            self._objects.setdefault((row.item, *said), {})[row.track_id, row.feature] = None
            text = msgspec.json.encode(key).decode()
            self._spool.add((row.item, *said, row.track_id, row.feature), text)
            return
        size = None if isinstance(row.geometry, Whole) else self._tables.size(item, number)
        results = list(results_of(row, item.media, size, native=said[1] is not None, taken=self._taken))
        self._spool.add((row.item, *said), json.dumps(results))

    def task(self, item: Item, kept: Ontology | None) -> dict[str, Any]:
        """Return the task of an item, with the ontology if it is kept there."""
        task: dict[str, Any] = {**task_of(item), "annotations": [], "predictions": []}
        if kept is not None:
            task["meta"][ONTOLOGY_KEY] = kept.model_dump(mode="json", exclude_defaults=True)
        for predicted, version in self._versions.get(item.key, {}):
            results = list(self._results(item, predicted, version))
            results += self._regions(item, predicted, version, {result.get("id") for result in results})
            named = {"model_version": version} if version else {}
            task["predictions" if predicted else "annotations"].append({**named, "result": results})
        return task

    def _results(self, item: Item, predicted: bool, version: str | None) -> Iterator[dict[str, Any]]:
        """Yield the results of all rows but those in videos' regions; one id would make two rows one region."""
        ids = set[str]()
        for text in self._spool.of((item.key, predicted, version)):
            results = json.loads(text)
            if results[0]["id"] in ids:
                raise InvalidData(f"Two rows of item {item.key!r} have the id {results[0]['id']!r}.", field="id")
            ids.add(results[0]["id"])
            yield from results

    def _regions(
        self, item: Item, predicted: bool, version: str | None, used: set[str | None]
    ) -> Iterator[dict[str, Any]]:
        objects = (
            (feature, track_id, map(_keys.decode, self._spool.of((item.key, predicted, version, track_id, feature))))
            for track_id, feature in self._objects.get((item.key, predicted, version), {})
        )
        return video_regions(item, objects, used)


def _version(row: Label) -> str | None:
    """Return a prediction's model version where that is all there is to its provenance."""
    came = row.provenance
    if not isinstance(row, Prediction) or came is None or came.platform != PLATFORM or came.id or came.author:
        return None
    return came.version or None
