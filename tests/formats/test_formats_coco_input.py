"""Bad COCO input: the error names the file and the byte, or the row; nothing is passed over unless asked."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidData
from dragoman.formats.coco import CocoReader, brackets, scan
from dragoman.formats.coco.decode import batches
from dragoman.formats.coco.ids import SeenIds
from dragoman.formats.coco.scan import Section, rest_of, sections

IMAGE = {"id": 1, "file_name": "1.jpg", "width": 10, "height": 10}
CATEGORY = {"id": 1, "name": "cat"}
GOOD = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}


def put(tmp_path: Path, content: Any = None, **members: Any) -> Path:
    whole = {"images": [IMAGE], "annotations": [GOOD], "categories": [CATEGORY], **members}
    path = tmp_path / "in.json"
    path.write_text(content if isinstance(content, str) else json.dumps(whole), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> CocoReader:
    reader = CocoReader(path, **options)
    reader.ontology()
    list(reader.items())
    list(reader.rows())
    return reader


@pytest.mark.parametrize("end", [1, 30, 120, -2])
def test_a_truncated_file_says_at_which_byte_it_ends(tmp_path: Path, end: int) -> None:
    path = put(tmp_path)
    text = path.read_bytes()[:end]
    path.write_bytes(text)
    with pytest.raises(InvalidData, match=f"malformed at byte {len(text)}: the file ends here") as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ('{"images": [}', "malformed at byte"),
        ('{"images": [], "annotations": [], "categories": []} {}', "byte 52: something follows"),
        ('{"images": [], "images": []}', "there twice"),
        ("[1, 2", "ends here"),
        ("nonsense", "byte 0: it begins with neither"),
        ('{"images": [],}', "comma is followed by nothing"),
        ('{"images": [] "annotations": []}', "comma is missing"),
        ("", "byte 0: the file ends"),
    ],
)
def test_what_is_no_json_is_refused_with_its_byte(tmp_path: Path, damage: str, reason: str) -> None:
    with pytest.raises(InvalidData, match=reason):
        read(put(tmp_path, damage))


def test_a_bad_token_among_the_annotations_is_refused_with_its_byte(tmp_path: Path) -> None:
    path = put(tmp_path)
    text = path.read_text().replace('"bbox": [1, 2', '"bbox": [1, x')
    path.write_text(text)
    with pytest.raises(InvalidData, match=f"byte {text.index('x, 3')}"):
        read(path)


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="malformed at byte"):
        read(put(tmp_path, annotations=[{**GOOD, "bbox": [1, 2, 3, float("nan")]}]))


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"image_id": 5}, "image_id", "no image with the id 5"),
        ({"category_id": 5}, "category_id", "no category with the id 5"),
        ({"image_id": "1 "}, "image_id", "no image"),
        ({"bbox": [1, 2, 3]}, "bbox", "3 numbers"),
        ({"bbox": [1, 2, -3, 4]}, "geometry.width", "not negative"),
        ({"bbox": "big"}, "bbox", "got `str`"),
        ({"id": [1]}, "id", "got `array`"),
        ({"segmentation": [[0, 0, 1, 1]]}, "segmentation", "4 numbers"),
        ({"segmentation": [[0, 0, 1, 1, 2, 2, 3]]}, "segmentation", "7 numbers"),
        ({"segmentation": {"size": [2, 2], "counts": [3]}}, "geometry.counts", "3 pixels of 4"),
        ({"segmentation": {"size": [2, 2], "counts": "\u00e9"}}, "counts", "ASCII"),
        ({"segmentation": {"size": [2, 2], "counts": "5"}}, "counts", "5 pixels of 4|longer"),
        ({"keypoints": [1, 2]}, None, "keypoint"),
        ({"keypoints": [1, 2, 9]}, "keypoints", "visibility 9"),
        ({"score": 2}, "confidence", "between 0 and 1"),
        ({"id": 0}, "id", "there twice"),
    ],
)
def test_a_bad_annotation_is_refused_with_its_place_or_collected(
    tmp_path: Path, members: dict[str, Any], field: str | None, words: str
) -> None:
    first, bad, last = {**GOOD, "id": 0}, {**GOOD, "id": 7, **members}, {**GOOD, "id": 8}
    path = put(tmp_path, annotations=[first, bad, last])
    if words == "keypoint":
        first["keypoints"] = bad["keypoints"] = [1, 2]
        path = put(tmp_path, annotations=[{**GOOD, "id": 0}, {**GOOD, "id": 7, "keypoints": [1, 2, 2, 3]}, last])
    with pytest.raises(InvalidData, match=words) as caught:
        read(path)
    assert caught.value.row == 1
    text = path.read_text()
    place = text.index("{", text.index("}", text.index('"annotations"')))
    assert f"{path}, byte {place}" in str(caught.value)
    if field:
        assert caught.value.field == field
    reader = CocoReader(path, on_error="collect")
    assert [row.id for row in reader.rows()] == ["0", "8"]
    assert [error.row for error in reader.errors] == [1]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([IMAGE, {**IMAGE, "file_name": "2.jpg"}], "image id 1 is there twice"),
        ([IMAGE, {**IMAGE, "id": 2}], "file name '1.jpg'"),
        ([IMAGE, {**IMAGE, "id": 2, "file_name": "../2.jpg"}], "leads out"),
        ([IMAGE, {**IMAGE, "id": 2, "file_name": "/etc/passwd"}], "leads out"),
        ([IMAGE, {**IMAGE, "id": 2, "file_name": "C:\\2.jpg"}], "leads out"),
        ([IMAGE, {**IMAGE, "id": 2, "file_name": "..\\2.jpg"}], "leads out"),
        ([IMAGE, {**IMAGE, "id": 2, "file_name": ""}], "no file name"),
        ([IMAGE, {"id": 2, "file_name": "2.jpg", "width": 0}], "must be positive"),
        ([IMAGE, {"id": 2, "width": 5}], "file_name"),
    ],
)
def test_a_bad_image_is_refused_with_its_place_or_collected(tmp_path: Path, images: list[Any], words: str) -> None:
    path = put(tmp_path, images=images)
    with pytest.raises(InvalidData, match=words) as caught:
        read(path)
    assert caught.value.row == 1
    assert f"{path}, byte {path.read_text().index('{', path.read_text().index('}'))}" in str(caught.value)
    reader = CocoReader(path, on_error="collect")
    assert [item.key for item in reader.items()] == ["1.jpg"]
    assert len(reader.errors) == 1


@pytest.mark.parametrize(
    ("categories", "words"),
    [
        ([CATEGORY, {"id": 1, "name": "dog"}], "id 1 is there twice"),
        ([CATEGORY, {"id": 2, "name": "cat"}], "have the name 'cat'"),
        ([CATEGORY, {"id": 2, "name": ""}], "has no name"),
        ([CATEGORY, {"id": 2, "name": "x", "keypoints": ["a"], "skeleton": [[0, 1]]}], "not there"),
    ],
)
def test_a_bad_category_is_refused_or_collected(tmp_path: Path, categories: list[Any], words: str) -> None:
    path = put(tmp_path, categories=categories)
    with pytest.raises(InvalidData, match=words) as caught:
        read(path)
    assert caught.value.row == 1
    reader = CocoReader(path, on_error="collect")
    assert [feature.name for feature in reader.ontology().features] == ["cat"]


@pytest.mark.parametrize("missing", ["images", "categories"])
def test_a_file_without_a_table_is_no_coco(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps({name: [] for name in ("images", "annotations", "categories") if name != missing}))
    with pytest.raises(InvalidData, match=f"no '{missing}'"):
        read(path)


def test_a_table_that_is_no_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="array was expected"):
        read(put(tmp_path, annotations={"a": 1}))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    text = put(tmp_path).read_text().replace("[1, 2, 3, 4]", deep)
    with pytest.raises(InvalidData, match=r"malformed at byte \d+: it is nested too deeply"):
        read(put(tmp_path, text))


def test_a_polygon_of_millions_of_vertices_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brackets, "LONGEST_ELEMENT", 4 << 20)
    huge = [[1.5] * 2_000_000]
    path = put(tmp_path, annotations=[GOOD, {**GOOD, "id": 2, "segmentation": huge}])
    del huge
    tracemalloc.start()
    with pytest.raises(InvalidData, match=r"an element at byte \d+ that is longer than 4 MiB"):
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20


def test_memory_does_not_grow_with_the_annotations(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = put(tmp_path, annotations=[{**GOOD, "id": n, "segmentation": [[0.5] * 60]} for n in range(count)])
        tracemalloc.start()
        for _ in CocoReader(path).rows():
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(12_000) < 1.1 * peak(4_000)


# -- the scanner -----------------------------------------------------------------------------------------------------

texts = st.one_of(st.text(), st.sampled_from(['"', "\\", '\\"', "[", "]", "{", "}", '"]', "}, {", '],"categories":[']))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1000, 1000), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
elements = st.lists(st.dictionaries(texts, values, max_size=4), max_size=12)
orders = st.permutations(["images", "annotations", "categories", "info", "other"])


@given(st.data(), orders, elements, st.sampled_from([None, 2]), st.booleans(), st.integers(8, 200))
def test_sections_are_found_whatever_the_strings_and_the_order(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    order: list[str],
    found: list[Any],
    indent: int | None,
    ascii_only: bool,
    chunk: int,
) -> None:
    content = {name: data.draw(values) for name in order} | {"annotations": found}
    if data.draw(st.booleans()):
        content |= {"images": data.draw(elements), "categories": data.draw(elements)}
    path = tmp_path_factory.mktemp("scan") / "in.json"
    path.write_bytes(json.dumps(content, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brackets, "CHUNK", chunk)
        patch.setattr(scan, "CHUNK", chunk)
        patch.setattr("dragoman.formats.coco.decode.CHUNK", chunk)
        patch.setattr("dragoman.formats.coco.decode.BATCH", max(1, chunk // 4))
        patch.setattr(brackets, "_PIECE", max(4, chunk // 4))
        patch.setattr(scan, "_TAIL", 4 * chunk)
        text = path.read_bytes()
        exact = sections(path)
        assert {name: json.loads(text[one.start : one.end]) for name, one in exact.items()} == content
        assert _elements(path, exact["annotations"]) == found
        spared = sections(path, streamed="annotations", tables=frozenset({"images", "categories"}))
        assert {"images", "annotations", "categories"} <= spared.keys()
        assert json.loads(text[spared["images"].start : spared["images"].end]) == content["images"]
        assert json.loads(text[spared["categories"].start : spared["categories"].end]) == content["categories"]
        assert _elements(path, spared["annotations"]) == found


def _elements(path: Path, section: Section) -> list[Any]:
    decoder = msgspec.json.Decoder(list[msgspec.Raw])
    read_ones = [
        (batch.first, [json.loads(bytes(raw)) for raw in raws]) for batch, raws in batches(path, section, decoder)
    ]
    assert [first for first, _ in read_ones] == [
        sum(len(ones) for _, ones in read_ones[:n]) for n in range(len(read_ones))
    ]
    return [one for _, ones in read_ones for one in ones]


def test_what_follows_the_annotations_is_not_taken_for_them(tmp_path: Path) -> None:
    many = [{**GOOD, "id": n} for n in range(20_000)]
    content = {"images": [IMAGE], "annotations": many, "other": [{"id": 1}, {"a": 2}], "categories": [CATEGORY]}
    path = put(tmp_path, json.dumps(content))
    assert len(list(CocoReader(path).rows())) == 20_000


def test_the_rest_of_an_array_is_found(tmp_path: Path) -> None:
    path = put(tmp_path, '[{"a": 1}, {"a": 2}]')
    assert rest_of(path, 9).end == 20


@given(st.lists(st.lists(st.one_of(st.integers(-20, 2000), st.sampled_from(["a", "5", "b"])), max_size=6), max_size=8))
def test_ids_that_were_seen_are_known(groups: list[list[int | str]]) -> None:
    seen, plain = SeenIds(), set[str]()
    for group in groups:
        new = [str(each) for each in group]
        expected = len(set(new)) == len(new) and not plain & set(new)
        assert seen.add_all(group) is expected
        if expected:
            plain |= set(new)
    assert all(seen.has(each) for each in plain)
    assert not seen.has("2001")
