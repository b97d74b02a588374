"""What the vendor's own client is refused about images and readings, and in which order and time it finds them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.struct_pb2 import Value
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam.proto.app.data import Annotations, BoundingBox, DeleteTabularFilter, Order
from viam.proto.app.datasync import DataCaptureUploadRequest, DataType, SensorData, SensorMetadata, UploadMetadata
from viam.utils import create_filter
from viam_driving import driven, refused

from dragoman.conformance.difficult import png
from dragoman.emulate import Live, ManualClock, running
from dragoman_viam.emulator import create

NOON = datetime(2024, 3, 11, 12, tzinfo=UTC)
API = "rdk:component:sensor"


async def image(client: ViamClient, part: str) -> str:
    """Upload an image and return its id."""
    made: str = await client.data_client.file_upload(part, png(1), file_extension=".png")
    return made


async def read(client: ViamClient, part: str, *times: datetime, name: str = "meter", **more: Any) -> None:
    """Upload one reading of a sensor for each time."""
    await client.data_client.tabular_data_capture_upload(
        [{"readings": {"n": number}} for number, _ in enumerate(times)],
        part,
        API,
        name,
        "Readings",
        [(time, time) for time in times],
        **more,
    )


class TestRefusals:
    @pytest.mark.parametrize(
        "call",
        [
            lambda data, _: data.binary_data_by_ids([]),
            lambda data, _: data.delete_binary_data_by_ids([]),
            lambda data, _: data.add_tags_to_binary_data_by_ids(["a"], []),
            lambda data, _: data.remove_tags_from_binary_data_by_ids(["a"], []),
            lambda data, one: data.add_tags_to_binary_data_by_ids([], [one]),
            lambda data, one: data.remove_tags_from_binary_data_by_ids([], [one]),
            lambda data, _: data.add_tags_to_binary_data_by_filter([]),
            lambda data, _: data.remove_tags_from_binary_data_by_filter([]),
            lambda data, one: data.create_binary_data_signed_url(one, 10081),
            lambda data, one: data.create_binary_data_signed_url(one, 2**32 - 1),
        ],
    )
    def test_what_the_sdk_says_is_an_error_is_one(self, emulated: Live[Any], call: Callable[[Any, str], Any]) -> None:
        async def use(client: ViamClient) -> None:
            await call(client.data_client, await image(client, emulated.state.part.id))

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT

    def test_a_box_keeps_its_label_when_it_is_to_have_none(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            one = await image(client, emulated.state.part.id)
            box = await client.data_client.add_bounding_box_to_image_by_id(one, "car", 0, 0, 1, 1)
            await client.data_client.update_bounding_box(one, box, "", 0, 0, 0.5, 0.5)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        (held,) = emulated.state.images.values()
        assert [(box.label, box.x_max_normalized) for box in held.metadata.annotations.bboxes] == [("car", 1)]

    def test_an_upload_with_an_empty_tag_leaves_nothing(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            await client.data_client.file_upload(emulated.state.part.id, b"x", tags=["a", ""])

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert not emulated.state.images


class TestTime:
    @pytest.mark.parametrize(
        ("order", "expected"),
        [(Order.ORDER_UNSPECIFIED, [5, 1, 3]), (Order.ORDER_ASCENDING, [1, 3, 5]), (Order.ORDER_DESCENDING, [5, 3, 1])],
    )
    def test_an_order_is_that_of_the_captures(self, emulated: Live[Any], order: Any, expected: list[int]) -> None:
        async def use(client: ViamClient) -> Any:
            part, data = emulated.state.part.id, client.data_client
            for hour in (5, 1, 3):
                time = NOON + timedelta(hours=hour)
                times = (time, time)
                await data.binary_data_capture_upload(
                    b"%d" % hour, part, "camera", "cam", "m", "png", data_request_times=times
                )
                await read(client, part, time, tags=[str(hour)])
            images, _, _ = await data.binary_data_by_filter(sort_order=order)
            rows, _, _ = await data.tabular_data_by_filter(sort_order=order)
            return [int(one.binary) for one in images], [int(row.metadata.tags[0]) for row in rows]

        assert driven(emulated, use) == (expected, expected)

    def test_the_ends_of_an_interval_belong_to_it_to_the_microsecond(self, emulated: Live[Any]) -> None:
        times = [NOON + timedelta(microseconds=123_457 + 7919 * step) for step in range(8)]

        async def use(client: ViamClient) -> list[int]:
            part, data = emulated.state.part.id, client.data_client
            await read(client, part, *times)
            return [len(await data.export_tabular_data(part, "meter", API, "Readings", time, time)) for time in times]

        assert driven(emulated, use) == [1] * 8

    def test_readings_are_deleted_by_whole_days_of_their_capture(self) -> None:
        with running(create(clock=ManualClock(NOON))) as live:
            times = [NOON, NOON - timedelta(hours=12), NOON - timedelta(hours=13), NOON - timedelta(days=3)]

            async def use(client: ViamClient) -> list[int]:
                await read(client, live.state.part.id, *times)
                delete, key = client.data_client.delete_tabular_data, live.state.organization.id
                return [await delete(key, days) for days in (2**32 - 1, 2, 1, 1, 0)]

            assert driven(live, use) == [0, 1, 1, 0, 2]

    def test_a_filter_narrows_what_is_deleted(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            part, data = emulated.state.part.id, client.data_client
            for name in ("meter", "gauge"):
                await read(client, part, NOON, name=name)
            deleted = await data.delete_tabular_data(
                emulated.state.organization.id, 1, DeleteTabularFilter(component_name="gauge", part_id=part)
            )
            left, _, _ = await data.tabular_data_by_filter(create_filter())
            return deleted, [row.metadata.component_name for row in left]

        assert driven(emulated, use) == (1, ["meter"])

    def test_the_latest_reading_was_sent_within_a_year(self) -> None:
        clock = ManualClock(NOON)
        with running(create(clock=clock)) as live:
            live.state.token_seconds = 1e9

            async def use(client: ViamClient) -> Any:
                source = (live.state.part.id, "meter", API, "Readings")
                await read(client, live.state.part.id, NOON)
                found = await client.data_client.get_latest_tabular_data(*source)
                clock.advance(366 * 86400)
                return found is not None, await client.data_client.get_latest_tabular_data(*source)

            assert driven(live, use) == (True, None)


class TestWhatIsKept:
    def test_an_export_tells_the_parameters_of_the_method(self, emulated: Live[Any]) -> None:
        packed = Packed()
        packed.Pack(Value(string_value="fast"))

        async def use(client: ViamClient) -> Any:
            part = emulated.state.part.id
            await read(client, part, NOON, method_parameters={"mode": packed})
            (row,) = await client.data_client.export_tabular_data(part, "meter", API, "Readings")
            return row.method_parameters

        assert driven(emulated, use) == {"mode": "fast"}

    def test_boxes_that_come_with_a_capture_are_the_image_s(self, emulated: Live[Any]) -> None:
        box = BoundingBox(label="car", x_max_normalized=0.5, y_max_normalized=0.5, confidence=0.0)
        entry = SensorData(metadata=SensorMetadata(annotations=Annotations(bboxes=[box])), binary=png(1))
        described = UploadMetadata(part_id=emulated.state.part.id, type=DataType.DATA_TYPE_BINARY_SENSOR)

        async def use(client: ViamClient) -> Any:
            data = client.data_client
            request = DataCaptureUploadRequest(metadata=described, sensor_contents=[entry])
            told = await data._data_sync_client.DataCaptureUpload(request, metadata=data._metadata)
            (kept,) = (await data.binary_data_by_ids([told.binary_data_id]))[0].metadata.annotations.bboxes
            await data.remove_bounding_box_from_image_by_id(kept.id, told.binary_data_id)
            return kept.label, kept.x_max_normalized, kept.HasField("confidence")

        assert driven(emulated, use) == ("car", 0.5, True)
