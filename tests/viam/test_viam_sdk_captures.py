"""What sensors capture, and sequences of it, as the vendor's own client uploads, finds and deletes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam.proto.app.data import Order, SequenceResourceFilter
from viam.utils import create_filter
from viam_driving import driven, refused

from dragoman.conformance.difficult import png
from dragoman.emulate import Live

START = datetime(2024, 1, 1, tzinfo=UTC)
API = "rdk:component:sensor"


async def captured(client: ViamClient, part: str, *hours: int) -> None:
    """Upload one reading of the sensor `meter` for each hour."""
    await client.data_client.tabular_data_capture_upload(
        part_id=part,
        component_type=API,
        component_name="meter",
        method_name="Readings",
        tags=["night"],
        data_request_times=[(START, START + timedelta(hours=hour)) for hour in hours],
        tabular_data=[{"readings": {"hour": hour}} for hour in hours],
    )


async def pictured(client: ViamClient, part: str, hour: int) -> str:
    """Upload one image of the camera `cam` and return its id."""
    made: str = await client.data_client.binary_data_capture_upload(
        binary_data=png(hour),
        part_id=part,
        component_type="camera",
        component_name="cam",
        method_name="GetImages",
        file_extension="png",
        tags=["day"],
        data_request_times=(START, START + timedelta(hours=hour)),
    )
    return made


class TestReadings:
    def test_they_are_found_page_by_page(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            await captured(client, emulated.state.part.id, 0, 1, 2)
            data, wanted = client.data_client, create_filter(component_name="meter", tags=["night"])
            pages, last = [], None
            while page := (await data.tabular_data_by_filter(wanted, limit=2, last=last)):
                rows, count, last = page
                if not rows:
                    break
                pages.append([row.data["readings"]["hour"] for row in rows])
            newest = await data.tabular_data_by_filter(wanted, limit=1, sort_order=Order.ORDER_DESCENDING)
            return pages, count, newest[0][0].data, await data.tabular_data_by_filter(create_filter(tags=["day"]))

        pages, count, newest, none = driven(emulated, use)
        assert (pages, count, newest) == ([[0.0, 1.0], [2.0]], 3, {"readings": {"hour": 2.0}})
        assert none[:2] == ([], 0)

    def test_they_are_exported_and_the_latest_is_told(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            part, data = emulated.state.part.id, client.data_client
            await captured(client, part, 2, 0, 1)
            source = (part, "meter", API, "Readings")
            exported = await data.export_tabular_data(*source, START + timedelta(minutes=30))
            latest = await data.get_latest_tabular_data(*source)
            nothing = await data.get_latest_tabular_data(part, "other", API, "Readings")
            return [point.payload["readings"]["hour"] for point in exported], latest, nothing, exported[0]

        hours, latest, nothing, point = driven(emulated, use)
        assert hours == [1.0, 2.0]
        assert latest[2] == {"readings": {"hour": 2.0}}
        assert latest[0].hour == 2
        assert nothing is None
        assert (point.robot_name, point.resource_name, point.tags) == ("bench", "meter", ["night"])

    def test_old_ones_are_deleted(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            await captured(client, emulated.state.part.id, 0, 1)
            key = emulated.state.organization.id
            return [await client.data_client.delete_tabular_data(key, days) for days in (10**6, 1, 0)]

        assert driven(emulated, use) == [0, 2, 0]


class TestImages:
    def test_they_arrive_whole_or_as_a_stream(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            part, data = emulated.state.part.id, client.data_client
            dataset = await data.create_dataset("held", emulated.state.organization.id)
            streamed = await data.streaming_data_capture_upload(
                png(2), part, "png", component_name="cam", dataset_ids=[dataset]
            )
            return await data.binary_data_by_ids([await pictured(client, part, 1), streamed]), dataset

        (first, second), dataset = driven(emulated, use)
        assert [first.binary, second.binary] == [png(1), png(2)]
        assert first.metadata.time_received.ToDatetime() == datetime(2024, 1, 1, 1)
        assert first.metadata.capture_metadata.mime_type == "image/png"
        assert list(second.metadata.dataset_ids) == [dataset]

    def test_a_filter_without_tags_means_all(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data = client.data_client
            await pictured(client, emulated.state.part.id, 1)
            asked = (create_filter(), create_filter(tags=["day"]), create_filter(tags=["night"]))
            return [(await data.binary_data_by_filter(wanted))[1] for wanted in asked]

        assert driven(emulated, use) == [1, 1, 0]

    def test_a_part_that_is_not_there_is_refused(self, emulated: Live[Any]) -> None:
        assert refused(emulated, lambda client: pictured(client, "nobody", 1)).status is Status.NOT_FOUND


class TestSequences:
    def test_one_has_what_its_resources_captured_in_its_time(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            part, data = emulated.state.part.id, client.data_client
            made = [await pictured(client, part, hour) for hour in (1, 2, 5)]
            cam = [SequenceResourceFilter(resource_name="cam", method_name="GetImages")]
            key = await data.create_sequence(part, cam, START, START + timedelta(hours=3), ["walk"])
            first, token = await data.get_sequence_binary_data(key, page_size=1)
            second, _ = await data.get_sequence_binary_data(key, page_size=1, page_token=token)
            await data.update_sequence(key, sequence_tags=[], end_time=START + timedelta(hours=9))
            more, _ = await data.get_sequence_binary_data(key)
            return (
                made,
                [one.metadata.binary_data_id for one in [*first, *second]],
                len(more),
                (await data.get_sequence(key)),
            )

        made, found, more, held = driven(emulated, use)
        assert (found, more) == (made[:2], 3)
        assert (list(held.sequence_tags), held.resources[0].resource_name) == ([], "cam")

    def test_they_are_in_datasets_until_they_are_deleted(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            data, state = client.data_client, emulated.state
            dataset = await data.create_dataset("held", state.organization.id)
            cam = [SequenceResourceFilter(resource_name="cam")]
            key = await data.create_sequence(state.part.id, cam, START, START)
            await data.add_sequences_to_dataset(dataset, [key])
            counted = await data.sequences_by_dataset_id(dataset, count_only=True)
            await data.delete_sequence(key)
            return (
                counted[2],
                (await data.sequences_by_dataset_id(dataset))[0],
                await data.list_sequences(state.organization.id),
            )

        assert driven(emulated, use) == (1, [], ([], ""))

    @pytest.mark.parametrize(("resources", "hours"), [([], 1), ([SequenceResourceFilter(resource_name="cam")], -1)])
    def test_one_that_cannot_be_is_refused(self, emulated: Live[Any], resources: list[Any], hours: int) -> None:
        part, end = emulated.state.part.id, START + timedelta(hours=hours)
        refusal = refused(emulated, lambda client: client.data_client.create_sequence(part, resources, START, end))
        assert refusal.status is Status.INVALID_ARGUMENT
