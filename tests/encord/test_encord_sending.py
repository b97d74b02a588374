"""What is sent over the older protocol is encoded by the plugin, as the SDK would have encoded it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman_encord.sdk import encoded

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_is_encoded_is_ascii_and_reads_as_it_was(value: Any) -> None:
    text = encoded(value)
    assert text.isascii()
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "value",
    [
        {"a": {}, "b": [], "c": [1, 2.0, -0.5, True, None], "d": [[0.1, 0.30000000000000004]]},
        {"quoted": 'say "é"', "far": "\U0001f600", "separator": "\u2028", "control": "\n\x00", "back": "\\u00e9"},
    ],
)
def test_what_is_encoded_is_but_for_spaces_what_the_sdk_would_send(value: Any) -> None:
    assert encoded(value) == json.dumps(value, separators=(",", ":"))
