"""Synapse's list of models as it is: every entry, with all filters of its documentation, counts, and files.

Which filters the platform honours is not public. All are sent, and what it lets through is filtered again by what is
known of an entry: project, type and state may stand in our facts, of which the platform knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound
from dragoman.schema import Task
from dragoman.schema.base import Control
from dragoman_synapse.entries import Entry, aware, entry_in, model_in, numbers_of
from dragoman_synapse.extension import Extension
from dragoman_synapse.notes import Json
from dragoman_synapse.pages import listed, page_of

Kind = Literal["model", "version", "weights"]


class CatalogEntry(Control):
    """A model of Synapse's list.

    Args:
        id: Its id.
        name: Its name there.
        kind: What it is to Dragoman: a model, a version of one, or the file of a version.
        description: Free text.
        task: What it does.
        project: The project that it belongs to.
        is_active: Whether it is in use; None where nobody has said.
        metrics: Metric to value.
        configuration: What it was trained with.
        category: `"base"` or as Synapse says.
        checkpoint: The entry that it was trained from.
        has_file: Whether it has a file.
        created_at: When it was made.
        expanded: Further data that was asked for with `expand`.
    """

    id: str
    name: str
    kind: Kind
    description: str = ""
    task: Task | None = None
    project: str | None = None
    is_active: bool | None = None
    metrics: dict[str, float] = {}
    configuration: dict[str, Any] = {}
    category: str | None = None
    checkpoint: str | None = None
    has_file: bool = False
    created_at: datetime | None = None
    expanded: dict[str, Any] = {}


class Catalog(Extension):
    """`list_models` and `get_model` with everything that they take."""

    name = "catalog"

    def list(
        self,
        *,
        project: str | int | None = None,
        model_type: str | None = None,
        is_active: bool | None = None,
        created_after: datetime | None = None,
        search: str | None = None,
        page_size: int | None = None,
    ) -> Iterator[CatalogEntry]:
        """Iterate over the entries that pass all filters, page by page.

        Args:
            project: Only those of this project.
            model_type: Only those of this type: `"classification"`, `"detection"` or `"segmentation"`, or a task.
            is_active: Only those that are in use, or that are not.
            created_after: Only those made then or later.
            search: Only those with this text in name or description.
            page_size: Entries per request.
        """
        params: Json = {"project": project, "model_type": model_type, "is_active": is_active}
        params |= {"created_after": aware(created_after), "search": search}

        def fetch(cursor: str | None, size: int) -> Page[CatalogEntry]:
            return page_of(listed(self._adapter.client, "models/", params, cursor, size), catalog_entry)

        entries = self._pages("list", fetch, page_size)
        return (entry for entry in entries if _passes(entry, params))

    def count(self, **filters: Any) -> int:
        """Return how many entries pass the filters of `list`; without any, the platform's own count."""
        if any(value is not None for value in filters.values()):
            return sum(1 for _ in self.list(**filters))
        found = self._call("count", listed, self._adapter.client, "models/", {}, None, 1)
        return found.count if found.count is not None else sum(1 for _ in self.list())

    def get(self, key: str, *, expand: Sequence[str] = (), include_file: bool | None = None) -> CatalogEntry:
        """Return one entry.

        Args:
            key: Its id.
            expand: Further data: `"metrics"`, `"evaluations"`, `"versions"`.
            include_file: Whether the platform is to say where the file is; its own choice if not given.
        """
        params = {"expand": ",".join(expand) or None, "include_file": include_file}
        entry = self._call("get", self._adapter.entries.get, key, params)
        return catalog_entry(entry.wire, expand)

    def download(self, key: str, path: Path, *, convert: Callable[[str], str] | None = None) -> Path:
        """Write the file of an entry to `path` and return it.

        Args:
            key: Its id.
            path: Where to.
            convert: Makes of the address that Synapse names the one to fetch from, such as a mirror's.

        Raises:
            NotFound: There is no such entry, or it has no file.
        """

        def fetch() -> Path:
            entry: Entry = self._adapter.entries.get(key)
            if not entry.file:
                raise NotFound(f"The model {key} has no file.")
            saved: Path = self._adapter.client.download(convert(entry.file) if convert else entry.file, path)
            return saved

        saved: Path = self._call("download", fetch)
        return saved


def catalog_entry(wire: Json, expand: Sequence[str] = ()) -> CatalogEntry:
    """Return a model of Synapse as an entry of the catalog."""
    entry = entry_in(wire)
    facts = entry.facts
    project = facts.get("project")
    return CatalogEntry(
        id=entry.id,
        name=entry.name,
        kind="weights" if entry.is_weights else "model" if entry.is_model else "version",
        description=entry.description,
        task=model_in(entry).task if entry.is_model else facts.get("task"),
        project=None if project is None else str(project),
        is_active=facts.get("is_active"),
        metrics=numbers_of(facts.get("metrics")),
        configuration=facts.get("config") or entry.configuration,
        category=wire.get("category"),
        checkpoint=None if entry.checkpoint is None else str(entry.checkpoint),
        has_file=bool(entry.file),
        created_at=entry.created_at,
        expanded={name: wire[name] for name in expand if name in wire},
    )


_TYPES = {
    Task.CLASSIFICATION: "classification",
    Task.OBJECT_DETECTION: "detection",
    Task.INSTANCE_SEGMENTATION: "segmentation",
}


def _passes(entry: CatalogEntry, params: Json) -> bool:
    project, kind, active = params["project"], params["model_type"], params["is_active"]
    after, words = params["created_after"], (params["search"] or "").casefold()
    return (
        (project is None or entry.project == str(project))
        and (kind is None or (entry.task is not None and kind in (entry.task, _TYPES[entry.task])))
        and (active is None or bool(entry.is_active) is active)
        and (after is None or entry.created_at is None or entry.created_at >= after)
        and (words in entry.name.casefold() or words in entry.description.casefold())
    )
