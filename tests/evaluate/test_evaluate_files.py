"""Rows of files: plain boxes are read as columns, and that makes no difference but to the time it takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Box, Feature, InvalidData, Item, Label, Ontology, Point, Prediction, Provenance
from dragoman.errors import NotFound
from dragoman.evaluate import evaluate, plain, study
from dragoman.evaluate.columns import Columns
from dragoman.evaluate.files import labels_of, predictions_of
from dragoman.evaluate.index import Index
from dragoman.evaluate.sources import Batch, Source
from dragoman.formats.native import NdjsonWriter, ParquetWriter

ONTOLOGY = Ontology(name="o", features=(Feature(name="cat"), Feature(name="dog")))
ITEMS = [Item(key) for key in "abc"]
LABELS = [
    Label("a", "cat", Box(0, 0, 10, 10), id="1", metadata={"coco": {"iscrowd": 1}}),
    Label("b", "dog", Box(1, 2, 3.5, 4), id="2", metadata={"coco": 7}, attributes={"wet": True}),
    Label("b", "cat", Box(1, 2, 30, 40), id="7", metadata={"coco": {"area": 900.5}}),
    Label("c", "cat", Box(1, 2, 30, 40), id="8", metadata={"area": 5, "iscrowd": 1}),
]
PREDICTIONS = [
    Prediction("c", "dog", Box(1, 2, 3, 4), id="3", confidence=0.25, provenance=Provenance("encord", "x")),
    Prediction("a", "cat", Box(-1, 2, 0, 4), id="4", class_pdf={"cat": 0.75, "dog": 0.25}),
]

Write = Callable[[list[Label]], Path]


@pytest.fixture(params=["file of lines", "folder of lines", "parquet"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Writes rows, with a name for the file that is made."""

    def made(rows: list[Label]) -> Path:
        if request.param == "parquet":
            ParquetWriter(tmp_path / "rows").write(ONTOLOGY, ITEMS, rows)
            return tmp_path / "rows"
        path = tmp_path / ("rows.ndjson" if request.param == "file of lines" else "rows")
        NdjsonWriter(path).write(ONTOLOGY, ITEMS, rows)
        return path

    return made


def gathered(source: Any) -> tuple[Any, ...]:
    """All that an evaluation knows of rows."""
    columns = Columns("box", Index(), Index())
    columns.add(Source(source).pieces(columns.units, columns.features))
    units, features = columns.units.names(), columns.features.names()
    return (
        [units[n] for n in columns.unit],
        [features[n] for n in columns.feature],
        columns.score.tolist(),
        columns.boxes.tolist(),
        columns.crowd.tolist(),
        columns.areas,
        list(columns.ids),
        columns.skipped,
    )


def gathered_from_rows(source: Any) -> tuple[Any, ...]:
    """The same, with the file's reader making rows first."""
    return gathered(list(source))


def kinds_of_pieces(source: Any) -> list[bool]:
    """Whether each piece of a file is columns."""
    return [isinstance(piece, Batch) for piece in source.batches(Index(), Index(), None)]


def test_plain_boxes_are_columns_and_the_same_as_rows(write: Write) -> None:
    path = write([*LABELS, *PREDICTIONS])

    assert gathered(labels_of(path))[5] == {2: 900.5}
    for source, rows in ((labels_of(path), LABELS), (predictions_of(path), PREDICTIONS)):
        assert list(source) == rows
        assert all(kinds_of_pieces(source))
        assert gathered(source) == gathered(rows)


def test_what_is_no_plain_box_is_read_as_rows(write: Write) -> None:
    others = [
        Label("a", "cat", Point(1, 2), id="p"),
        Label("a", "cat", Box(1, 2, 3, 4), id="f", frame=3),
        Label("a", "cat", Box(1, 2, 3, 4), id="s", frame=1, span=(0, 3), track_id="t", interpolation="linear"),
    ]
    path = write([*LABELS, *others])

    assert gathered(labels_of(path)) == gathered([*LABELS, *others])
    assert kinds_of_pieces(labels_of(path))[-1] is False


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are columns at a time."""
    monkeypatch.setattr(plain, "CHUNK", 100)
    monkeypatch.setattr(plain, "BATCH", 10)


@pytest.mark.usefixtures("_small_pieces")
def test_rows_after_many_plain_ones_are_neither_lost_nor_doubled(write: Write) -> None:
    rows: list[Label] = [
        Label("a", "cat", Box(n, 0, 1, 1), id=f"{n}", metadata={"coco": {"area": n}} if n % 9 else {})
        for n in range(70)
    ]
    rows.append(Label("a", "cat", Box(0, 0, 1, 1), id="last", frame=1))
    path = write(rows)

    *before, last = kinds_of_pieces(labels_of(path))
    assert len(before) > 5
    assert all(before)
    assert not last
    assert gathered(labels_of(path)) == gathered(rows)


def test_items_are_chosen_and_what_is_on_others_is_counted(write: Write) -> None:
    path = write([*LABELS, *PREDICTIONS])
    for labels, predictions in ((labels_of(path), predictions_of(path)), (LABELS, PREDICTIONS)):
        found = study(labels, predictions, version="v", dataset="d", items={"b", "c"})

        assert (found.evaluation.labels, found.evaluation.predictions, found.left_out) == (3, 1, 2)
        assert found.matches is not None
        assert found.matches.truth.units.names() == ["b", "c"]
        assert found.matches.truth.areas == {1: 900.5}


def test_the_figures_are_those_of_rows(write: Write) -> None:
    rng = np.random.default_rng(3)
    boxes = [Box(*row) for row in rng.uniform(5, 60, (60, 4)).tolist()]
    labels = [Label("abc"[n % 3], "cat", box, id=f"l{n}") for n, box in enumerate(boxes)]
    said = [
        Prediction("abc"[n % 3], "cat", Box(box.x + n % 4, box.y, box.width, box.height), confidence=n / 60, id=f"p{n}")
        for n, box in enumerate(boxes)
    ]
    path = write([*labels, *said])

    found = evaluate(labels_of(path), predictions_of(path), version="v", dataset="d")

    assert found == evaluate(labels, said, version="v", dataset="d")


def test_an_id_that_occurs_twice_is_refused(write: Write) -> None:
    path = write([*LABELS, *LABELS])
    with pytest.raises(InvalidData, match=r"'[12]' occurs twice"):
        gathered(labels_of(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        labels_of(tmp_path / "nowhere")


# -- lines that are odd or wrong --------------------------------------------------------------------------------------

HEAD = b'{"dragoman":1}\n{"ontology":{"name":"o","features":[{"name":"cat"}]}}\n'
GOOD = {"item": "a", "feature": "cat", "geometry": {"type": "box", "x": 1, "y": 2, "width": 3, "height": 4}, "id": "i"}


def outcome(read: Callable[[], Any]) -> Any:
    """What reading gives, or the error's words, row and field."""
    try:
        return read()
    except InvalidData as error:
        return error.message, error.row, error.field


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "box", "none", "x"]),
    st.dictionaries(st.sampled_from(["cat", "x"]), st.floats(-1, 2), max_size=1),
)
fields = st.sampled_from([*Prediction.__struct_fields__, "unknown"])
shapes = st.dictionaries(st.sampled_from(["type", "x", "y", "width", "height", "more"]), values, max_size=2)


@given(changes=st.dictionaries(fields, values, max_size=3), shape=shapes, left=st.sets(st.sampled_from(list(GOOD))))
def test_a_line_is_taken_or_refused_as_the_reader_does_it(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], shape: dict[str, Any], left: set[str]
) -> None:
    row = {**GOOD, **changes}
    if isinstance(row["geometry"], dict) and "geometry" not in changes:
        row["geometry"] = {**GOOD["geometry"], **shape}  # type: ignore[dict-item]
    for name in left if len(left) == 1 else ():
        row.pop(name, None)
    path = tmp_path_factory.mktemp("lines") / "rows.ndjson"
    path.write_bytes(HEAD + msgspec.json.encode({"prediction": row}) + b"\n")

    assert outcome(lambda: gathered(predictions_of(path))) == outcome(lambda: gathered(list(predictions_of(path))))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"\n", "Input data was truncated"),
        (msgspec.json.encode({"label": GOOD}), "ends in the middle of a line"),
        (b'{"label": 3}\n', "got `int`"),
        (b'{"lable": {}}\n', "unknown field `lable`"),
        (b"\xff\n", "byte 69"),
    ],
)
def test_a_bad_line_is_named_by_the_reader(tmp_path: Path, lines: bytes, reason: str) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_bytes(HEAD + lines)
    with pytest.raises(InvalidData, match=reason) as refusal:
        gathered(labels_of(path))
    assert refusal.value.row == 2


# -- tables that are odd or wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("confidence", 1.5),
        ("confidence", float("nan")),
        ("width", -1.0),
        ("x", float("inf")),
        ("x", None),
        ("item", ""),
        ("feature", None),
        ("geometry_type", None),
        ("geometry_type", "point"),
        ("frame", -1),
        ("id", None),
        ("id", ""),
        ("kind", "something else"),
    ],
)
def test_a_table_is_taken_or_refused_as_the_reader_does_it(tmp_path: Path, column: str, value: Any) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    ParquetWriter(tmp_path / "rows").write(ONTOLOGY, ITEMS, PREDICTIONS)
    path = tmp_path / "rows" / "rows.parquet"
    table = parquet.read_table(path)
    place = table.column_names.index(column)
    changed = pa.array([value, *table[column].to_pylist()[1:]], table.schema.field(column).type)
    parquet.write_table(table.set_column(place, table.schema.field(column), changed), path)
    source = predictions_of(tmp_path / "rows")

    assert outcome(lambda: gathered(source)) == outcome(lambda: gathered(list(source)))


@pytest.mark.parametrize("kind", ["large_string", "dictionary", "bytes that are no text"])
def test_ids_that_another_writer_holds_otherwise_are_read_as_the_reader_does_it(tmp_path: Path, kind: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for number, rows in enumerate(([*LABELS, *PREDICTIONS], [*LABELS, *LABELS])):
        ParquetWriter(folder := tmp_path / str(number)).write(ONTOLOGY, ITEMS, rows)
        path = folder / "rows.parquet"
        table = parquet.read_table(path)
        ids: pa.Array = table["id"].combine_chunks()
        if kind == "dictionary":
            ids = ids.dictionary_encode()
        elif kind == "large_string":
            ids = ids.cast(pa.large_string())
        else:
            ids = pa.array([b"\xff", *ids.cast(pa.binary()).to_pylist()[1:]]).view(pa.string())
        place = table.column_names.index("id")
        kept = table.set_column(place, pa.field("id", ids.type), ids).replace_schema_metadata(table.schema.metadata)
        parquet.write_table(kept, path)
        source = labels_of(folder)

        assert outcome(partial(gathered, source)) == outcome(partial(gathered_from_rows, source))


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    from pyarrow import parquet

    ParquetWriter(tmp_path / "rows").write(ONTOLOGY, ITEMS, LABELS)
    path = tmp_path / "rows" / "rows.parquet"
    parquet.write_table(parquet.read_table(path).drop_columns(["confidence"]), path)
    with pytest.raises(InvalidData, match="no column 'confidence'"):
        gathered(labels_of(tmp_path / "rows"))


@pytest.mark.usefixtures("_small_pieces")
def test_chunks_end_where_lines_do(tmp_path: Path) -> None:
    rows = [Label("a", "cat", Box(n, 0, 1, 1), id="x" * n + "!") for n in range(300)]
    NdjsonWriter(tmp_path / "rows.ndjson").write(ONTOLOGY, ITEMS, rows)

    assert gathered(labels_of(tmp_path / "rows.ndjson")) == gathered(rows)
