"""Tensors as bytes and as JSON: what goes out comes back, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dragoman import InvalidData, Unsupported
from dragoman_openinference import bodies, tensors
from dragoman_openinference.tensors import TYPES, Tensor

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@st.composite
def some_tensor(draw: st.DrawFn) -> Tensor:
    datatype = draw(st.sampled_from([*TYPES, "BYTES"]))
    shape = draw(SHAPES)
    if datatype != "BYTES":
        return Tensor("x", datatype, draw(arrays.arrays(TYPES[datatype], shape)))
    count = int(np.prod(shape))
    texts = Tensor.of_texts("x", draw(st.lists(st.text(), min_size=count, max_size=count)))
    return Tensor("x", datatype, texts.array.reshape(shape))


def same(one: Tensor, other: Tensor) -> bool:
    return (one.name, one.datatype, one.shape) == (other.name, other.datatype, other.shape) and bool(
        np.array_equal(one.array, other.array, equal_nan=one.array.dtype.kind == "f")
    )


@given(some_tensor())
def test_a_tensor_comes_back_from_its_bytes(tensor: Tensor) -> None:
    assert same(tensors.of_raw("x", tensor.datatype, tensor.shape, tensors.raw(tensor)), tensor)


@given(st.lists(some_tensor(), max_size=3))
def test_tensors_come_back_from_a_body(sent: list[Tensor]) -> None:
    named = [Tensor(str(place), one.datatype, one.array) for place, one in enumerate(sent)]
    body, headers = bodies.written("inputs", named, {"0", "2"}, id="7")
    head, found = bodies.read("inputs", body, headers.get(bodies.LENGTH_HEADER))
    assert head["id"] == "7"
    finite = [not (one.array.dtype.kind == "f" and not np.isfinite(one.array).all()) for one in named]
    # JSON has no number for what is not finite; the second tensor stands there.
    assert all(same(one, other) for one, other, fits in zip(found, named, finite, strict=True) if fits)


def test_lists_may_be_nested() -> None:
    assert tensors.of_list("x", "INT64", [2, 2], [[1, 2], [3, 4]]).array.tolist() == [[1, 2], [3, 4]]
    assert tensors.of_list("x", "BYTES", [1, 2], [["a", "b"]]).texts() == ["a", "b"]
    assert tensors.of_list("x", "FP32", [2, 1], [[0.5], [2]]).array.tolist() == [[0.5], [2]]


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert tensors.of_list("x", "UINT8", [2], [1.0, 2]).array.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("datatype", "shape", "content"),
    [("INT64", [2], b"1234"), ("BYTES", [1], b"\x05\x00\x00\x00abc"), ("BYTES", [2], b"\x01\x00\x00\x00a")],
)
def test_bytes_that_do_not_fill_the_shape_are_refused(datatype: str, shape: list[int], content: bytes) -> None:
    with pytest.raises(InvalidData):
        tensors.of_raw("x", datatype, shape, content)


@pytest.mark.parametrize(
    ("datatype", "shape", "data"),
    [
        ("INT64", [3], [1, 2]),
        ("INT64", [-1], [1, 2]),
        ("FP32", [1], ["a"]),
        ("UINT8", [1], [300]),
        ("UINT8", [1], [0.5]),
        ("INT64", [2], [[0], [0.5]]),
        ("INT64", [1], [None]),
        ("INT64", [3], [[1], [2, 3]]),
        ("INT64", [2], [[1], [2, 3]]),
    ],
)
def test_lists_that_do_not_fit_are_refused(datatype: str, shape: list[int], data: list[object]) -> None:
    with pytest.raises(InvalidData):
        tensors.of_list("x", datatype, shape, data)


def test_a_datatype_that_is_not_known_is_refused() -> None:
    with pytest.raises(Unsupported, match="BF16"):
        tensors.of_raw("x", "BF16", [1], b"ab")


def test_bytes_that_are_no_text_do_not_go_into_json() -> None:
    with pytest.raises(Unsupported, match="gRPC"):
        bodies.written("inputs", [Tensor.of_texts("x", [b"\xff\xfe"])], ())


@pytest.mark.parametrize("length", ["x", "-1", "99"])
def test_a_wrong_length_of_the_json_is_refused(length: str) -> None:
    with pytest.raises(InvalidData):
        bodies.read("inputs", b'{"inputs": []}', length)


def test_bytes_that_belong_to_no_tensor_are_refused() -> None:
    with pytest.raises(InvalidData, match="no tensor"):
        bodies.read("inputs", b'{"inputs": []}abc', "14")
