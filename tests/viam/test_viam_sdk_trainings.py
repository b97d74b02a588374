"""Trainings and their containers as the vendor's own client handles them, where a job cannot end as it was meant to."""

from __future__ import annotations

from typing import Any

import pytest
from grpclib import Status
from grpclib.exceptions import GRPCError
from viam.app.viam_client import ViamClient
from viam.gen.app.mltraining.v1.ml_training_grpc import MLTrainingServiceStub
from viam.gen.app.v1.app_grpc import AppServiceStub
from viam.proto.app import RenameRegistryItemRequest
from viam.proto.app.mltraining import GetTrainingJobLogsRequest, ModelType, TrainingStatus
from viam.proto.app.packages import PackageType
from viam_driving import driven, refused

from dragoman.emulate import Live


async def trained(client: ViamClient, organization: str, dataset: str, name: str) -> Any:
    """Submit a training, and return what is told of it when it has ended."""
    training = client.ml_training_client
    kind = ModelType.MODEL_TYPE_OBJECT_DETECTION
    job = await training.submit_training_job(organization, dataset, name, "1", kind, ["car"])
    return await training.get_training_job(job)


class TestEnds:
    def test_a_version_that_is_there_already_fails_the_job(self, emulated: Live[Any], labelled: Any) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            first = await trained(client, key, labelled.id, "detector")
            second = await trained(client, key, labelled.id, "detector")
            await client.ml_training_client.delete_completed_training_job(second.id)
            return first.status, second, await client.ml_training_client.list_training_jobs(key)

        first, second, left = driven(emulated, use)
        assert (first, second.status) == (
            TrainingStatus.TRAINING_STATUS_COMPLETED,
            TrainingStatus.TRAINING_STATUS_FAILED,
        )
        assert "already exists" in second.error_status.message
        assert second.HasField("training_ended")
        assert len(left) == 1

    def test_a_name_that_is_not_a_model_s_fails_the_job(self, emulated: Live[Any], labelled: Any) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            await client.app_client.create_registry_item(key, "taken", PackageType.PACKAGE_TYPE_MODULE)
            return await trained(client, key, labelled.id, "taken")

        job = driven(emulated, use)
        assert job.status == TrainingStatus.TRAINING_STATUS_FAILED
        assert "another type" in job.error_status.message

    def test_a_name_that_no_model_may_have_is_refused(self, emulated: Live[Any], labelled: Any) -> None:
        key = emulated.state.organization.id
        refusal = refused(emulated, lambda client: trained(client, key, labelled.id, "my model"))
        assert refusal.status is Status.INVALID_ARGUMENT
        assert not emulated.state.jobs

    def test_an_item_is_not_renamed_to_such_a_name(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> None:
            await client.app_client.create_registry_item(key, "model", PackageType.PACKAGE_TYPE_ML_MODEL)
            app = client.app_client
            request = RenameRegistryItemRequest(item_id=f"{key}:model", new_name="a/b")
            await AppServiceStub(app._channel).RenameRegistryItem(request, metadata=app._metadata)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert list(emulated.state.items) == [f"{key}:model"]


class TestRefusals:
    @pytest.mark.parametrize("token", ["zz", "-1", "²"])
    def test_a_page_of_logs_that_was_not_told_of_is_refused(
        self, emulated: Live[Any], labelled: Any, token: str
    ) -> None:
        async def use(client: ViamClient) -> None:
            training = client.ml_training_client
            job = await trained(client, emulated.state.organization.id, labelled.id, "detector")
            request = GetTrainingJobLogsRequest(id=job.id, page_token=token)
            await MLTrainingServiceStub(training._channel).GetTrainingJobLogs(request, metadata=training._metadata)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT

    def test_a_model_is_no_script(self, emulated: Live[Any], backend: Any, labelled: Any) -> None:
        key = emulated.state.organization.id
        backend.packages.upload("model", None, version="1", kind="ml_model", metadata={"model_framework": "tflite"})

        async def use(client: ViamClient) -> None:
            await client.ml_training_client.submit_custom_training_job(
                key, labelled.id, f"{key}:model", "1", "made", "1"
            )

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert not emulated.state.jobs


class TestContainers:
    def test_every_one_that_is_listed_is_found_by_its_id(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            training = client.ml_training_client
            made = await training.register_custom_training_container(key, "docker.io/ours/trainer:2", "ours")
            listed = await training.list_containers(key)
            found = [await training.get_container(one.id) for one in listed]
            await training.delete_custom_training_container(made)
            with pytest.raises(GRPCError) as gone:
                await training.get_container(made)
            return listed, found, gone.value.status

        listed, found, gone = driven(emulated, use)
        assert found == listed
        assert (listed[-1].key, listed[-1].description) == ("trainer:2", "ours")
        assert gone is Status.NOT_FOUND

    def test_a_script_runs_in_one_of_the_platform_s(self, emulated: Live[Any], backend: Any, labelled: Any) -> None:
        key = emulated.state.organization.id
        backend.packages.upload("script", None, version="1", kind="ml_training")

        async def use(client: ViamClient) -> Any:
            training = client.ml_training_client
            (container, *_) = await training.list_containers(key)
            job = await training.submit_custom_training_job(
                key, labelled.id, f"{key}:script", "1", "made", "1", container.id
            )
            return container.id, await training.get_training_job(job)

        container, job = driven(emulated, use)
        assert (job.container_id, job.status) == (container, TrainingStatus.TRAINING_STATUS_COMPLETED)
