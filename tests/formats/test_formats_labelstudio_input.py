"""Bad exports of Label Studio are refused where they are bad, and nothing is half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelstudio_tasks import FARM, RECTANGLE, reader_of, region, task

from dragoman import (
    Box,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Point,
    Whole,
)
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter, recognise


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "task 0, byte 0: it is no JSON array"),
            ("{}", "no JSON array"),
            ('[{"data": {"image": "a"}}', "task 1, byte 25: it breaks off"),
            ('[{"data": {"image": "a"', "task 0, byte 23: the JSON is broken"),
            ('[{"data": {"image": "a"}}] x', "more after its end"),
            ('[{"data": {"image": "a"}} {}]', "should be"),
            ('[{"data": {"image": NaN}}]', "NaN is no JSON"),
            ("[" * 100_000, "nested too deeply"),
            ('[{"data": []}]', "task 0: the task is not as it should be"),
            ("[1]", "task 0: the task is not"),
            ('[{"data": {}}]', "no image or video"),
        ],
    )
    def test_a_broken_file_is_named_with_its_task(self, tmp_path: Path, content: str, reason: str) -> None:
        (tmp_path / "tasks.json").write_text(content)
        with pytest.raises(InvalidData, match=reason) as caught:
            list(LabelStudioReader(tmp_path).items())
        assert "tasks.json" in str(caught.value)

    def test_text_that_is_no_unicode(self, tmp_path: Path) -> None:
        (tmp_path / "tasks.json").write_bytes(b'[{"data": {"image": "\xff"}}]')
        with pytest.raises(InvalidData, match="no UTF-8"):
            list(LabelStudioReader(tmp_path).items())

    @pytest.mark.parametrize(
        ("result", "reason"),
        [
            ("text", "result 0 is not as it should be"),
            ({"value": {}}, "type"),
            (region("rectanglelabels", {"x": "left", "y": 0, "width": 1, "height": 1}), "x is 'left'"),
            (region("rectanglelabels", {"y": 0, "width": 1, "height": 1}), "x is None"),
            (region("rectanglelabels", {"x": 0, "y": 0, "width": -1, "height": 1}), "not negative"),
            (region("polygonlabels", {"points": [[0, 0], [1]]}), "no list of pairs"),
            (region("polygonlabels", {"points": [[0, 0], [1, 1]]}), "at least 6"),
            (region("brushlabels", {"format": "rle"}), "no run lengths"),
            (region("videorectangle", {"sequence": [], "labels": ["car"]}), "no sequence"),
            (region("videorectangle", {"sequence": [{"frame": 0}], "labels": ["car"]}), "count from 1"),
            (region("rectangle", {"x": 0, "y": 0, "width": 1, "height": 1}), "has no label"),
            ({**RECTANGLE, "original_width": None}, "no original size"),
            ({"type": "taxonomy", "from_name": "x", "value": {"taxonomy": [["a"], []]}}, "the taxonomy are"),
            ({"type": "pairwise", "from_name": "x", "value": {"selected": "left"}}, "no counterpart"),
            ({"type": "choices", "from_name": "x", "value": {"choices": [3]}}, "choices are"),
            ({"type": "relation", "from_id": "r9", "to_id": "r8"}, "starts at 'r9'"),
        ],
    )
    def test_a_bad_result_is_named(self, tmp_path: Path, result: Any, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason) as caught:
            list(reader_of(tmp_path, {"data": {"image": "b"}}, task(result)).rows())
        assert caught.value.row == 1

    def test_bad_results_are_collected(self, tmp_path: Path) -> None:
        bad = [1, task({"type": "taxonomy"}, RECTANGLE)]
        reader = reader_of(tmp_path, *bad, on_error="collect")
        assert [row.id for row in reader.rows()] == ["r1"]
        assert [error.row for error in reader.errors] == [0, 1]

    def test_two_tasks_of_one_medium(self, tmp_path: Path) -> None:
        tasks = [{"id": number, "data": {"image": "a.jpg"}} for number in (4, 5)]
        with pytest.raises(InvalidData, match=r"another task has the medium 'a\.jpg'"):
            list(reader_of(tmp_path, *tasks).items())
        assert [item.key for item in reader_of(tmp_path, *tasks, key="id").items()] == ["4", "5"]

    def test_results_of_a_task_that_is_refused_are_none_of_another(self, tmp_path: Path) -> None:
        tasks = [task({**RECTANGLE, "id": f"r{number}"}) for number in (1, 2)]
        with pytest.raises(InvalidData, match=r"another task has the medium 'a\.jpg'"):
            list(reader_of(tmp_path, *tasks).rows())
        reader = reader_of(tmp_path, *tasks, on_error="collect")
        assert [item.key for item in reader.items()] == ["a.jpg"]
        assert [row.id for row in reader.rows()] == ["r1"]
        assert [error.row for error in reader.errors] == [1]

    @pytest.mark.parametrize(
        ("found", "said", "reason"),
        [
            ('"x": 10', '"x": 1' + "0" * 400, "task 1: x is 1000"),
            ('"x": 10', '"x": ' + "9" * 5000, "task 1: x is inf"),
            ('"original_width": 100', '"original_width": 1e999', "no original size: it says inf x 50"),
            (
                '"original_width": 100',
                '"original_width": 1' + "0" * 400,
                "result 0 is not as it should be: Number out of range",
            ),
            ('["car"]', r'["\ud83d"]', "result 0 has a text with '.ud83d', which is half of a character"),
            ('"id": "r1"', r'"id": "\udc00"', "result 0 has a text with"),
        ],
    )
    def test_values_that_no_row_can_have(self, tmp_path: Path, found: str, said: str, reason: str) -> None:
        text = json.dumps([task(data={"image": "b.jpg"}), task(RECTANGLE, {**RECTANGLE, "id": "r2"})])
        (tmp_path / "tasks.json").write_text(text.replace(found, said, 1))
        assert len(list(LabelStudioReader(tmp_path).items())) == 2
        with pytest.raises(InvalidData, match=reason):
            list(LabelStudioReader(tmp_path).rows())
        reader = LabelStudioReader(tmp_path, on_error="collect")
        assert [row.id for row in reader.rows()] == ["r2"]
        assert [error.row for error in reader.errors] == [1]

    def test_a_video_of_endless_frames(self, tmp_path: Path) -> None:
        key = {"x": 0, "y": 0, "width": 10, "height": 10, "frame": 1}
        video = task(region("videorectangle", {"framesCount": 7, "sequence": [key], "labels": ["car"]}))
        (tmp_path / "tasks.json").write_text(json.dumps([video]).replace(": 7", ": 1e999"))
        with pytest.raises(InvalidData, match="framesCount is inf"):
            list(LabelStudioReader(tmp_path).rows())

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (r'{"id": 1, "data": {"image": "a\ud83d.jpg"}}', "the task has a text with '.ud83d'"),
            (r'{"id": 1, "data": {"image": "a.jpg", "more": "\ud83d"}}', "the task has a text with '.ud83d'"),
            ('{"id": %s, "data": {"image": "a.jpg"}}' % ("9" * 5000), "task 0: the task is not as it should be"),
            ('{"id": 1, "data": {"image": "a.jpg", "n": %s}}' % ("9" * 5000), "metadata.n is inf"),
        ],
    )
    def test_values_that_no_item_can_have(self, tmp_path: Path, bad: str, reason: str) -> None:
        (tmp_path / "tasks.json").write_text(f'[{bad}, {{"data": {{"image": "b.jpg"}}}}]')
        with pytest.raises(InvalidData, match=reason):
            list(LabelStudioReader(tmp_path).items())
        reader = LabelStudioReader(tmp_path, on_error="collect")
        assert [item.key for item in reader.items()] == ["b.jpg"]
        assert list(reader.rows()) == []
        assert [error.row for error in reader.errors] == [0]

    def test_a_provenance_that_no_row_can_have(self, tmp_path: Path) -> None:
        (tmp_path / "tasks.json").write_text(
            json.dumps([task(annotations=[], predictions=[{"model_version": "\ud83d", "result": [RECTANGLE]}])])
        )
        with pytest.raises(InvalidData, match="the model version has a text with"):
            list(LabelStudioReader(tmp_path).rows())

    def test_elements_larger_than_what_is_read_at_once(self, tmp_path: Path) -> None:
        large = {"data": {"image": "a.jpg", "text": "é" * 600_000}}
        assert len(list(reader_of(tmp_path, large, *({"data": {"image": f"{n}"}} for n in range(9))).items())) == 10

    def test_recognised_by_its_first_task(self, tmp_path: Path) -> None:
        reader_of(tmp_path, task(RECTANGLE))
        assert recognise(tmp_path)
        (tmp_path / "other.json").write_text('{"images": []}')
        assert not recognise(tmp_path / "other.json")

    @pytest.mark.parametrize(
        "bad",
        [
            Label("nowhere", "sheep", Whole()),
            Label("a", "wolf", Whole()),
            Label("a", "sheep", Keypoints((Keypoint("nose", 1, 2),))),
            Label("b", "sheep", Box(0, 0, 1, 1)),
            Label("v", "sheep", Point(0, 0), frame=3),
            Label("a", "sheep", Mask(2, 2, (4,))),
        ],
    )
    def test_nothing_is_half_written(self, tmp_path: Path, bad: Label) -> None:
        items = [Item("a", width=10, height=10), Item("b"), Item("v", media="video", width=10, height=10)]
        with pytest.raises(InvalidData) as caught:
            LabelStudioWriter(tmp_path / "set").write(FARM, items, [Label("a", "sheep", Whole()), bad])
        assert caught.value.row == 1
        assert list(tmp_path.iterdir()) == []

    def test_two_rows_of_one_id(self, tmp_path: Path) -> None:
        rows = [Label("a", "sheep", Whole(), id="same")] * 2
        with pytest.raises(InvalidData, match="have the id 'same'"):
            LabelStudioWriter(tmp_path / "set").write(FARM, [Item("a")], rows)
        assert list(tmp_path.iterdir()) == []
