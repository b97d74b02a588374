"""The messages of the protocol's gRPC service, as far as they are used here.

They are described by a table and built when this is imported: no compiler is needed, and none of its versions can clash
with the library's. Only numbers and types go over the wire, so the messages have a package of their own, and stand
beside those of other clients in one process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from dragoman.errors import InvalidData
from dragoman_openinference.tensors import BYTES, Tensor, of_list, of_raw, shaped

PACKAGE = "dragoman.openinference"
SERVICE = "inference.GRPCInferenceService"

# Fields by message: name, number, type; a star is for repeated ones, a capital letter for another message.
_MESSAGES: dict[str, str] = {
    "Nothing": "",
    "Named": "name 1 string, version 2 string",
    "Ready": "ready 1 bool",
    "Server": "name 1 string, version 2 string, extensions 3 string*",
    "TensorFacts": "name 1 string, datatype 2 string, shape 3 int64*",
    "Model": "name 1 string, versions 2 string*, platform 3 string, inputs 4 TensorFacts*, outputs 5 TensorFacts*",
    "IndexRequest": "repository_name 1 string, ready 2 bool",
    "Entry": "name 1 string, version 2 string, state 3 string, reason 4 string",
    "Index": "models 1 Entry*",
    "RepositoryModel": "repository_name 1 string, model_name 2 string",
    "Contents": "bool_contents 1 bool*, int_contents 2 int32*, int64_contents 3 int64*, uint_contents 4 uint32*, "
    "uint64_contents 5 uint64*, fp32_contents 6 float*, fp64_contents 7 double*, bytes_contents 8 bytes*",
    "Tensor": "name 1 string, datatype 2 string, shape 3 int64*, contents 5 Contents",
    # On the wire, a map is a repeated message of its keys and values.
    "Value": "bool_param 1 bool, int64_param 2 int64, string_param 3 string, double_param 4 double, "
    "uint64_param 5 uint64",
    "Parameter": "key 1 string, value 2 Value",
    "InferRequest": "model_name 1 string, model_version 2 string, id 3 string, parameters 4 Parameter*, "
    "inputs 5 Tensor*, outputs 6 Named*, raw_input_contents 7 bytes*",
    "InferResponse": "model_name 1 string, model_version 2 string, id 3 string, outputs 5 Tensor*, "
    "raw_output_contents 6 bytes*",
}
METHODS: dict[str, tuple[str, str]] = {
    "ServerLive": ("Nothing", "Ready"),
    "ServerReady": ("Nothing", "Ready"),
    "ModelReady": ("Named", "Ready"),
    "ServerMetadata": ("Nothing", "Server"),
    "ModelMetadata": ("Named", "Model"),
    "ModelInfer": ("InferRequest", "InferResponse"),
    "RepositoryIndex": ("IndexRequest", "Index"),
    "RepositoryModelLoad": ("RepositoryModel", "Nothing"),
    "RepositoryModelUnload": ("RepositoryModel", "Nothing"),
}
"""Method to the messages that it takes and gives."""
FIELDS: dict[str, str] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Datatype to the field of `Contents` that has its elements."""


def _field(text: str) -> FieldDescriptorProto:
    name, number, kind = text.split()
    found = FieldDescriptorProto(name=name, number=int(number))
    found.label = found.LABEL_REPEATED if kind.endswith("*") else found.LABEL_OPTIONAL
    kind = kind.removesuffix("*")
    if kind[0].isupper():
        found.type, found.type_name = found.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        found.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return found


def _built() -> dict[str, Any]:
    file = FileDescriptorProto(name="dragoman/openinference.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        file.message_type.append(DescriptorProto(name=name, field=map(_field, filter(None, fields.split(", ")))))
    pool = descriptor_pool.Default()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


MESSAGES: dict[str, Any] = _built()
"""Name of a message to its class."""


def described(tensors: Iterable[Tensor]) -> list[Any]:
    """Return tensors as messages without their contents, which go beside them as bytes."""
    return [MESSAGES["Tensor"](name=one.name, datatype=one.datatype, shape=one.shape) for one in tensors]


def tensors_in(wires: Sequence[Any], contents: Sequence[bytes]) -> list[Tensor]:
    """Return the tensors of a message.

    Args:
        wires: What describes them.
        contents: Their bytes, one for each; where there are none, each has a list of its elements.

    Raises:
        InvalidData: They do not fit each other.
        Unsupported: A datatype is not known.
    """
    if not contents:
        return list(map(_of_elements, wires))
    if len(contents) != len(wires):
        raise InvalidData(f"{len(wires)} tensors have {len(contents)} contents.")
    return [of_raw(one.name, one.datatype, one.shape, raw) for one, raw in zip(wires, contents, strict=True)]


def _of_elements(wire: Any) -> Tensor:
    values = list(getattr(wire.contents, FIELDS[wire.datatype])) if wire.datatype in FIELDS else []
    if wire.datatype != BYTES:
        return of_list(wire.name, wire.datatype, wire.shape, values)
    return shaped(Tensor.of_texts(wire.name, values), tuple(wire.shape))
