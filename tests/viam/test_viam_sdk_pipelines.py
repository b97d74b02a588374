"""Pipelines, the database, its indexes and exports of sequences as the vendor's own client handles them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

import pytest
from grpclib import Status
from grpclib.exceptions import GRPCError
from viam.app.viam_client import ViamClient
from viam.proto.app.data import IndexableCollection, IndexCreator, SequenceResourceFilter, TabularDataSourceType
from viam.proto.app.datapipelines import DataPipelineRun, DataPipelineRunStatus
from viam.proto.app.dataset import DatasetType, SequenceDatasetExportStatus
from viam_driving import driven, refused

from dragoman.emulate import Live

START = datetime(2024, 1, 1, tzinfo=UTC)
QUERY = [{"$match": {"component_name": "meter"}}, {"$limit": 5}]
HOT, SINK = IndexableCollection.INDEXABLE_COLLECTION_HOT_STORE, IndexableCollection.INDEXABLE_COLLECTION_PIPELINE_SINK


class TestPipelines:
    def test_they_come_change_and_go(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data, key = client.data_client, emulated.state.organization.id
            made = await data.create_data_pipeline(key, "hourly", QUERY, "0 * * * *", False)
            first = await data.get_data_pipeline(made)
            await data.rename_data_pipeline(made, "by the hour")
            (listed,) = await data.list_data_pipelines(key)
            await data.delete_data_pipeline(made)
            with pytest.raises(GRPCError) as gone:
                await data.delete_data_pipeline(made)
            return made, first, listed, gone.value.status, await data.list_data_pipelines(key)

        made, first, listed, gone, left = driven(emulated, use)
        assert (first.id, first.name, first.schedule, first.enabled) == (made, "hourly", "0 * * * *", True)
        assert first.mql_binary == QUERY
        assert first.data_source_type == TabularDataSourceType.TABULAR_DATA_SOURCE_TYPE_STANDARD
        assert (listed.id, listed.name, gone, left) == (made, "by the hour", Status.NOT_FOUND, [])

    def test_runs_come_page_by_page(self, emulated: Live[Any]) -> None:
        status = DataPipelineRunStatus.DATA_PIPELINE_RUN_STATUS_COMPLETED

        async def use(client: ViamClient) -> Any:
            data = client.data_client
            made = await data.create_data_pipeline(emulated.state.organization.id, "hourly", QUERY, "0 * * * *", True)
            none = await data.list_data_pipeline_runs(made)
            runs = [DataPipelineRun(id=str(number), status=status) for number in range(3)]
            emulated.state.pipeline_runs[made] = runs
            page = await data.list_data_pipeline_runs(made, 2)
            last = await page.next_page()
            return [[run.id for run in one.runs] for one in (none, page, last, await last.next_page())]

        assert driven(emulated, use) == [[], ["0", "1"], ["2"], []]

    @pytest.mark.parametrize(
        ("name", "schedule", "status"),
        [
            ("", "0 * * * *", Status.INVALID_ARGUMENT),
            ("new", "hourly", Status.INVALID_ARGUMENT),
            ("hourly", "0 * * * *", Status.ALREADY_EXISTS),
        ],
    )
    def test_one_that_cannot_be_is_refused(self, emulated: Live[Any], name: str, schedule: str, status: Status) -> None:
        async def use(client: ViamClient) -> None:
            for made in (("hourly", "0 * * * *"), (name, schedule)):
                await client.data_client.create_data_pipeline(
                    emulated.state.organization.id, made[0], QUERY, made[1], False
                )

        assert refused(emulated, use).status is status
        assert len(emulated.state.pipelines) == 1


class TestDatabase:
    def test_it_has_a_user_once_one_is_configured(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> str:
            key = emulated.state.organization.id
            await client.data_client.configure_database_user(key, "Secret@1234")
            return await client.data_client.get_database_connection(key)

        assert emulated.state.organization.id in driven(emulated, use)
        assert emulated.state.database_users == {emulated.state.organization.id}

    def test_indexes_of_a_collection_are_made_listed_and_dropped(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data, key = client.data_client, emulated.state.organization.id
            await data.create_data_pipeline(key, "hourly", QUERY, "0 * * * *", False)
            await data.create_index(key, HOT, {"component_name": 1, "time": -1})
            await data.create_index(key, HOT, {"key": {"a": 1}, "name": "mine"})
            await data.create_index(key, SINK, {"a": 1}, "hourly")
            listed = [await data.list_indexes(key, HOT), await data.list_indexes(key, SINK, "hourly")]
            await data.delete_index(key, HOT, "mine")
            return listed, await data.list_indexes(key, HOT)

        (hot, sink), left = driven(emulated, use)
        assert [one.index_name for one in hot] == ["component_name_1_time_-1", "mine"]
        assert [(one.index_name, one.pipeline_name) for one in sink] == [("a_1", "hourly")]
        assert [one.index_name for one in left] == ["component_name_1_time_-1"]
        assert hot[0].created_by == IndexCreator.INDEX_CREATOR_CUSTOMER

    def test_indexes_of_a_pipeline_are_renamed_and_deleted_with_it(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data, key = client.data_client, emulated.state.organization.id
            made = await data.create_data_pipeline(key, "hourly", QUERY, "0 * * * *", False)
            await data.create_index(key, SINK, {"a": 1}, "hourly")
            await data.create_index(key, HOT, {"a": 1})
            await data.rename_data_pipeline(made, "daily")
            renamed = await data.list_indexes(key, SINK, "daily")
            await data.delete_data_pipeline(made)
            await data.create_data_pipeline(key, "daily", QUERY, "0 * * * *", False)
            return renamed, await data.list_indexes(key, SINK, "daily"), await data.list_indexes(key, HOT)

        renamed, left, hot = driven(emulated, use)
        assert [(one.index_name, one.pipeline_name) for one in renamed] == [("a_1", "daily")]
        assert (left, len(hot)) == ([], 1)

    @pytest.mark.parametrize(
        ("call", "status"),
        [
            (lambda data, key: data.create_index(key, HOT, {"a": 1}), Status.ALREADY_EXISTS),
            (lambda data, key: data.create_index(key, HOT, {}), Status.INVALID_ARGUMENT),
            (lambda data, key: data.create_index(key, 0, {"b": 1}), Status.INVALID_ARGUMENT),
            (lambda data, key: data.list_indexes(key, SINK, "nothing"), Status.NOT_FOUND),
            (lambda data, key: data.delete_index(key, HOT, "nothing"), Status.NOT_FOUND),
            (lambda data, key: data.configure_database_user(key, ""), Status.INVALID_ARGUMENT),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, emulated: Live[Any], call: Callable[[Any, str], Any], status: Status
    ) -> None:
        async def use(client: ViamClient) -> None:
            await client.data_client.create_index(emulated.state.organization.id, HOT, {"a": 1})
            await call(client.data_client, emulated.state.organization.id)

        assert refused(emulated, use).status is status


class TestExports:
    def test_one_runs_and_then_lies_under_a_url(self, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 1

        async def use(client: ViamClient) -> Any:
            data, state = client.data_client, emulated.state
            kind = DatasetType.DATASET_TYPE_SEQUENCE_DATA
            dataset = await data.create_dataset("walks", state.organization.id, kind)
            cam = [SequenceResourceFilter(resource_name="cam")]
            made = [await data.create_sequence(state.part.id, cam, START, START, [tag]) for tag in ("ü", "no")]
            await data.add_sequences_to_dataset(dataset, made[:1])
            job = await data.start_sequence_dataset_export(dataset)
            return job, made, [await data.get_sequence_dataset_export(job) for _ in range(2)]

        job, made, (running, done) = driven(emulated, use)
        assert (running.job_id, running.download_url, running.HasField("expires_at")) == (job, "", False)
        assert running.status == SequenceDatasetExportStatus.SEQUENCE_DATASET_EXPORT_STATUS_RUNNING
        assert done.status == SequenceDatasetExportStatus.SEQUENCE_DATASET_EXPORT_STATUS_COMPLETED
        assert done.expires_at.ToDatetime() > done.completed_at.ToDatetime() >= done.created_at.ToDatetime()
        with urlopen(done.download_url) as answer:
            (line,) = answer.read().splitlines()
        assert (json.loads(line)["id"], json.loads(line)["sequence_tags"]) == (made[0], ["ü"])

    def test_what_is_not_there_is_refused(self, emulated: Live[Any]) -> None:
        for method in ("start_sequence_dataset_export", "get_sequence_dataset_export"):
            refusal = refused(emulated, lambda client, method=method: getattr(client.data_client, method)("nothing"))
            assert refusal.status is Status.NOT_FOUND
