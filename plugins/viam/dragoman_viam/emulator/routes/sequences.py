"""The part of `viam.app.data.v1.DataService` about sequences: what some resources of a part captured in some time."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.filters import token_page
from dragoman_viam.emulator.records import Image
from dragoman_viam.emulator.refusals import invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules

FIELDS = ("resources", "sequence_tags", "start_time", "end_time")
"""What of a sequence changes."""


class Sequences(Routes):
    """The methods about sequences."""

    service = "data"

    def CreateSequence(self, request: Any) -> Answer:
        """Make a sequence."""
        now = self.state.clock.now()
        made = modules()["data"].Sequence(
            id=self.state.new_id(),
            part_id=self.state.one_part(request.part_id).id,
            created_at=now,
            updated_at=now,
            **{name: getattr(request, name) for name in FIELDS},
        )
        _check(made)
        self.state.sequences[made.id] = made
        self.state.sequence_owners[made.id] = self.state.owner(self.state.one_part(made.part_id).location_id)
        return {"id": made.id}

    def GetSequence(self, request: Any) -> Answer:
        """Return a sequence."""
        return {"sequence": self._found(request.id)}

    def ListSequences(self, request: Any) -> Answer:
        """Return a page of all sequences."""
        wanted = self.state.check_organization(request.organization_id)
        held = [one for key, one in self.state.sequences.items() if self.state.sequence_owners[key] == wanted]
        sequences, token = token_page(self.state, request, held)
        return {"sequences": sequences, "next_page_token": token}

    def UpdateSequence(self, request: Any) -> Answer:
        """Change the fields of a sequence that the mask names."""
        held = self._found(request.id)
        changed = type(held)()
        changed.CopyFrom(held)
        for name in request.field_mask.paths:
            if name not in FIELDS:
                raise invalid(f"{name!r} of a sequence does not change", "field_mask")
            changed.ClearField(name)
            changed.MergeFrom(type(held)(**{name: getattr(request, name)}))
        _check(changed)
        changed.updated_at.FromDatetime(self.state.clock.now())
        held.CopyFrom(changed)
        return {}

    def DeleteSequence(self, request: Any) -> Answer:
        """Delete a sequence; what it is of stays."""
        del self.state.sequences[self._found(request.id).id], self.state.sequence_owners[request.id]
        return {}

    def GetSequenceBinaryData(self, request: Any) -> Answer:
        """Return a page of the images of a sequence, without their contents."""
        held = self._found(request.sequence_id)
        images, token = token_page(
            self.state, request, [image for image in self.state.images.values() if _of(held, image)]
        )
        return {"data": [{"metadata": image.metadata} for image in images], "next_page_token": token}

    # -- datasets ------------------------------------------------------------------------------------------------------

    def AddSequencesToDataset(self, request: Any) -> Answer:
        """Put sequences into a dataset; those that are in it stay."""
        dataset = self.state.dataset(request.dataset_id).id
        for held in [self._found(one) for one in request.sequence_ids]:
            if dataset not in held.dataset_ids:
                held.dataset_ids.append(dataset)
        return {}

    def RemoveSequencesFromDataset(self, request: Any) -> Answer:
        """Take sequences out of a dataset."""
        dataset = self.state.dataset(request.dataset_id).id
        for held in [self._found(one) for one in request.sequence_ids]:
            if dataset in held.dataset_ids:
                held.dataset_ids.remove(dataset)
        return {}

    def SequencesByDatasetID(self, request: Any) -> Answer:
        """Return a page of the sequences of a dataset, or their number."""
        dataset = self.state.dataset(request.dataset_id).id
        found = [held for held in self.state.sequences.values() if dataset in held.dataset_ids]
        if request.count_only:
            return {"count": len(found)}
        sequences, token = token_page(self.state, request, found)
        return {"sequences": sequences, "next_page_token": token, "count": len(found)}

    def _found(self, key: str) -> Any:
        if key not in self.state.sequences:
            raise missing("sequence", key)
        return self.state.sequences[key]


def _check(sequence: Any) -> None:
    if not sequence.resources:
        raise invalid("a sequence needs resources", "resources")
    if sequence.end_time.ToNanoseconds() < sequence.start_time.ToNanoseconds():
        raise invalid("a sequence ends after it starts", "end_time")


def _of(sequence: Any, image: Image) -> bool:
    captured, taken = image.metadata.capture_metadata, image.metadata.time_received.ToNanoseconds()
    return (
        captured.part_id == sequence.part_id
        and sequence.start_time.ToNanoseconds() <= taken <= sequence.end_time.ToNanoseconds()
        and any(
            one.resource_name == captured.component_name and one.method_name in ("", captured.method_name)
            for one in sequence.resources
        )
    )
