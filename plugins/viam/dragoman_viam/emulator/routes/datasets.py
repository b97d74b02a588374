"""`viam.app.dataset.v1.DatasetService`: named sets of images. Deleting one deletes no image."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.refusals import exists, invalid
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules


class Datasets(Routes):
    """The methods about datasets."""

    service = "dataset"

    def CreateDataset(self, request: Any) -> Answer:
        """Make a dataset; names are unique in an organisation."""
        self.state.check_organization(request.organization_id)
        return {"id": self._made(request.name, request.organization_id, request.type)}

    def DeleteDataset(self, request: Any) -> Answer:
        """Delete a dataset; its images stay."""
        del self.state.datasets[self.state.dataset(request.id).id]
        for image in self.state.images_of(request.id):
            image.metadata.dataset_ids.remove(request.id)
        for sequence in self.state.sequences.values():
            if request.id in sequence.dataset_ids:
                sequence.dataset_ids.remove(request.id)
        return {}

    def RenameDataset(self, request: Any) -> Answer:
        """Rename a dataset."""
        dataset = self.state.dataset(request.id)
        if request.name != dataset.name:
            self._free(request.name, dataset.organization_id)
        dataset.name = request.name
        return {}

    def ListDatasetsByOrganizationID(self, request: Any) -> Answer:
        """List all datasets, or those of a type."""
        wanted = self.state.check_organization(request.organization_id)
        held = [one for one in self.state.datasets.values() if one.organization_id == wanted]
        typed = request.HasField("type")
        return {"datasets": [one for one in held if not typed or one.type == request.type]}

    def ListDatasetsByIDs(self, request: Any) -> Answer:
        """List the datasets of these ids; unknown ids are passed over."""
        return {"datasets": [self.state.datasets[one] for one in request.ids if one in self.state.datasets]}

    def MergeDatasets(self, request: Any) -> Answer:
        """Make a dataset of the images and sequences of others, of their type if they have one in common."""
        self.state.check_organization(request.organization_id)
        kinds = {self.state.dataset(one).type for one in request.dataset_ids}
        merged = self._made(request.name, request.organization_id, kinds.pop() if len(kinds) == 1 else 0)
        images = [image.metadata for image in self.state.images.values()]
        for held in (*images, *self.state.sequences.values()):
            if not set(request.dataset_ids).isdisjoint(held.dataset_ids):
                held.dataset_ids.append(merged)
        return {"dataset_id": merged}

    def _made(self, name: str, organization: str, kind: int) -> str:
        self._free(name, organization)
        dataset = modules()["dataset"].Dataset(
            id=self.state.new_id(),
            name=name,
            organization_id=organization,
            time_created=self.state.clock.now(),
            type=kind,
        )
        self.state.datasets[dataset.id] = dataset
        return str(dataset.id)

    def _free(self, name: str, organization: str) -> None:
        if not name:
            raise invalid("a dataset needs a name", "name")
        held = self.state.datasets.values()
        if any((one.name, one.organization_id) == (name, organization) for one in held):
            raise exists("dataset", name)
