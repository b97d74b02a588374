"""Bodies of inference requests and answers over REST: JSON, with the extension that puts tensors behind it as bytes.

With the extension, a header says how long the JSON is, and each tensor there says how many of the bytes behind are its
own, in their order. Pure; no network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman_openinference.tensors import Tensor, listed, of_list, of_raw, raw

LENGTH_HEADER = "Inference-Header-Content-Length"
SIZE = "binary_data_size"
DIGITS = 20
"""Digits that a length may have."""
Json = dict[str, Any]


def written(
    field: str, tensors: Sequence[Tensor], binary: Collection[str], **rest: Any
) -> tuple[bytes, dict[str, str]]:
    """Return a body and its headers.

    Args:
        field: Where the tensors stand: `"inputs"` or `"outputs"`.
        tensors: The tensors.
        binary: Names of those that go behind the JSON, as bytes.
        rest: Other fields.
    """
    parts = {tensor.name: raw(tensor) for tensor in tensors if tensor.name in binary}
    described = [_described(tensor, parts.get(tensor.name)) for tensor in tensors]
    head = msgspec.json.encode({**rest, field: described})
    if not parts:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(head))}
    return b"".join((head, *parts.values())), headers


def _described(tensor: Tensor, part: bytes | None) -> Json:
    facts: Json = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    return facts | ({"data": listed(tensor)} if part is None else {"parameters": {SIZE: len(part)}})


def read(field: str, body: bytes, length: str | None) -> tuple[Json, list[Tensor]]:
    """Return the JSON of a body, and the tensors of a field of it.

    Args:
        field: `"inputs"` or `"outputs"`.
        body: The body.
        length: The header that says how long the JSON is, if there was one.

    Raises:
        InvalidData: The tensors are not what the JSON says.
        msgspec.DecodeError: It is not JSON.
    """
    end = len(body) if length is None else _length(length, len(body))
    head = _json(body[:end])
    rest = memoryview(body)[end:]
    tensors = []
    given = head.get(field, [])
    if not isinstance(given, list):
        raise InvalidData(f"The {field} of the body are no list.", field=field)
    for facts in given:
        tensor, rest = _tensor(facts, rest)
        tensors.append(tensor)
    if len(rest):
        raise InvalidData(f"{len(rest)} bytes of the body belong to no tensor.")
    return head, tensors


def _length(header: str, size: int) -> int:
    # Python refuses to read numbers of thousands of digits.
    if not (header.isdecimal() and len(header) <= DIGITS and int(header) <= size):
        raise InvalidData(f"The header {LENGTH_HEADER} is {header[:DIGITS]!r}, and the body has {size} bytes.")
    return int(header)


def _json(content: bytes) -> Json:
    try:
        return msgspec.json.decode(content, type=Json)
    except (UnicodeDecodeError, RecursionError) as error:
        # Text that is not UTF-8, or lists in lists without end.
        raise msgspec.DecodeError(str(error)) from error


def _tensor(facts: Any, rest: memoryview) -> tuple[Tensor, memoryview]:
    try:
        name, datatype, shape = facts["name"], facts["datatype"], facts["shape"]
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no name")
        size = (facts.get("parameters") or {}).get(SIZE)
        if size is not None:
            return of_raw(name, datatype, shape, rest[:size]), rest[size:]
        return of_list(name, datatype, shape, facts["data"]), rest
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidData):
            raise
        raise InvalidData(f"A tensor lacks its name, datatype, shape or data: {error}.") from error
