"""Labels on Labelbox: annotations of a dataset's data rows in its project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound
from dragoman.fidelity import FidelityTable, restore
from dragoman.interface import Labels
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Label, Ontology, RowResult, Version
from dragoman_labelbox.exports import FILTER_IDS, Exporter, Images, chosen_lines, labels_in, labels_of_run, of_run
from dragoman_labelbox.imports import Importer
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.projects import Media
from dragoman_labelbox.sdk import LabelImport
from dragoman_labelbox.targets import Target
from dragoman_labelbox.tracks import is_timed
from dragoman_labelbox.writing import Writer

FOUND = RowResult("created", reason="Found by look-up: Labelbox holds a row of that id.")


class LabelboxLabels(Labels):
    """Labels through imports (`LabelImport`) and exports of the dataset.

    Besides the core's operations it reads the labels that a run keeps. Videos have a project of their own. An item
    counts as a video if a row of the batch has a frame or a span on it.
    """

    _adapter: Any

    _versions = Gap.impossible(
        "Labelbox records versions of single labels, as people hand them on; none of a dataset's labels as a whole.",
        instead="labels.of_version, which reads what a model run keeps",
    )

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        # Labelbox decides how much a page of an export holds.
        keys, masks = self._adapter.keys(dataset), Images(self._adapter)
        projects = [project.uid for project in self._adapter.projects.all(dataset)]
        # A dataset that Dragoman made no project for has its labels wherever people put it.
        params = {"project_ids": projects} if projects else {"all_projects": True}
        wanted = projects or None
        if items is not None:
            start = int(cursor or 0)
            end = start + FILTER_IDS
            lines = chosen_lines(self._adapter, dataset, list(items[start:end]), params)
            rows = [row for line in lines for row in labels_in(line, wanted, keys, masks)]
            return Page(rows, str(end) if end < len(items) else None)
        client = self._adapter.client
        export = Exporter(
            self._adapter, lambda: client.get_dataset(dataset).export(params=params), "export of a dataset"
        )
        return export.rows(cursor, lambda line: labels_in(line, wanted, keys, masks))

    def of_version(self, version: str | Version, *, dataset: str | Dataset) -> Iterator[Label]:
        """Iterate over the labels that a run keeps: those of its data rows when they were put into it.

        This is what the SDK's `export_labels` gave.

        Args:
            version: The version or its id.
            dataset: The dataset whose items are meant, or its id.
        """
        run, within = ref(version), ref(dataset)
        keys, masks = self._adapter.keys(within), Images(self._adapter)
        export = of_run(self._adapter, run)
        for line in self._adapter.pipeline.pages(self.operations["read"], export.page, None):
            if line.data_row.details.dataset_id == within:
                yield from map(restore, labels_of_run(line, run, keys, masks))

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        if not rows:
            return []
        videos = {row.item for row in rows if is_timed(row)}
        results: dict[int, RowResult] = {}
        media: Media
        for media in ("image", "video"):
            places = [place for place, row in enumerate(rows) if (row.item in videos) is (media == "video")]
            if places:
                part = self._write_to(dataset, media, [rows[place] for place in places], update)
                results |= dict(zip(places, part, strict=True))
        return [results[place] for place in range(len(rows))]

    def _fidelity(self, dataset: str) -> Callable[[Label], FidelityTable]:
        adapter = self._adapter
        image, video = (adapter.projects.of(dataset, media) for media in ("image", "video"))
        # A project that is not there yet will get the other one's ontology.
        images, videos = adapter.projects.book(image or video), adapter.projects.book(video or image)
        return Target(images, videos, run=False).table

    def _write_to(self, dataset: str, media: Media, rows: Sequence[Label], update: bool) -> list[RowResult]:
        adapter = self._adapter
        project = self._project(dataset, media)
        ontology = adapter.projects.ontology(project)
        writer = Writer(
            Importer(adapter, LabelImport, project.uid),
            lambda feature, kind: adapter.shelf.known(ontology, feature, kind),
            adapter.keys(dataset),
            self._presence(project, dataset),
            lambda global_keys: adapter.projects.admit(project, global_keys),
            lambda: self._presence(project, dataset, anew=True),
        )
        return writer.write(rows, update=update)

    def _project(self, dataset: str, media: Media) -> Any:
        """Return the dataset's project for a medium; made with the ontology of the other one, or with an open one."""
        projects = self._adapter.projects
        found = projects.of(dataset, media)
        if found is not None:
            return found
        other = next(iter(projects.all(dataset)), None)
        if other is not None:
            return projects.make(dataset, media, other.ontology())
        name = self._adapter.client.get_dataset(dataset).name
        open_one = self._adapter.ontologies.new(Ontology(name=name, features=()), is_open=True)
        return projects.make(dataset, media, open_one)

    def _presence(self, project: Any, dataset: str, *, anew: bool = False) -> Presence:
        presences: dict[str, Presence] = self._adapter.presences
        if anew or project.uid not in presences:
            keys = self._adapter.keys(dataset)
            export = Exporter(self._adapter, project.export, "export of a project")
            presences[project.uid] = Presence(export.all(), lambda line, masks: labels_in(line, None, keys, masks))
        return presences[project.uid]

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        ids = [row.id for row in rows]
        held = [self._presence(project, dataset, anew=True).has(ids) for project in self._adapter.projects.all(dataset)]
        return [FOUND if any(found) else None for found in zip(*held, strict=True)] if held else [None] * len(rows)

    def _export(self, dataset: str) -> str:
        """Return the address of an export: of its file if it is one, else of an upload of all its files in one."""
        projects = [project.uid for project in self._adapter.projects.all(dataset)]
        params = {"project_ids": projects} if projects else {"all_projects": True}
        found = self._adapter.client.get_dataset(dataset)
        export = Exporter(self._adapter, lambda: found.export(params=params), "export of a dataset")
        address = export.address()
        if address is None:
            raise NotFound(f"Dataset {dataset} has no items to export.")
        return address
