"""Readings as the vendor's own client asks for them in MQL and SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam.proto.app.data import TabularDataSourceType
from viam_driving import driven, refused

from dragoman.emulate import Live

START = datetime(2024, 1, 1, tzinfo=UTC)
SINK = TabularDataSourceType.TABULAR_DATA_SOURCE_TYPE_PIPELINE_SINK


@pytest.fixture
def filled(emulated: Live[Any]) -> Live[Any]:
    """An emulator that holds readings of `meter`, of every hour till four, and one of `it's`."""

    async def use(client: ViamClient) -> None:
        times = [(START, START + timedelta(hours=hour)) for hour in range(4)]
        for name, held in (("meter", times), ("it's", times[:1])):
            rows = [{"readings": {"hour": hour}} for hour, _ in enumerate(held)]
            part, api = emulated.state.part.id, "rdk:component:sensor"
            await client.data_client.tabular_data_capture_upload(
                rows, part, api, name, "Readings", held, tags=["night"]
            )

    driven(emulated, use)
    return emulated


def hours(rows: list[Any]) -> list[Any]:
    return [row["data"]["readings"]["hour"] for row in rows]


def asked(live: Live[Any], query: Any, **options: Any) -> list[Any]:
    """What an aggregation answers."""
    key = live.state.organization.id
    found: list[Any] = driven(live, lambda client: client.data_client.tabular_data_by_mql(key, query, **options))
    return found


class TestMQL:
    def test_a_row_says_where_and_when_it_was_captured(self, filled: Live[Any]) -> None:
        (row,) = asked(filled, [{"$match": {"component_name": "it's"}}])
        state = filled.state
        assert (row["part_id"], row["location_id"], row["tags"]) == (state.part.id, state.location.id, ["night"])
        assert (row["time_received"], row["data"]) == (START.replace(tzinfo=None), {"readings": {"hour": 0.0}})

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"data.readings.hour": {"$gte": 1, "$lt": 3}}, [1, 2]),
            ({"data.readings.hour": {"$in": [0, 3, 9]}}, [0, 3]),
            ({"data.readings.hour": {"$nin": [0, 3]}}, [1, 2]),
            ({"time_received": {"$gt": START + timedelta(hours=2)}}, [3]),
            ({"tags": "night", "$or": [{"data.readings.hour": 1}, {"data.readings.hour": {"$eq": 2}}]}, [1, 2]),
            ({"nothing": None, "data.readings.hour": {"$exists": True, "$ne": 0}}, [1, 2, 3]),
            ({"tags": {"$gt": 5}}, []),
            ({"location_id": {"$regex": "^[0-9a-f]+$"}, "data.readings.hour": {"$not": {"$lt": 2}}}, [2, 3]),
            (
                {"$expr": {"$eq": [{"$hour": "$time_received"}, "$data.readings.hour"]}, "tags": {"$size": 1}},
                [0, 1, 2, 3],
            ),
        ],
    )
    def test_conditions_choose(self, filled: Live[Any], condition: dict[str, Any], expected: list[int]) -> None:
        assert hours(asked(filled, [{"$match": {"component_name": "meter", **condition}}])) == expected

    def test_stages_follow_each_other(self, filled: Live[Any]) -> None:
        chosen = [
            {"$match": {"component_name": "meter"}},
            {"$sort": {"component_name": 1, "time_received": -1}},
            {"$skip": 1},
            {"$limit": 2},
        ]
        assert hours(asked(filled, chosen)) == [2, 1]
        assert asked(filled, [*chosen, {"$project": {"hour": "$data.readings.hour", "none": 1}}]) == [
            {"hour": 2.0},
            {"hour": 1.0},
        ]
        assert asked(filled, [bson.encode(stage) for stage in (*chosen, {"$count": "rows"})]) == [{"rows": 2}]

    def test_groups_are_made_and_counted(self, filled: Live[Any]) -> None:
        sums = {"number": {"$sum": 1}, "mean": {"$avg": "$data.readings.hour"}, "last": {"$max": "$time_received"}}
        grouped = [{"$group": {"_id": "$component_name", **sums}}, {"$sort": {"_id": 1}}]
        assert asked(filled, grouped) == [
            {"_id": "it's", "number": 1, "mean": 0.0, "last": START.replace(tzinfo=None)},
            {"_id": "meter", "number": 4, "mean": 1.5, "last": (START + timedelta(hours=3)).replace(tzinfo=None)},
        ]
        days = {"$dateTrunc": {"date": "$time_received", "unit": "day"}}
        seen = [{"$group": {"_id": days, "hours": {"$addToSet": "$data.readings.hour"}}}]
        assert asked(filled, seen) == [{"_id": START.replace(tzinfo=None), "hours": [0.0, 1.0, 2.0, 3.0]}]
        assert asked(filled, [{"$unwind": "$tags"}, {"$group": {"_id": "$tags", "number": {"$sum": 1}}}]) == [
            {"_id": "night", "number": 5}
        ]

    def test_fields_of_fields_are_shown_and_left_out(self, filled: Live[Any]) -> None:
        first: list[dict[str, Any]] = [{"$match": {"component_name": "it's"}}]
        assert asked(filled, [*first, {"$project": {"data.readings.hour": 1}}]) == [
            {"data": {"readings": {"hour": 0.0}}}
        ]
        (row,) = asked(filled, [*first, {"$project": {"data.readings.hour": 0}}])
        assert (row["component_name"], row["data"]) == ("it's", {"readings": {}})
        doubled = {"$addFields": {"data.readings.later": {"$add": ["$data.readings.hour", 2]}}}
        assert asked(filled, [*first, doubled])[0]["data"] == {"readings": {"hour": 0.0, "later": 2.0}}
        assert asked(filled, first)[0]["data"] == {"readings": {"hour": 0.0}}

    def test_an_amount_may_be_a_whole_number_in_any_form(self, filled: Live[Any]) -> None:
        assert len(asked(filled, [{"$skip": 1.0}, {"$limit": 2.0}])) == 2

    def test_recent_readings_are_readings_and_a_pipeline_has_none(self, filled: Live[Any]) -> None:
        key = filled.state.organization.id
        made = driven(filled, lambda client: client.data_client.create_data_pipeline(key, "x", [], "0 * * * *", False))
        assert len(asked(filled, [{"$limit": 9}], use_recent_data=True)) == 5
        assert asked(filled, [{"$limit": 9}], tabular_data_source_type=SINK, pipeline_id=made) == []

    @pytest.mark.parametrize(
        ("query", "options", "status"),
        [
            ([{"$nothing": {}}], {}, Status.UNIMPLEMENTED),
            ([{"$out": "elsewhere"}], {}, Status.UNIMPLEMENTED),
            ([{"$match": {"$text": {"$search": "a"}}}], {}, Status.UNIMPLEMENTED),
            ([{"$project": {"huge": {"$multiply": [2**62, 4]}}}], {}, Status.UNIMPLEMENTED),
            ([{"$match": {"tags": {"$nothing": "a"}}}], {}, Status.INVALID_ARGUMENT),
            ([{"$group": {"number": {"$sum": 1}}}], {}, Status.INVALID_ARGUMENT),
            ([{"$limit": 1, "$skip": 1}], {}, Status.INVALID_ARGUMENT),
            ([{"$limit": -1}], {}, Status.INVALID_ARGUMENT),
            ([{"$skip": float("nan")}], {}, Status.INVALID_ARGUMENT),
            ([{"$match": 5}], {}, Status.INVALID_ARGUMENT),
            ([{"$match": {"$or": 5}}], {}, Status.INVALID_ARGUMENT),
            ([{"$match": {"tags": {"$in": "night"}}}], {}, Status.INVALID_ARGUMENT),
            ([{"$limit": "many"}], {}, Status.INVALID_ARGUMENT),
            ([b"no bson"], {}, Status.INVALID_ARGUMENT),
            ([{"$limit": 1}], {"tabular_data_source_type": SINK}, Status.INVALID_ARGUMENT),
            ([{"$limit": 1}], {"tabular_data_source_type": SINK, "pipeline_id": "none"}, Status.NOT_FOUND),
            ([{"$limit": 1}], {"query_prefix_name": "none"}, Status.NOT_FOUND),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, filled: Live[Any], query: Any, options: dict[str, Any], status: Status
    ) -> None:
        key = filled.state.organization.id
        refusal = refused(filled, lambda client: client.data_client.tabular_data_by_mql(key, query, **options))
        assert refusal.status is status


class TestSQL:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("SELECT * FROM readings LIMIT 3", [0, 1, 2]),
            ("select * from sensorData.readings where component_name = 'it''s';", [0]),
            (
                "SELECT data FROM readings WHERE component_name = 'meter' AND data.readings.hour >= 1\n"
                "AND data.readings.hour <> 2 ORDER BY time_received DESC LIMIT 5",
                [3, 1],
            ),
        ],
    )
    def test_rows_are_chosen_ordered_and_cut(self, filled: Live[Any], query: str, expected: list[int]) -> None:
        key = filled.state.organization.id
        assert hours(driven(filled, lambda client: client.data_client.tabular_data_by_sql(key, query))) == expected

    @pytest.mark.parametrize(
        "query", ["", "DROP TABLE readings", "SELECT * FROM readings WHERE a = 1 OR b = 2", "SELECT * FROM elsewhere"]
    )
    def test_what_is_not_known_is_said(self, filled: Live[Any], query: str) -> None:
        key = filled.state.organization.id
        refusal = refused(filled, lambda client: client.data_client.tabular_data_by_sql(key, query))
        assert refusal.status is Status.UNIMPLEMENTED
