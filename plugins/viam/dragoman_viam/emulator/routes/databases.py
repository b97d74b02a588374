"""The part of `viam.app.data.v1.DataService` about the database of readings: its user and its indexes.

There is no database behind it: who it is reached by is told, and what is asked for is kept.
"""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules, name_of


class Databases(Routes):
    """The methods about the database of an organisation."""

    service = "data"

    def GetDatabaseConnection(self, request: Any) -> Answer:
        """Say where the database would be, and whether it has a user."""
        host = f"{self.state.check_organization(request.organization_id)}.database.invalid"
        user = request.organization_id in self.state.database_users
        return {"hostname": host, "mongodb_uri": f"mongodb://{host}/", "has_database_user": user}

    def ConfigureDatabaseUser(self, request: Any) -> Answer:
        """Give the database a user, or its user another password, which is not kept."""
        self.state.check_organization(request.organization_id)
        if not request.password:
            raise invalid("a user needs a password", "password")
        self.state.database_users.add(request.organization_id)
        return {}

    def CreateIndex(self, request: Any) -> Answer:
        """Make an index; its name is in its specification, or made of its keys as MongoDB makes it."""
        self._check(request)
        name = _name(request.index_spec)
        if self._named(request, name):
            raise exists("index", name)
        made = modules()["data"].Index(
            collection_type=request.collection_type,
            pipeline_name=request.pipeline_name if request.HasField("pipeline_name") else None,
            index_name=name,
            index_spec=request.index_spec,
            created_by="INDEX_CREATOR_CUSTOMER",
        )
        self.state.indexes[request.organization_id].append(made)
        return {}

    def ListIndexes(self, request: Any) -> Answer:
        """List the indexes of a collection."""
        self._check(request)
        return {"indexes": self._of(request)}

    def DeleteIndex(self, request: Any) -> Answer:
        """Drop an index of a collection."""
        self._check(request)
        held = self._named(request, request.index_name)
        if not held:
            raise missing("index", request.index_name)
        self.state.indexes[request.organization_id].remove(held[0])
        return {}

    def _check(self, request: Any) -> None:
        """Refuse a collection that is not there."""
        owner = self.state.check_organization(request.organization_id)
        match name_of("data", "IndexableCollection", request.collection_type):
            case "INDEXABLE_COLLECTION_HOT_STORE":
                return
            case "INDEXABLE_COLLECTION_PIPELINE_SINK":
                pipelines = [(held.organization_id, held.name) for held in self.state.pipelines.values()]
                if (owner, request.pipeline_name) not in pipelines:
                    raise missing("data pipeline", request.pipeline_name)
            case other:
                raise invalid(f"{other} has no indexes", "collection_type")

    def _of(self, request: Any) -> list[Any]:
        wanted = (request.collection_type, request.pipeline_name)
        return [
            held
            for held in self.state.indexes[request.organization_id]
            if (held.collection_type, held.pipeline_name) == wanted
        ]

    def _named(self, request: Any, name: str) -> list[Any]:
        return [held for held in self._of(request) if held.index_name == name]


def _name(specification: Any) -> str:
    """Return the name of an index by its specification: its keys, or what has them under `key` or `keys`."""
    import bson
    from bson.errors import InvalidBSON

    try:
        said: dict[str, Any] = {}
        for document in specification:
            said |= bson.decode(document)
    except InvalidBSON as error:
        raise invalid(f"the specification is no BSON: {error}", "index_spec") from None
    keys = next((said[name] for name in ("key", "keys") if isinstance(said.get(name), dict)), said)
    if not keys:
        raise invalid("an index needs keys", "index_spec")
    return str(said.get("name") or "_".join(f"{key}_{way}" for key, way in keys.items()))
