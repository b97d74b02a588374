"""Datasets and data rows on Labelbox; an item's key is its global key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import Unsupported
from dragoman.interface import Datasets
from dragoman.media import path_at
from dragoman.schema import CREATED, IGNORED, UPDATED, Dataset, Item, RowResult
from dragoman_labelbox import queries
from dragoman_labelbox.exports import FILTER_IDS, Exporter
from dragoman_labelbox.items import FIELD, FIELD_LENGTH, is_remote, item_in, item_out, kept_text
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.lookup import ids_of
from dragoman_labelbox.sdk import DataRowMetadataKind, GlobalKey, exceptions

PAGE = 500
"""Largest page of data rows, by the SDK."""
ERRORS_PAGE = 5000
TWICE = RowResult("rejected", reason="Another item of this batch has the same key.")


class LabelboxDatasets(Datasets):
    """Datasets and data rows through `client.create_dataset`, `dataset.create_data_rows` and their neighbours."""

    _adapter: Any

    def _create(self, dataset: Dataset) -> Dataset:
        if dataset.metadata:
            raise Unsupported("A Labelbox dataset holds no metadata.", hint="Leave it out.")
        # Without the argument the SDK looks for cloud storage of the organization, in two more calls.
        return _dataset_in(self._adapter.client.create_dataset(iam_integration=None, name=dataset.name))

    def _get(self, dataset: str) -> Dataset:
        return _dataset_in(self._adapter.client.get_dataset(dataset))

    def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
        # The SDK pages by 100.
        return Page([_dataset_in(found) for found in self._adapter.client.get_datasets()])

    def _delete(self, dataset: str) -> None:
        found = self._adapter.client.get_dataset(dataset)
        self._adapter.projects.forget(dataset)
        found.delete()

    def _read_items(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        variables = {"id": dataset, "from": cursor, "first": min(size, PAGE), "where": None}
        found = self._adapter.client.execute(queries.DATASET_ROWS, variables)["datasetDataRows"]
        keys = self._adapter.keys(dataset)
        # What Labelbox calls the start cursor is where the next page begins.
        return Page([item_in(node, keys) for node in found["nodes"]], found["pageInfo"]["startCursor"] or None)

    def items_of(self, dataset: str) -> Iterator[Item]:
        """Yield all items within one call, for translations of other facets."""
        cursor: str | None = None
        while True:
            page = self._read_items(dataset, cursor, PAGE)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def _write_items(self, dataset: str, rows: Sequence[Item], update: bool) -> list[RowResult]:
        found = self._adapter.client.get_dataset(dataset)
        results: dict[int, RowResult] = {}
        seen: set[str] = set()
        for place, row in enumerate(rows):
            if row.key in seen:
                results[place] = TWICE
            elif reason := _unusable(row):
                results[place] = RowResult("rejected", reason=reason)
            seen.add(row.key)
        sent = [place for place in range(len(rows)) if place not in results]
        keys = [rows[place].key for place in sent]
        taken = self._taken(dataset, keys)
        # An attempt whose answer was lost leaves rows of its own.
        before = self._adapter.earlier.of(_batch(dataset, rows), taken)
        refused = self._upload(found, [rows[place] for place in sent if rows[place].key not in taken], update=False)
        there = self.present(found, [key for key in keys if key in taken or key in refused])
        for place, key in zip(sent, keys, strict=True):
            if key in there:
                results[place] = IGNORED if key in before or key in refused else CREATED
            elif key in taken:
                results[place] = RowResult("rejected", reason=f"Another dataset has the global key {key!r}.")
            else:
                results[place] = RowResult("rejected", reason=refused[key]) if key in refused else CREATED
        if update:
            self._update_items(found, rows, [place for place in sent if results[place] is IGNORED], results)
        self._adapter.earlier.done()
        return [results[place] for place in range(len(rows))]

    def _taken(self, dataset: str, items: Sequence[str]) -> set[str]:
        """Return which keys are the global keys of data rows, in whatever dataset."""
        keys = self._adapter.keys(dataset)
        found = ids_of(self._adapter, map(keys.out, items))
        return {item for item in items if keys.out(item) in found}

    def _update_items(
        self, dataset: Any, rows: Sequence[Item], places: list[int], results: dict[int, RowResult]
    ) -> None:
        refused = self._upload(dataset, [rows[place] for place in places], update=True)
        for place in places:
            reason = refused.get(rows[place].key)
            results[place] = RowResult("rejected", reason=reason) if reason is not None else UPDATED

    def _upload(self, dataset: Any, rows: Sequence[Item], *, update: bool) -> dict[str, str]:
        """Make or change data rows and return the reasons of those that Labelbox refused, by key."""
        if not rows:
            return {}
        keys = self._adapter.keys(dataset.uid)
        schema = self._field() if any(map(kept_text, rows)) else None
        wires = [item_out(row, keys, schema) for row in rows]
        if update:
            changed = [{**wire, "key": GlobalKey(wire.pop("global_key"))} for wire in wires]
            task = dataset.upsert_data_rows(changed)
        else:
            task = dataset.create_data_rows(wires)
        Waiter(self._adapter).task(task, "upload of data rows")
        # The order of the rows is lost on the way, so the answers are told apart by key.
        return {
            keys.read(error["spec"]["globalKey"], error["spec"]["externalId"], ""): error["message"]
            for error in self._errors(task.uid)
        }

    def _errors(self, task: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            variables = {"taskId": task, "first": ERRORS_PAGE, "from": cursor}
            found = self._adapter.client.execute(queries.FAILED_ROWS, variables)["failedDataRowImports"]
            yield from found["results"]
            cursor = found["after"]
            if not cursor:
                return

    def _field(self) -> str:
        """Return the id of the metadata field that keeps what Labelbox has no field for, made if need be."""
        ontology = self._adapter.client.get_data_row_metadata_ontology()
        if (known := _field_in(ontology)) is not None:
            return known
        try:
            return str(ontology.create_schema(name=FIELD, kind=DataRowMetadataKind.string).uid)
        except exceptions.LabelboxError:
            # Two writers may make it at once, and Labelbox refuses the second of a name.
            ontology.refresh_ontology()
            if (known := _field_in(ontology)) is None:
                raise
            return known

    def present(self, dataset: Any, items: Sequence[str]) -> set[str]:
        """Return the keys that items of this dataset have; a global key may also be another dataset's."""
        keys = self._adapter.keys(dataset.uid)
        found: set[str] = set()
        for start in range(0, len(items), FILTER_IDS):
            filters = {"global_keys": [keys.out(item) for item in items[start : start + FILTER_IDS]]}

            def begin(filters: dict[str, list[str]] = filters) -> Any:
                return dataset.export(filters=filters)

            for line in Exporter(self._adapter, begin, "export of items").all():
                found.add(keys.read(line.data_row.global_key, None, ""))
        return found

    def _find(self, dataset: str, rows: Sequence[Item]) -> list[RowResult | None]:
        there = self.present(self._adapter.client.get_dataset(dataset), [row.key for row in rows])
        before = self._adapter.earlier.of(_batch(dataset, rows), ())
        self._adapter.earlier.done()
        found = RowResult("created", reason="Found by look-up: the dataset has an item of that key.")
        return [(IGNORED if row.key in before else found) if row.key in there else None for row in rows]


def _field_in(ontology: Any) -> str | None:
    """Return the id of the metadata field, where an ontology of metadata has it."""
    return next((str(known.uid) for known in ontology.custom_fields if known.name == FIELD), None)


def _batch(dataset: str, rows: Sequence[Item]) -> tuple[str, ...]:
    return (dataset, *(row.key for row in rows))


def _dataset_in(found: Any) -> Dataset:
    return Dataset(id=found.uid, name=found.name, items=found.row_count, created_at=found.created_at)


def _unusable(item: Item) -> str | None:
    """Return why an item cannot be sent, or None."""
    if not item.uri:
        return "The item has no uri; Labelbox needs an image or a video."
    if item.uri.startswith("s3://"):
        return "Labelbox takes objects of S3 by their https address only."
    if not is_remote(item) and not path_at(item.uri).is_file():
        return f"There is no file {item.uri}."
    if (length := len(kept_text(item) or "")) > FIELD_LENGTH:
        return f"The item's metadata are {length} characters of JSON; Labelbox's field holds {FIELD_LENGTH}."
    return None
