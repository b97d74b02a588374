"""What Viam does with whole datasets beyond the facet: renames and merges them."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.schema import Dataset
from dragoman_viam.extension import Extension


class Sets(Extension):
    """Datasets through `DatasetService`."""

    name = "sets"

    def rename(self, dataset: str, name: str) -> Dataset:
        """Rename a dataset and return it.

        Raises:
            Conflict: Another one has that name.
        """
        return self._call("rename", self._rename, dataset, name)

    def merge(self, datasets: Sequence[str], *, name: str) -> Dataset:
        """Make a dataset of the images of others, which stay, and return it.

        Raises:
            Conflict: There is one of that name.
        """
        return self._call("merge", self._merge, datasets, name, repeatable=False)

    def _rename(self, dataset: str, name: str) -> Dataset:
        self._adapter.wire.call("dataset.RenameDataset", id=dataset, name=name)
        found: Dataset = self._adapter.datasets._get(dataset)
        return found

    def _merge(self, datasets: Sequence[str], name: str) -> Dataset:
        asked = {"dataset_ids": datasets, "name": name, "organization_id": self._adapter.workspace.organization}
        made: Dataset = self._adapter.datasets._get(
            self._adapter.wire.call("dataset.MergeDatasets", **asked).dataset_id
        )
        return made
