"""Dragoman's own formats keep everything that the schema holds."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from dragoman.conformance import strategies
from dragoman.errors import Conflict, InvalidData
from dragoman.formats.native import (
    NdjsonReader,
    NdjsonWriter,
    ParquetReader,
    ParquetWriter,
    recognise_ndjson,
    recognise_parquet,
)
from dragoman.schema import Box, Checklist, Feature, Item, Label, Number, Ontology, Prediction, Radio, Text

FORMATS = {
    "ndjson file": ("data.ndjson", NdjsonWriter, NdjsonReader),
    "ndjson folder": ("data", NdjsonWriter, NdjsonReader),
    "parquet": ("data", ParquetWriter, ParquetReader),
}
each = pytest.mark.parametrize(("name", "writer", "reader"), FORMATS.values(), ids=FORMATS.keys())
ONTOLOGY = Ontology(name="o", features=(Feature(name="f"),))
ROW = Label("i", "f", Box(1, 2, 3, 4), "1")

answers = st.one_of(
    st.builds(Radio.of, strategies.names),
    st.lists(strategies.names, unique=True).map(lambda found: Checklist.of(*found)),
    st.builds(Text, strategies.texts),
    st.builds(Number, strategies.numbers),
)


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Ontology, list[Item], list[Label]]:
    items = draw(st.lists(strategies.items, min_size=1, max_size=3, unique_by=lambda item: item.key))
    items = [
        msgspec.structs.replace(item, data=draw(st.none() | st.binary()), orientation=draw(st.integers(1, 8)))
        for item in items
    ]
    names = draw(st.lists(strategies.names, min_size=1, max_size=2, unique=True))
    rows = draw(st.lists(st.one_of(strategies.labels_with(), strategies.predictions_with()), max_size=5))
    made = [
        msgspec.structs.replace(
            row,
            item=draw(st.sampled_from(items)).key,
            feature=draw(st.sampled_from(names)),
            answer=draw(st.none() | answers),
            attributes=draw(st.just(row.attributes) | st.dictionaries(strategies.texts, answers, max_size=2)),
        )
        for row in rows
    ]
    features = tuple(Feature(name=name, color="#00ff00", geometries=("box",)) for name in names)
    return Ontology(name="o", features=features, id="x"), items, made


@each
@given(dataset=datasets())
def test_everything_comes_back(
    name: str, writer: Any, reader: Any, dataset: tuple[Ontology, list[Item], list[Label]]
) -> None:
    ontology, items, rows = dataset
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        writer(path).write(ontology, items, rows)
        found = reader(path)
        assert found.ontology() == ontology
        assert list(found.items()) == items
        again = list(found.rows())
        assert again == rows
        assert [type(row) for row in again] == [type(row) for row in rows]
        assert [recognise_ndjson(path), recognise_parquet(path)] == [reader is NdjsonReader, reader is ParquetReader]


@each
def test_confidence_0_and_no_confidence_are_two_things(tmp_path: Path, name: str, writer: Any, reader: Any) -> None:
    rows = [Prediction("i", "f", Box(1, 2, 3, 4), str(n), confidence=value) for n, value in enumerate((0.0, None))]
    writer(tmp_path / name).write(ONTOLOGY, [Item("i")], rows)
    assert [row.confidence for row in reader(tmp_path / name).rows()] == [0.0, None]


@each
@pytest.mark.parametrize("text", ["line\u2028separator", "next\u0085line", "a\nb", "Größe 猫 🦊"])
def test_unicode_names_are_kept(tmp_path: Path, name: str, writer: Any, reader: Any, text: str) -> None:
    rows = [Label(text, text, Box(1, 2, 3, 4), text, attributes={text: text})]
    writer(tmp_path / name).write(Ontology(name=text, features=(Feature(name=text),)), [Item(text)], rows)
    assert list(reader(tmp_path / name).rows()) == rows


@each
@pytest.mark.parametrize("bad", [{"item": "nowhere"}, {"feature": "nothing"}])
def test_a_bad_row_leaves_nothing_behind(tmp_path: Path, name: str, writer: Any, reader: Any, bad: Any) -> None:
    with pytest.raises(InvalidData) as caught:
        writer(tmp_path / name).write(ONTOLOGY, [Item("i")], [ROW, msgspec.structs.replace(ROW, **bad)])
    assert (caught.value.row, caught.value.field) == (1, next(iter(bad)))
    assert list(tmp_path.iterdir()) == []


@each
def test_an_item_that_is_there_twice_is_refused(tmp_path: Path, name: str, writer: Any, reader: Any) -> None:
    with pytest.raises(InvalidData, match="Two items have the key 'i'"):
        writer(tmp_path / name).write(ONTOLOGY, [Item("i"), Item("i")], [])


@each
def test_nothing_is_written_over(tmp_path: Path, name: str, writer: Any, reader: Any) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(Conflict):
        writer(tmp_path / name).write(ONTOLOGY, [], [])


@each
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, name: str, writer: Any, reader: Any) -> None:
    def rows(count: int) -> Iterator[Label]:
        return (Label("i", "f", Box(n, 2, 3, 4), str(n)) for n in range(count))

    def peak(count: int) -> int:
        path = tmp_path / str(count) / name
        tracemalloc.start()
        writer(path).write(ONTOLOGY, [Item("i")], rows(count))
        assert sum(1 for _ in reader(path).rows()) == count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(24_000) < 1.2 * peak(12_000)


# -- bad NDJSON ------------------------------------------------------------------------------------------------------


def lines(tmp_path: Path, *more: bytes) -> Path:
    path = tmp_path / "in.ndjson"
    NdjsonWriter(path).write(ONTOLOGY, [Item("i")], [ROW])
    path.write_bytes(path.read_bytes() + b"".join(more))
    return path


GOOD = b'{"label":{"item":"i","feature":"f","geometry":{"type":"whole"},"id":"9"}}\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense\n", "malformed"),
        (
            b'{"label":{"item":"i","feature":"f","geometry":{"type":"box","x":1,"y":1,"width":-1,"height":1}}}\n',
            "negative",
        ),
        (b'{"label":{"item":"i"}}\n', "feature"),
        (b'{"lable":{}}\n', "lable"),
        (b'{"item":{"key":""}}\n', "no key"),
        (b"\xff\n", "malformed|utf"),
    ],
)
def test_a_bad_line_is_refused_with_its_place_or_collected(tmp_path: Path, line: bytes, words: str) -> None:
    path = lines(tmp_path, line, GOOD)
    offset = path.read_bytes().index(line)
    with pytest.raises(InvalidData, match=words) as caught:
        list(NdjsonReader(path).rows())
    assert caught.value.row == 4
    assert f"{path}, byte {offset}" in str(caught.value)
    reader = NdjsonReader(path, on_error="collect")
    assert [row.id for row in reader.rows()] == ["1", "9"]
    assert len(reader.errors) == 1


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="ends in the middle of a line"):
        list(NdjsonReader(lines(tmp_path, GOOD[:-1])).rows())


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"dragoman":99}\n')
    with pytest.raises(InvalidData, match="later Dragoman"):
        NdjsonReader(path)


def test_other_ndjson_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b"{}\n")
    with pytest.raises(InvalidData, match="header"):
        NdjsonReader(path)


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    NdjsonWriter(tmp_path / "data").write(ONTOLOGY, [Item("i")], [ROW])
    (tmp_path / "data" / "rows.ndjson").unlink()
    with pytest.raises(InvalidData, match=r"There is no .*rows\.ndjson"):
        list(NdjsonReader(tmp_path / "data").rows())


# -- bad Parquet -----------------------------------------------------------------------------------------------------


def test_a_bad_row_of_parquet_is_refused_with_its_place_or_passed_over(tmp_path: Path) -> None:
    rows = [Label("i", "f", Box(1, 1, 2, 2), id=str(number)) for number in range(3)]
    ParquetWriter(tmp_path / "data").write(ONTOLOGY, [Item("i")], rows)
    path = tmp_path / "data" / "rows.parquet"
    table = parquet.read_table(path)
    widths = pa.array([2.0, -1.0, 2.0])
    parquet.write_table(table.set_column(table.schema.get_field_index("width"), "width", widths), path)

    with pytest.raises(InvalidData, match=r"rows\.parquet.*negative") as caught:
        list(ParquetReader(tmp_path / "data").rows())
    assert caught.value.row == 1
    reader = ParquetReader(tmp_path / "data", on_error="collect")
    assert [row.id for row in reader.rows()] == ["0", "2"]
    assert [error.row for error in reader.errors] == [1]


def test_parquet_without_a_column_says_which(tmp_path: Path) -> None:
    ParquetWriter(tmp_path / "data").write(ONTOLOGY, [Item("i")], [ROW])
    path = tmp_path / "data" / "rows.parquet"
    parquet.write_table(parquet.read_table(path).drop_columns(["track_id"]), path)

    with pytest.raises(InvalidData, match=r"rows\.parquet: The table has no column 'track_id'"):
        list(ParquetReader(tmp_path / "data", on_error="collect").rows())


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    for name in ("items.parquet", "rows.parquet"):
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(InvalidData, match="no Parquet"):
        ParquetReader(tmp_path)


def test_parquet_without_its_items_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"items\.parquet"):
        ParquetReader(tmp_path)
