"""The vendor's own client (grpclib, asyncio) drives the emulator: an independent check of what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam.gen.app.mlinference.v1.ml_inference_grpc import MLInferenceServiceStub
from viam.gen.app.mltraining.v1.ml_training_grpc import MLTrainingServiceStub
from viam.gen.app.packages.v1.packages_grpc import PackageServiceStub
from viam.proto.app.data import Filter, TagsFilter, TagsFilterType
from viam.proto.app.mlinference import GetInferenceRequest
from viam.proto.app.mltraining import GetTrainingJobLogsRequest, ModelType, TrainingStatus
from viam.proto.app.packages import CreatePackageRequest, PackageType
from viam_driving import Use, driven, refused

from dragoman import Box, Item, Label, Whole
from dragoman.conformance.difficult import png
from dragoman.emulate import Live


class TestAccess:
    def test_a_wrong_key_is_unauthenticated(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None: ...

        assert refused(emulated, use, key="wrong").status is Status.UNAUTHENTICATED

    def test_an_expired_token_is_unauthenticated(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            emulated.state.revoke_tokens()
            await client.data_client.list_datasets_by_organization_id(emulated.state.organization.id)

        assert refused(emulated, use).status is Status.UNAUTHENTICATED

    def test_another_organisation_is_denied(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            await client.data_client.create_dataset("x", "another")

        assert refused(emulated, use).status is Status.PERMISSION_DENIED

    def test_the_organisation_location_and_part_are_found(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app = client.app_client
            (organization,) = await app.list_organizations()
            (location,) = await app.list_locations(organization.id)
            (robot,) = await app.list_robots(location.id)
            (part,) = await app.get_robot_parts(robot.id)
            return part.id

        assert driven(emulated, use) == emulated.state.part.id

    def test_what_is_not_emulated_is_unimplemented(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            await client.provisioning_client.get_smart_machine_status()

        assert refused(emulated, use).status is Status.UNIMPLEMENTED


class TestData:
    def test_both_clients_see_the_same_images_boxes_and_tags(
        self, emulated: Live[Any], backend: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "cat.png"
        path.write_bytes(png(3))

        async def use(client: ViamClient) -> str:
            data = client.data_client
            dataset = await data.create_dataset("theirs", emulated.state.organization.id)
            image = await data.file_upload_from_path(str(path), emulated.state.part.id, dataset_ids=[dataset])
            await data.add_tags_to_binary_data_by_ids(["cat"], [image])
            box = await data.add_bounding_box_to_image_by_id(image, "ear", 0.25, 0.5, 0.5, 0.75, confidence_score=0.5)
            await data.update_bounding_box(image, box, "left ear", 0.125, 0.5, 0.5, 0.75)
            return dataset

        dataset = driven(emulated, use)
        (item,) = backend.datasets.read_items(dataset)
        assert (item.key, item.width, item.height) == ("cat.png", 64, 48)
        found = {(label.feature, label.geometry) for label in backend.labels.read(dataset)}
        assert found == {("left ear", Box(8, 24, 24, 12)), ("cat", Whole())}

    def test_what_we_write_is_what_the_vendor_s_client_reads(
        self, emulated: Live[Any], backend: Any, dataset: Any, items: list[Item]
    ) -> None:
        backend.labels.write([Label(items[0].key, "car", Box(16, 12, 32, 24))], dataset=dataset)

        async def use(client: ViamClient) -> Any:
            wanted = Filter(dataset_id=dataset.id, bbox_labels=["car"])
            return await client.data_client.binary_data_by_filter(wanted, include_binary_data=True)

        (found,), _, _ = driven(emulated, use)
        assert found.binary == Path(items[0].uri or "").read_bytes()
        assert found.metadata.file_name == items[0].key
        (box,) = found.metadata.annotations.bboxes
        corners = (box.x_min_normalized, box.y_min_normalized, box.x_max_normalized, box.y_max_normalized)
        assert (box.label, corners) == ("car", (0.25, 0.25, 0.75, 0.75))

    def test_the_vendor_s_loop_over_pages_ends(self, emulated: Live[Any], dataset: Any, items: list[Item]) -> None:
        async def use(client: ViamClient) -> list[str]:
            names: list[str] = []
            last = None
            while True:
                wanted = Filter(dataset_id=dataset.id)
                data, _, last = await client.data_client.binary_data_by_filter(wanted, limit=5, last=last)
                if not data:
                    return names
                names += [found.metadata.file_name for found in data]

        assert sorted(driven(emulated, use)) == sorted(item.key for item in items)

    def test_filters_choose(self, emulated: Live[Any], dataset: Any) -> None:
        async def use(client: ViamClient) -> list[int]:
            data = client.data_client
            (first, second, *_), _, _ = await data.binary_data_by_filter(Filter(dataset_id=dataset.id))
            await data.add_tags_to_binary_data_by_ids(["a", "b"], [first.metadata.binary_data_id])
            await data.add_tags_to_binary_data_by_ids(["b"], [second.metadata.binary_data_id])
            kinds = (
                TagsFilter(type=TagsFilterType.TAGS_FILTER_TYPE_TAGGED),
                TagsFilter(type=TagsFilterType.TAGS_FILTER_TYPE_UNTAGGED),
                TagsFilter(type=TagsFilterType.TAGS_FILTER_TYPE_MATCH_BY_OR, tags=["a"]),
            )
            wanted = [Filter(tags_filter=kind) for kind in kinds] + [Filter(location_ids=["elsewhere"])]
            return [(await data.binary_data_by_filter(one, count_only=True))[1] for one in wanted]

        assert driven(emulated, use) == [2, 14, 1, 0]

    @pytest.mark.parametrize("corner", [-0.1, 1.1])
    def test_a_box_out_of_range_is_refused_and_leaves_nothing(
        self, emulated: Live[Any], dataset: Any, corner: float
    ) -> None:
        image = next(iter(emulated.state.images))

        async def use(client: ViamClient) -> None:
            await client.data_client.add_bounding_box_to_image_by_id(image, "car", corner, 0, 0.5, 0.5)

        error = refused(emulated, use)
        assert error.status is Status.INVALID_ARGUMENT
        assert "between 0 and 1" in str(error.details)
        assert not emulated.state.images[image].metadata.annotations.bboxes

    def test_unknown_ids_are_not_found(self, emulated: Live[Any]) -> None:
        calls: list[Use] = [
            lambda client: client.data_client.binary_data_by_ids(["no/such/image"]),
            lambda client: client.data_client.remove_bounding_box_from_image_by_id("no", "no/such/image"),
            lambda client: client.data_client.delete_dataset("no"),
            lambda client: client.data_client.file_upload("no part", b"x"),
            lambda client: client.ml_training_client.get_training_job("no"),
            lambda client: client.ml_training_client.cancel_training_job("no"),
            lambda client: client.ml_training_client.delete_completed_training_job("no"),
            lambda client: client.app_client.get_registry_item("no:such"),
        ]
        assert {refused(emulated, use).status for use in calls} == {Status.NOT_FOUND}


class TestTraining:
    def test_a_managed_training_goes_through_its_states(self, emulated: Live[Any], labelled: Any) -> None:
        emulated.settings.job_polls = 2
        organization = emulated.state.organization.id

        async def use(client: ViamClient) -> list[Any]:
            training = client.ml_training_client
            kind = ModelType.MODEL_TYPE_OBJECT_DETECTION
            job = await training.submit_training_job(organization, labelled.id, "cars", "v1", kind, ["car"])
            listed = await training.list_training_jobs(organization, TrainingStatus.TRAINING_STATUS_PENDING)
            assert [one.id for one in listed] == [job]
            seen = [(await training.get_training_job(job)).status for _ in range(3)]
            item = await client.app_client.get_registry_item(f"{organization}:cars")
            await training.delete_completed_training_job(job)
            return [*seen, list(item.ml_model_metadata.versions), await training.list_training_jobs(organization)]

        going, done = TrainingStatus.TRAINING_STATUS_IN_PROGRESS, TrainingStatus.TRAINING_STATUS_COMPLETED
        assert driven(emulated, use) == [going, going, done, ["v1"], []]

    def test_registry_items_are_made_once(self, emulated: Live[Any]) -> None:
        organization = emulated.state.organization.id

        async def use(client: ViamClient) -> None:
            for _ in range(2):
                kind = PackageType.PACKAGE_TYPE_ML_MODEL
                await client.app_client.create_registry_item(organization, "cars", kind)

        assert refused(emulated, use).status is Status.ALREADY_EXISTS


class TestWithoutWrappers:
    """What the vendor's client has no methods for, through its generated stubs on its own channel."""

    def test_a_package_arrives_in_frames(self, emulated: Live[Any], backend: Any) -> None:
        frames = [bytes([number]) * 50_000 for number in range(3)]

        async def use(client: ViamClient) -> Any:
            info = {
                "organization_id": emulated.state.organization.id,
                "name": "cars",
                "version": "1",
                "type": PackageType.PACKAGE_TYPE_ML_MODEL,
                "metadata": {"model_framework": "onnx"},
            }
            requests = [CreatePackageRequest(info=info), *(CreatePackageRequest(contents=frame) for frame in frames)]
            return await PackageServiceStub(client._channel).CreatePackage(requests, metadata=client._metadata)

        made = driven(emulated, use)
        assert emulated.state.packages[made.id, made.version].content.read() == b"".join(frames)
        assert [version.name for version in backend.versions.list(next(backend.models.list()))] == ["1"]

    def test_a_log_has_pages_and_an_image_predictions(self, emulated: Live[Any], backend: Any, labelled: Any) -> None:
        model = backend.models.create("detector", task="object_detection", features=["car"])
        job = backend.training.submit(model, dataset=labelled, parameters={"version": "v1"})
        image = next(iter(emulated.state.images))

        async def use(client: ViamClient) -> tuple[list[int], Any]:
            training, pages, token = MLTrainingServiceStub(client._channel), [], ""
            while True:
                asked = GetTrainingJobLogsRequest(id=job.id, page_token=token)
                answer = await training.GetTrainingJobLogs(asked, metadata=client._metadata)
                pages.append(len(answer.logs))
                if not (token := answer.next_page_token):
                    break
            wanted = GetInferenceRequest(
                registry_item_id=model.id,
                registry_item_version="v1",
                binary_data_id=image,
                organization_id=emulated.state.organization.id,
            )
            inference = MLInferenceServiceStub(client._channel)
            return pages, await inference.GetInference(wanted, metadata=client._metadata)

        pages, answer = driven(emulated, use)
        assert pages == [2, 1]
        assert [box.label for box in answer.annotations.bboxes] == ["car"]
        assert set(answer.output_tensors.tensors) == {"location", "category", "score"}
