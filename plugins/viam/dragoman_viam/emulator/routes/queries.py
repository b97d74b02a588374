"""The part of `viam.app.data.v1.DataService` that asks for readings in MQL and SQL, as far as the emulator knows them.

SQL is read as one line of `SELECT ... FROM readings WHERE ... ORDER BY ... LIMIT ...`, and answered by the same stages.
"""

from __future__ import annotations

import re
from typing import Any

from dragoman_viam.emulator.mql import Document, run
from dragoman_viam.emulator.records import Row
from dragoman_viam.emulator.refusals import invalid, missing, unimplemented
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import name_of

CAPTURED = ("organization_id", "location_id", "robot_id", "part_id", "component_type", "component_name", "method_name")
SELECT = re.compile(
    r"select\s+(?P<fields>\*|[\w.]+(?:\s*,\s*[\w.]+)*)\s+from\s+(?:sensordata\.)?readings"
    r"(?:\s+where\s+(?P<where>.+?))?(?:\s+order\s+by\s+(?P<order>[\w.]+)(?:\s+(?P<way>asc|desc))?)?"
    r"(?:\s+limit\s+(?P<limit>\d+))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"\s*([\w.]+)\s*(=|!=|<>|<=|>=|<|>)\s*(?:'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?))\s*")
OPERATORS = {"=": "$eq", "!=": "$ne", "<>": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
AND = re.compile(r"and\b", re.IGNORECASE)


class Queries(Routes):
    """The two methods. There are no saved queries, and a pipeline never makes any readings."""

    service = "data"

    def TabularDataByMQL(self, request: Any) -> Answer:
        """Return what an aggregation makes of the organisation's readings."""
        import bson
        from bson.errors import InvalidBSON

        self.state.check_organization(request.organization_id)
        if request.HasField("query_prefix_name"):
            raise missing("saved query", request.query_prefix_name)
        try:
            stages = [bson.decode(stage) for stage in request.mql_binary]
        except InvalidBSON as error:
            raise invalid(f"a stage is no BSON: {error}", "mql_binary") from None
        return _answer(run(stages, self._source(request)))

    def TabularDataBySQL(self, request: Any) -> Answer:
        """Return the readings that a query chooses."""
        self.state.check_organization(request.organization_id)
        return _answer(run(_stages(request.sql_query), self._readings(request)))

    def _source(self, request: Any) -> list[Document]:
        source = request.data_source
        kind = name_of("data", "TabularDataSourceType", source.type)
        if kind != "TABULAR_DATA_SOURCE_TYPE_PIPELINE_SINK":
            return self._readings(request)
        if not source.pipeline_id:
            raise invalid("the pipeline is missing", "data_source.pipeline_id")
        if source.pipeline_id not in self.state.pipelines:
            raise missing("data pipeline", source.pipeline_id)
        return []

    def _readings(self, request: Any) -> list[Document]:
        wanted = request.organization_id
        return [_document(row) for row in self.state.rows if row.metadata.organization_id == wanted]


def _document(row: Row) -> Document:
    from google.protobuf.json_format import MessageToDict

    return {
        **{name: getattr(row.metadata, name) for name in CAPTURED},
        "tags": list(row.metadata.tags),
        "time_requested": row.time_requested.ToDatetime(),
        "time_received": row.time_received.ToDatetime(),
        "data": MessageToDict(row.data),
    }


def _stages(query: str) -> list[dict[str, Any]]:
    """Return a query in SQL as stages of an aggregation."""
    found = SELECT.fullmatch(query.strip())
    if found is None:
        raise unimplemented("the emulator knows SELECT ... FROM readings WHERE ... ORDER BY ... LIMIT ... only")
    stages: list[dict[str, Any]] = []
    if found["where"]:
        stages.append({"$match": {"$and": _conditions(found["where"])}})
    if found["order"]:
        stages.append({"$sort": {found["order"]: -1 if (found["way"] or "").lower() == "desc" else 1}})
    if found["limit"]:
        stages.append({"$limit": int(found["limit"])})
    if found["fields"] != "*":
        stages.append({"$project": {name.strip(): f"${name.strip()}" for name in found["fields"].split(",")}})
    return stages


def _conditions(text: str) -> list[dict[str, Any]]:
    """Return comparisons that are joined by AND."""
    conditions: list[dict[str, Any]] = []
    place = 0
    while found := CONDITION.match(text, place):
        name, sign, words, digits = found.groups()
        value = words.replace("''", "'") if digits is None else float(digits)
        conditions.append({name: {OPERATORS[sign]: value}})
        joined = AND.match(text, found.end())
        if joined is None:
            place = found.end()
            break
        place = joined.end()
    if not conditions or place != len(text):
        raise unimplemented("the emulator knows comparisons with a number or a 'text', joined by AND, only")
    return conditions


def _answer(documents: list[Document]) -> Answer:
    import bson
    from bson.errors import InvalidDocument

    try:
        return {"raw_data": [bson.encode(document) for document in documents]}
    except (InvalidDocument, OverflowError) as error:
        # MongoDB makes floats of numbers that are too large, and nulls of what is missing in a list.
        raise unimplemented(f"the emulator makes of this what is no BSON: {error}") from None
