"""Rows and items become Arrow tables and come back."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as compute
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.conformance import strategies
from dragoman.errors import InvalidData
from dragoman.interop.arrow import from_arrow, item_schema, items_from_arrow, items_to_arrow, row_schema, to_arrow
from dragoman.schema import Box, Item, Label, Prediction, Whole

rows = st.lists(st.one_of(strategies.labels_with(), strategies.predictions_with()), max_size=6)


@given(rows, st.integers(1, 4))
def test_rows_come_back(found: list[Label], size: int) -> None:
    table = pa.Table.from_batches(to_arrow(found, batch_size=size), row_schema())
    again = list(from_arrow(table))
    assert again == found
    assert [type(row) for row in again] == [type(row) for row in found]


@given(st.lists(strategies.items, max_size=4))
def test_items_come_back(found: list[Item]) -> None:
    assert list(items_from_arrow(pa.Table.from_batches(items_to_arrow(found), item_schema()))) == found


def test_columns_can_be_queried() -> None:
    found = [Prediction("i", "f", Box(n, 0, 1, 1), confidence=n / 10) for n in range(10)]
    table = pa.Table.from_batches(to_arrow(found), row_schema())
    sure = table.filter(compute.field("confidence") >= 0.5)
    assert [row.geometry.x for row in from_arrow(sure)] == [5, 6, 7, 8, 9]  # type: ignore[union-attr]


def test_batches_are_no_larger_than_asked() -> None:
    found = [Label("i", "f", Box(n, 0, 1, 1)) for n in range(10)]
    assert [batch.num_rows for batch in to_arrow(found, batch_size=4)] == [4, 4, 2]


def test_a_bad_value_is_refused_with_its_row() -> None:
    table = pa.Table.from_batches(to_arrow([Label("i", "f", Box(n, 0, 1, 1)) for n in range(3)]), row_schema())
    widths = pa.array([1.0, 1.0, -1.0])
    damaged = table.set_column(table.schema.get_field_index("width"), "width", widths)
    with pytest.raises(InvalidData, match="not negative") as caught:
        list(from_arrow(damaged))
    assert caught.value.row == 2


def changed(**columns: object) -> pa.Table:
    """Return the table of two labels, the second of which has other values in some columns."""
    rows = pa.Table.from_batches(to_arrow([Label("i", "f", Box(n, 0, 1, 1)) for n in range(2)])).to_pylist()
    rows[1] |= columns
    return pa.Table.from_pylist(rows, row_schema())


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"geometry_type": "mask", "geometry": '{"type":"mask","height":"x"}'}, "geometry.height"),
        ({"answer": '{"type":"radio","option":{"name":1}}'}, "answer.option.name"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": "{"}, "metadata"),
        ({"frame": -1}, "frame"),
        ({"kind": "bogus"}, "kind"),
        ({"kind": None}, "kind"),
        ({"metadata": '{"x":' + "[" * 3000 + "]" * 3000 + "}"}, "metadata"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(columns: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidData) as caught:
        list(from_arrow(changed(**columns)))

    assert (caught.value.row, caught.value.field) == (1, field)


def test_answers_that_are_nested_too_deeply_are_refused() -> None:
    answer = '{"type":"text","text":"x"}'
    for _ in range(400):
        answer = f'{{"type":"radio","option":{{"name":"n","attributes":{{"q":{answer}}}}}}}'

    with pytest.raises(InvalidData, match="nested too deeply"):
        list(from_arrow(changed(answer=answer)))


def test_metadata_of_an_item_that_are_nested_too_deeply_are_refused() -> None:
    table = pa.Table.from_batches(items_to_arrow([Item("a")]))
    deep = pa.array(['{"x":' + "[" * 3000 + "]" * 3000 + "}"])
    damaged = table.set_column(table.schema.get_field_index("metadata"), "metadata", deep)

    with pytest.raises(InvalidData, match="metadata is nested too deeply") as caught:
        list(items_from_arrow(damaged))

    assert (caught.value.row, caught.value.field) == (0, "metadata")


def test_a_missing_column_is_named() -> None:
    table = pa.Table.from_batches(to_arrow([Label("i", "f", Box(1, 0, 1, 1))]), row_schema())
    with pytest.raises(InvalidData, match="no column 'item'"):
        list(from_arrow(table.drop_columns(["item"])))


def test_a_column_that_is_there_twice_is_named() -> None:
    table = pa.Table.from_batches(to_arrow([Label("i", "f", Box(1, 0, 1, 1))]), row_schema())
    with pytest.raises(InvalidData, match="more than one column 'item'"):
        list(from_arrow(table.append_column("item", pa.array(["j"]))))


def test_a_single_batch_is_read_as_it_is() -> None:
    row, item = Label("i", "f", Box(1, 0, 1, 1)), Item("i", split="train")
    assert list(from_arrow(next(to_arrow([row])))) == [row]
    assert list(items_from_arrow(next(items_to_arrow([item])))) == [item]


def test_what_is_no_batch_is_said_to_be_none() -> None:
    with pytest.raises(InvalidData, match="A dict was given in the place of a record batch"):
        list(from_arrow([{"item": "i"}]))  # type: ignore[list-item]


def test_a_column_of_numbers_in_the_place_of_json_is_named() -> None:
    table = changed()
    damaged = table.set_column(table.schema.get_field_index("metadata"), "metadata", pa.array([None, 7]))
    with pytest.raises(InvalidData, match="metadata is not JSON") as caught:
        list(from_arrow(damaged))
    assert (caught.value.row, caught.value.field) == (1, "metadata")


@pytest.mark.parametrize(
    ("row", "field"),
    [(Label("i", "f", Whole(), id="\ud800"), "id"), (Label("i", "f", Whole(), frame=2**70), "frame")],
)
def test_what_has_no_place_in_a_column_names_it(row: Label, field: str) -> None:
    with pytest.raises(InvalidData, match=f"{field} has no place in a column of") as caught:
        list(to_arrow([row]))
    assert caught.value.field == field


def test_items_are_not_taken_for_rows() -> None:
    with pytest.raises(InvalidData, match=r"A Item is no row\. Items have `items_to_arrow`"):
        list(to_arrow([Item("i")]))  # type: ignore[list-item]
