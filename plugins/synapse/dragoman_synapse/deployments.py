"""Deployments: which versions are in use, and the plugin that serves them.

Synapse has no field for a version's being in use; it is a fact of ours (`is_active`). What answers inferences is a
plugin on an agent, and it is told a version with every question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData
from dragoman.interface.base import ref
from dragoman.schema import Model, Version
from dragoman.schema.base import Control
from dragoman_synapse.entries import Entry, model_in, version_facts, version_in
from dragoman_synapse.extension import Extension
from dragoman_synapse.notes import Json
from dragoman_synapse.uploads import OnProgress
from dragoman_synapse.versions import wire_name


class Deployment(Control):
    """What a change of deployment did.

    Args:
        version: The version, as it is now.
        replaced: Ids of those that were in use before and are no longer.
    """

    version: Version
    replaced: tuple[str, ...] = ()


class Application(Control):
    """A plugin that answers inferences, or is about to."""

    id: str
    plugin: str
    status: str
    job: str | None = None


class Deployments(Extension):
    """Create, activate, deactivate, replace; bring up the plugin."""

    name = "deployments"

    def create(
        self,
        model: str | Model,
        *,
        name: str,
        weights: Path,
        project: str | int | None = None,
        metrics: Mapping[str, float] | None = None,
        config: Mapping[str, Any] | None = None,
        description: str = "",
        replace: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Deployment:
        """Make a version with its weights, in use from the beginning.

        Args:
            model: The model or its id.
            name: Name of the version.
            weights: The file; it is sent in chunks, and an upload that broke off goes on when this is called again.
            project: The project that it serves.
            metrics: Metric to value.
            config: What it was trained with.
            description: Free text.
            replace: Whether those that were in use in its place are taken out of use.
            on_progress: Called with the bytes that have arrived and those in all.

        Raises:
            NotFound: There is no such model.
            Conflict: It has a version of that name.
            InvalidData: There is no such file, or it arrived damaged. Nothing was made then.
        """
        key = ref(model)
        if not weights.is_file():
            raise InvalidData(f"There is no file {weights}.", field="weights")
        held = model_in(self._call("create", self._adapter.entries.get, key))
        asked = Version(model=key, name=name, config=dict(config or {}), metrics=dict(metrics or {}))
        facts = version_facts(asked) | {"is_active": True}
        if project is not None:
            facts["project"] = str(project)
        upload = self._adapter.send_file(weights, on_progress)
        made = self._call("create", self._made, wire_name(held.name, name), facts, description, upload)
        self._adapter.uploads.forget(weights.resolve())
        replaced = self._call("create", self._retire, made) if replace else ()
        return Deployment(version=version_in(made), replaced=replaced)

    def activate(self, version: str | Version, *, project: str | int | None = None, replace: bool = True) -> Deployment:
        """Put a version in use, and take those out of use that it replaces: of its project, else of its model."""

        def change() -> Deployment:
            entry = self._adapter.entries.get(ref(version))
            version_in(entry)
            facts: Json = {"is_active": True} | ({"project": str(project)} if project is not None else {})
            changed = self._adapter.entries.change(entry, facts)
            return Deployment(version=version_in(changed), replaced=self._retire(changed) if replace else ())

        done: Deployment = self._call("activate", change)
        return done

    def deactivate(self, version: str | Version) -> Version:
        """Take a version out of use and return it."""

        def change() -> Version:
            entry = self._adapter.entries.get(ref(version))
            version_in(entry)
            return version_in(self._adapter.entries.change(entry, {"is_active": False}))

        done: Version = self._call("deactivate", change)
        return done

    def active(self, *, project: str | int | None = None) -> Iterator[Version]:
        """Iterate over the versions in use; only those of a project if it is given."""
        entries: list[Entry] = self._call("active", lambda: list(self._adapter.entries.all()))
        wanted = None if project is None else str(project)
        return (version_in(entry) for entry in entries if _serves(entry, wanted))

    def serve(self, **params: Any) -> Application:
        """Bring up the plugin that the settings name, with the parameters that it takes, and wait until it answers.

        Raises:
            PlatformError: It was not brought up.
            Timeout: It is not up in time.
        """
        runs = self._adapter.runs
        self._call("serve", runs.start, "deployment", params, repeatable=False)
        return _application(self._call("serve", runs.wait_until_served))

    def applications(self) -> tuple[Application, ...]:
        """Return the serve applications of the plugin."""
        return tuple(map(_application, self._call("applications", self._adapter.runs.applications)))

    def _made(self, name: str, facts: Json, description: str, upload: str) -> Entry:
        entry: Entry = self._adapter.entries.create_once(name, facts, description=description, upload=upload)
        return entry

    def _retire(self, successor: Entry) -> tuple[str, ...]:
        """Take out of use what a version replaces, and return the ids."""
        project = successor.facts.get("project")
        place = None if project is None else str(project)
        model = version_in(successor).model
        replaced = []
        for entry in list(self._adapter.entries.all()):
            if entry.id == successor.id or not _serves(entry, place):
                continue
            if place is not None or version_in(entry).model == model:
                self._adapter.entries.change(entry, {"is_active": False})
                replaced.append(entry.id)
        return tuple(replaced)


def _serves(entry: Entry, project: str | None) -> bool:
    if not entry.is_version or entry.facts.get("is_active") is not True:
        return False
    return project is None or str(entry.facts.get("project")) == project


def _application(wire: Json) -> Application:
    job = wire.get("job")
    return Application(
        id=str(wire["id"]),
        plugin=str(wire.get("plugin_code") or ""),
        status=wire["status"],
        job=None if job is None else str(job),
    )
