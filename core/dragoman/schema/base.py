"""What all models of the control plane share, and all structs of the data plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dragoman.errors import InvalidData
from dragoman.schema.coerce import text
from dragoman.schema.values import check_values
from dragoman.showing import Showing, Shown, whole

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


SCHEMA_HOME = "https://dragoman.example/schema/"
"""Base of the identifiers of embedded JSON Schemas; nothing is fetched from it."""


class Control(Showing, BaseModel):
    """Base of the control plane: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def _shown(self) -> Shown:
        return whole(self)


def _written(name: str) -> str:
    try:
        return text(name, "it", "name")
    except InvalidData as error:
        raise ValueError(error.message) from error


Name = Annotated[str, Field(min_length=1), AfterValidator(_written)]


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    try:
        check_values(values, "metadata")
    except InvalidData as error:
        raise ValueError(error.message) from error
    return values


Metadata = Annotated[dict[str, Any], AfterValidator(_finite)]
"""JSON values that the user or a source attached."""


class Data(msgspec.Struct, frozen=True, gc=False):
    """Base of the data plane. Its structs are fields of pydantic models, too: read from and written as plain values."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        def convert(value: Any) -> Any:
            try:
                return msgspec.convert(value, source)
            except msgspec.ValidationError as error:
                raise ValueError(str(error)) from error

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else convert(value),
            serialization=core_schema.plain_serializer_function_ser_schema(msgspec.to_builtins),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # A resource of its own inside the model's schema: pydantic knows nothing of the definitions it refers to.
        home = f"{SCHEMA_HOME}{cls.__name__}"
        _, definitions = msgspec.json.schema_components([cls], ref_template=f"{home}#/$defs/{{name}}")
        return {"$id": home, "allOf": [{"$ref": f"{home}#/$defs/{cls.__name__}"}], "$defs": definitions}
