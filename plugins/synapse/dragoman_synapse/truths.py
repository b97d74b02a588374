"""Ground truth beyond the facets: versions, events in all views, manifests, a stratified split, exports to files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.fidelity import Keeper, LossPolicy, restore
from dragoman.schema import Item, Label, MeasuredLoss, decode_rows, encode_rows
from dragoman.schema.base import Control
from dragoman_synapse import ids
from dragoman_synapse.entries import aware, moment
from dragoman_synapse.extension import Extension
from dragoman_synapse.notes import Json
from dragoman_synapse.ontologies import ClassesInUse
from dragoman_synapse.pages import listed, page_of
from dragoman_synapse.splits import stratified
from dragoman_synapse.truth_rows import File, files_in, labels_in, size_of, unit_of

VERSIONS = "ground_truth_dataset_versions/"
EVENTS = "sdk/ground_truth_events/"
View = Literal["full", "data", "files"]


class TruthVersion(Control):
    """A frozen state of a ground truth dataset. `key` is what `labels.read` and `datasets.read_items` take."""

    id: str
    dataset: str
    name: str
    key: str
    dataset_name: str | None = None
    events: int | None = None
    archived: bool = False
    description: str = ""
    statistics: dict[str, Any] = {}
    created_at: datetime | None = None


class TruthEvent(msgspec.Struct, frozen=True):
    """One state of a ground truth.

    Args:
        id: Its id.
        unit: Id of the data unit.
        category: Part of the dataset: `"train"`, `"validation"`, `"test"`.
        data: The annotation document, or what else stands there.
        files: The manifest.
        version: The version of the dataset.
        created_at: When it came to be.
        metadata: Further data.
    """

    id: str
    unit: str | None = None
    category: str | None = None
    data: Any = None
    files: tuple[File, ...] = ()
    version: str | None = None
    created_at: datetime | None = None
    metadata: Json = {}

    def labels(self, item: str) -> list[Label]:
        """Return the labels in its annotation document, on an item of that key."""
        return labels_in([self.data], item, size_of(self.files))


class Truths(Extension):
    """The calls for ground truth of `MLClientMixin`, with everything that they take."""

    name = "truths"

    def versions(self, dataset: str | None = None, *, archived: bool | None = None) -> Iterator[TruthVersion]:
        """Iterate over the versions of a dataset, or of all; only those that are archived, or that are not."""
        params = {"ground_truth_dataset": ids.place(dataset)[0] if dataset else None, "is_archived": archived}

        def fetch(cursor: str | None, size: int) -> Page[TruthVersion]:
            return page_of(listed(self._adapter.client, VERSIONS, params, cursor, size), version_in)

        found = self._pages("versions", fetch)
        return (version for version in found if archived in (None, version.archived))

    def version(self, key: str) -> TruthVersion:
        """Return one version, by its id or as `"<dataset>@<version>"`.

        Raises:
            NotFound: There is none.
        """
        number = ids.number(key.rpartition("@")[2], "version of a dataset")
        return version_in(self._call("version", self._adapter.client.get, f"{VERSIONS}{number}/"))

    def freeze(self, dataset: str, name: str, *, description: str = "") -> TruthVersion:
        """Make a version of a dataset's ground truths as they are now.

        Raises:
            Conflict: The dataset has a version of that name.
        """
        path = f"v2/ground-truth-datasets/{ids.place(dataset)[0]}/versions/"
        body = {"version": name, "description": description}
        made = self._call("freeze", self._adapter.client.post, path, body, repeatable=False)["data"]
        return self.version(str(made["id"]))

    def events(
        self,
        versions: str | Sequence[str] = (),
        *,
        view: View = "full",
        project: str | int | None = None,
        created_after: datetime | None = None,
        data_type: str | None = None,
        category: str | None = None,
        search: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[TruthEvent]:
        """Iterate over the events that pass all filters, page by page.

        Args:
            versions: A version of a dataset, by id or as `"<dataset>@<version>"`, or several; all events if none is
                named.
            view: What each event has: everything, only `data`, or only `files`.
            project: Only those of this project.
            created_after: Only those from then on.
            data_type: Only those with a file of this kind, such as `"image"`.
            category: Only those of this part of the dataset.
            search: Only those with this text in their data.
            page_size: Events per request.
        """
        named = [versions] if isinstance(versions, str) else versions
        chosen = [ids.number(key.rpartition("@")[2], "version of a dataset") for key in named]
        params: Json = {"ground_truth_dataset_versions": chosen, "project": project}
        params |= {
            "created_after": aware(created_after),
            "data_type": data_type,
            "category": category,
            "search": search,
        }
        path = EVENTS if view == "full" else f"{EVENTS}{view}/"

        def fetch(cursor: str | None, size: int) -> Page[TruthEvent]:
            return page_of(listed(self._adapter.client, path, params, cursor, size), event_in)

        return self._pages("events", fetch, page_size)

    def count(self, dataset: str) -> int | None:
        """Return how many ground truths a dataset or a version has, where Synapse says."""
        found: int | None = self._call("count", self._adapter.datasets.page, dataset, None, 1).count
        return found

    def manifest(self, dataset: str, *, page_size: int | None = None) -> Iterator[tuple[str, tuple[File, ...]]]:
        """Iterate over the items of a dataset with all their files, annotation documents included; none is fetched."""
        keys = self._adapter.keys

        def fetch(cursor: str | None, size: int) -> Page[tuple[str, tuple[File, ...]]]:
            found = self._adapter.datasets.page(dataset, cursor, size)
            return page_of(found, lambda wire: (keys.of(dataset, wire), files_in(wire.get("files"))))

        return self._pages("manifest", fetch, page_size)

    def split(self, dataset: str, parts: Mapping[str, float], *, seed: int = 0) -> dict[str, list[str]]:
        """Deal the items of a dataset into parts so that every class is spread over them as the items are.

        Args:
            dataset: The dataset, or a version of it.
            parts: Part to its share, such as `{"train": 0.8, "validation": 0.2}`.
            seed: The same one deals the same items the same way.

        Returns:
            Part to the keys of its items. Synapse itself is told nothing: no call changes a ground truth's part.
        """
        classes: dict[str, set[str]] = {item.key: set() for item in self._adapter.datasets.read_items(dataset)}
        for label in self._adapter.labels.read(dataset):
            classes[label.item].add(label.feature)
        return stratified(classes, parts, seed=seed)

    def export(
        self, dataset: str, path: Path, *, format: str = "coco", on_loss: LossPolicy = "raise"
    ) -> tuple[MeasuredLoss, ...]:
        """Write items and labels of a dataset in a file format, and return what the rows have lost.

        Args:
            dataset: The dataset, or a version of it.
            path: File or folder to write; it must not exist.
            format: Name of the format; `dragoman` lists them.
            on_loss: What to do with labels that the format does not keep exactly.

        Raises:
            WouldLose: A label would lose something that `on_loss` does not allow. Nothing is left at the path.
            Conflict: There is something at the path.
        """
        from dragoman.formats.convert import named

        writer = named(format).load("writer")(path)
        keeper, classes = Keeper(writer.fidelity, on_loss), ClassesInUse()
        items = list(self._adapter.datasets.read_items(dataset))
        with tempfile.TemporaryFile() as spool:
            # Formats want the classes first, and the documents are fetched once.
            for label in self._adapter.labels.read(dataset):
                if (kept := keeper.keep(restore(label))) is not None:
                    classes.add(kept)
                    spool.write(encode_rows([kept]))
            spool.seek(0)
            writer.write(classes.ontology(self._title(dataset)), map(_plain, items), decode_rows(spool, Label))
        return keeper.losses()

    def _title(self, dataset: str) -> str:
        title: str = self._adapter.datasets.get(dataset).name
        return title


def version_in(wire: Json) -> TruthVersion:
    """Return a version of a dataset of the first interface, whichever way it names the dataset."""
    named = wire.get("ground_truth_dataset") or wire.get("ground_truth_dataset_id")
    dataset = named.get("id") if isinstance(named, dict) else named
    return TruthVersion(
        id=str(wire["id"]),
        dataset=str(dataset),
        name=str(wire.get("version") or wire.get("name") or ""),
        key=f"{dataset}@{wire['id']}",
        dataset_name=named.get("name") if isinstance(named, dict) else None,
        events=wire.get("event_count"),
        archived=bool(wire.get("is_archived")),
        description=wire.get("description") or "",
        statistics=wire.get("statistics") or {},
        created_at=moment(wire.get("created_at") or wire.get("created")),
    )


def event_in(wire: Json) -> TruthEvent:
    """Return an event of any of the three views."""
    version, data = wire.get("ground_truth_dataset_version"), wire.get("data")
    return TruthEvent(
        id=str(wire["id"]),
        unit=unit_of(wire) if wire.get("data_unit") else None,
        category=wire.get("category"),
        data=data,
        files=files_in(wire.get("files")),
        version=None if version is None else str(version),
        created_at=moment(wire.get("created_at")),
        metadata=wire.get("metadata") or {},
    )


def _plain(item: Item) -> Item:
    """Return an item without its signed address, which will not be good for long."""
    return msgspec.structs.replace(item, uri=None)
