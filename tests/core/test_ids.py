"""Ids that Dragoman derives are UUIDv5 of what they identify, as the standard library makes them."""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dragoman.schema.rows import NAMESPACE, derive_id

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(identity=st.lists(values, max_size=5))
def test_a_derived_id_is_the_standard_library_s(identity: list[object]) -> None:
    expected = uuid5(NAMESPACE, msgspec.json.encode(identity).decode())

    assert derive_id(*identity) == str(expected)
    assert UUID(derive_id(*identity)).version == 5
