"""What does not fit together is refused or left out, and what does is kept, as the vendor's own client sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam.gen.app.mlinference.v1.ml_inference_grpc import MLInferenceServiceStub
from viam.proto.app.data import BinaryID, SequenceResourceFilter
from viam.proto.app.dataset import DatasetType
from viam.proto.app.mlinference import GetInferenceRequest
from viam.proto.app.packages import PackageType
from viam.utils import create_filter
from viam_driving import driven, refused

from dragoman.conformance.difficult import png
from dragoman.emulate import Live

START = datetime(2024, 1, 1, tzinfo=UTC)


async def inferred(client: ViamClient, **asked: Any) -> Any:
    """Ask for an inference, which the client has no method for."""
    request = GetInferenceRequest(**asked)
    return await MLInferenceServiceStub(client._channel).GetInference(request, metadata=client._metadata)


class TestInference:
    def test_an_image_may_be_named_in_the_old_form(self, emulated: Live[Any], backend: Any) -> None:
        key, place = emulated.state.organization.id, emulated.state.location.id
        backend.packages.upload("model", None, version="1", kind="ml_model", metadata={"model_framework": "tflite"})

        async def use(client: ViamClient) -> Any:
            image = await client.data_client.file_upload(emulated.state.part.id, png(1), tags=["cat"])
            old = BinaryID(file_id=image.rpartition("/")[2], organization_id=key, location_id=place)
            asked = {"organization_id": key, "registry_item_id": f"{key}:model", "registry_item_version": "1"}
            return await inferred(client, **asked, binary_id=old), await inferred(client, **asked, binary_data_id=image)

        old, new = driven(emulated, use)
        assert old == new
        assert [one.label for one in old.annotations.classifications] == ["cat"]

    def test_a_module_infers_nothing(self, emulated: Live[Any], backend: Any) -> None:
        key = emulated.state.organization.id
        backend.packages.upload("module", None, version="1", kind="module")

        async def use(client: ViamClient) -> Any:
            image = await client.data_client.file_upload(emulated.state.part.id, png(1))
            asked = {"organization_id": key, "registry_item_id": f"{key}:module", "registry_item_version": "1"}
            return await inferred(client, **asked, binary_data_id=image)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT


class TestDatasets:
    def test_a_merge_takes_sequences_along_and_is_of_their_type(self, emulated: Live[Any]) -> None:
        key, kind = emulated.state.organization.id, DatasetType.DATASET_TYPE_SEQUENCE_DATA

        async def use(client: ViamClient) -> Any:
            data = client.data_client
            walks = [await data.create_dataset(name, key, kind) for name in ("a", "b")]
            cam = [SequenceResourceFilter(resource_name="cam")]
            made = [await data.create_sequence(emulated.state.part.id, cam, START, START) for _ in range(3)]
            await data.add_sequences_to_dataset(walks[0], made[:2])
            await data.add_sequences_to_dataset(walks[1], made[1:])
            merged = await data.merge_datasets("all", key, walks)
            found, _, count = await data.sequences_by_dataset_id(merged)
            return made, [one.id for one in found], count, (await data.list_dataset_by_ids([merged]))[0].type

        made, found, count, merged = driven(emulated, use)
        assert (found, count, merged) == (made, 3, kind)

    def test_a_dataset_may_be_named_as_it_is(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data = client.data_client
            made = await data.create_dataset("walk", emulated.state.organization.id)
            await data.rename_dataset(made, "walk")
            return [one.name for one in await data.list_dataset_by_ids([made])]

        assert driven(emulated, use) == ["walk"]

    def test_no_reading_is_in_a_dataset_or_has_boxes(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data = client.data_client
            made = await data.create_dataset("walk", emulated.state.organization.id)
            await data.tabular_data_capture_upload(
                [{"readings": {"a": 1}}], emulated.state.part.id, "sensor", "meter", "Readings", [(START, START)]
            )
            asked = (create_filter(), create_filter(dataset_id=made), create_filter(bbox_labels=["car"]))
            return [(await data.tabular_data_by_filter(wanted))[1] for wanted in asked]

        assert driven(emulated, use) == [1, 0, 0]


class TestRefusals:
    @pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
    def test_a_confidence_is_between_0_and_1(self, emulated: Live[Any], confidence: float) -> None:
        async def use(client: ViamClient) -> None:
            image = await client.data_client.file_upload(emulated.state.part.id, png(1))
            await client.data_client.add_bounding_box_to_image_by_id(image, "car", 0, 0, 1, 1, confidence)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        (held,) = emulated.state.images.values()
        assert not held.metadata.annotations.bboxes

    def test_nobody_has_a_role_twice_by_a_change(self, emulated: Live[Any]) -> None:
        key, robot = emulated.state.organization.id, emulated.state.robot.id

        async def use(client: ViamClient) -> None:
            app = client.app_client
            for role in ("owner", "operator"):
                await app.add_role(key, "ann", role, "robot", robot)
            await app.change_role(key, "ann", "owner", "robot", robot, "ann", "operator", "robot", robot)

        assert refused(emulated, use).status is Status.ALREADY_EXISTS
        assert [one.authorization_id for one in emulated.state.roles] == ["robot_owner", "robot_operator"]

    def test_a_registry_item_has_a_type(self, emulated: Live[Any]) -> None:
        key, none = emulated.state.organization.id, PackageType.PACKAGE_TYPE_UNSPECIFIED
        refusal = refused(emulated, lambda client: client.app_client.create_registry_item(key, "x", none))
        assert refusal.status is Status.INVALID_ARGUMENT
