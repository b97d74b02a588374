"""Versions: trained states of a model, or runs of it over data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData
from dragoman.interface.base import Facet, operation, ref, status_of, thing_of
from dragoman.schema import Dataset, Item, Model, Status, Version
from dragoman.schema.values import check_values


class Versions(Facet, name="versions"):
    """Create, find, change and delete versions; move their weights."""

    @operation(repeatable=False)
    def create(
        self,
        model: str | Model,
        *,
        name: str,
        dataset: str | Dataset | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> Version:
        """Create a version of a model and return it with the platform's id.

        Args:
            model: The model or its id.
            name: Its name.
            dataset: The dataset that it is run over, where the platform binds the two.
            config: What it was trained or run with.
            tags: Words to find it by.
            metadata: JSON values kept with it.

        Raises:
            InvalidData: A field breaks the schema, or a number in the config is not finite.
            NotFound: There is no such model.
        """
        check_values(dict(config or {}), "config")
        version = thing_of(
            Version,
            model=ref(model),
            name=name,
            dataset=ref(dataset) if dataset is not None else None,
            config=dict(config or {}),
            tags=tuple(tags),
            metadata=dict(metadata or {}),
        )
        return self._call("create", version)

    @operation()
    def get(self, version: str | Version) -> Version:
        """Return the version of that id.

        Raises:
            NotFound: There is none.
        """
        return self._call("get", ref(version))

    @operation()
    def list(self, model: str | Model, *, page_size: int | None = None) -> Iterator[Version]:
        """Iterate over the versions of a model, the oldest first."""
        return self._pages("list", ref(model), size=page_size)

    @operation()
    def update(
        self,
        version: str | Version,
        *,
        name: str | None = None,
        status: Status | str | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> Version:
        """Change the fields that are given and return the version as it is then.

        Args:
            version: The version or its id.
            name: Its name.
            status: Where a training that runs elsewhere is.
            config: What it was trained or run with; replaces what is there.
            tags: Words to find it by; replace those that are there.
            metrics: Metric to value; replace those that are there.

        Raises:
            InvalidData: The status is none, or a number in the config is not finite.
            NotFound: There is no such version.
            Unsupported: The platform does not change one of them.
        """
        check_values(dict(config or {}), "config")
        changes = {"name": name, "status": status_of(status), "config": config, "tags": tags, "metrics": metrics}
        given = {field: value for field, value in changes.items() if value is not None}
        return self._call("update", ref(version), given)

    @operation()
    def delete(self, version: str | Version) -> None:
        """Delete the version and its predictions."""
        self._call("delete", ref(version))

    @operation()
    def download_weights(self, version: str | Version, path: str | Path) -> Path:
        """Write the weights to a file and return its path.

        Raises:
            InvalidData: The path is that of a folder.
            NotFound: There is no such version, or it has no weights.
        """
        if Path(path).is_dir():
            raise InvalidData(f"{path} is a folder.", hint="Name the file that the weights go to.", field="path")
        return self._call("download_weights", ref(version), Path(path))

    @operation()
    def upload_weights(self, version: str | Version, path: str | Path) -> Version:
        """Store the weights in a file with the version.

        Raises:
            InvalidData: The file does not exist, or is not weights that the platform takes.
        """
        if not Path(path).is_file():
            raise InvalidData(f"There is no file {path}.", field="path")
        return self._call("upload_weights", ref(version), Path(path))

    @operation()
    def data(self, version: str | Version, *, page_size: int | None = None) -> Iterator[Item]:
        """Iterate over the items that it was trained on; each has its `split`."""
        return self._pages("data", ref(version), size=page_size)
