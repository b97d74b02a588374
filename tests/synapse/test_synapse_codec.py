"""The codec against the fidelity table: exact means equal after a round trip through either form of a document."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import Box, Label, Point, Prediction, RotatedBox, Survival, Whole
from dragoman.conformance import strategies
from dragoman.errors import InvalidData, PlatformError
from dragoman.fidelity import Keeper, allows, restore
from dragoman.geometry.rle import array_of_mask, mask_of_array
from dragoman.schema import Cuboid, Keypoint, Keypoints, Mask
from dragoman_synapse import codec
from dragoman_synapse.codec import v1, v2
from dragoman_synapse.codec.marks import wire_id
from dragoman_synapse.fidelity import ROWS

FORMS = pytest.mark.parametrize("form", [v1, v2], ids=["v1", "v2"])
FEW = settings(max_examples=20)
"""For tests that are run for every geometry and form."""
EXACT = {name: made for name, made in strategies.BY_FORM.items() if ROWS.geometry(name).survival is Survival.EXACT}


def over_the_wire(form: ModuleType, *rows: Label) -> list[Any]:
    """The marks that a document still has after it was JSON."""
    document = form.write(mark for row in rows for mark in codec.marks_of(row))
    return codec.read(msgspec.json.decode(msgspec.json.encode(document)))


def anonymous(row: Label) -> Label:
    """What is compared of a row: no provenance (it is filled in), a mask in its shortest runs, no empty `class_pdf`."""
    shape = row.geometry
    if isinstance(row, Prediction) and not row.class_pdf:
        row = msgspec.structs.replace(row, class_pdf=None)
    shape = mask_of_array(array_of_mask(shape)) if isinstance(shape, Mask) else shape
    return msgspec.structs.replace(row, provenance=None, geometry=shape)


@FORMS
@pytest.mark.parametrize("shape", EXACT)
@FEW
@given(data=st.data())
def test_exact_labels_come_back_as_they_were_kept(form: ModuleType, shape: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.labels_with(EXACT[shape])))
    assert kept is not None
    (read,) = codec.labels_of(over_the_wire(form, kept), kept.item)
    assert anonymous(read) == anonymous(kept)


@FORMS
@pytest.mark.parametrize("shape", EXACT)
@FEW
@given(data=st.data())
def test_exact_predictions_come_back_as_they_were_kept(form: ModuleType, shape: str, data: st.DataObject) -> None:
    kept = Keeper(ROWS, "drop").keep(data.draw(strategies.predictions_with(EXACT[shape])))
    assert kept is not None
    (read,) = codec.predictions_of(over_the_wire(form, kept), kept.item)
    assert anonymous(read) == anonymous(kept)


@FORMS
@given(row=strategies.labels)
def test_rows_that_are_stored_come_back_whole(form: ModuleType, row: Label) -> None:
    if not all(allows(ROWS, "store", loss) for loss in ROWS.losses(row)):
        return
    kept = Keeper(ROWS, "store").keep(row)
    assert kept is not None
    (read,) = codec.labels_of(over_the_wire(form, kept), row.item)
    assert anonymous(restore(read)) == anonymous(row)


@FORMS
@given(row=strategies.labels_with(strategies.rotated_boxes))
def test_turned_boxes_come_back_to_the_last_digits(form: ModuleType, row: Label) -> None:
    kept = Keeper(ROWS, "drop").keep(row)
    assert kept is not None
    (read,) = codec.labels_of(over_the_wire(form, kept), row.item)
    before, after = row.geometry, read.geometry
    assert isinstance(before, RotatedBox)
    if isinstance(after, RotatedBox):
        sides = ("cx", "cy", "width", "height", "angle")
        assert [getattr(after, side) for side in sides] == pytest.approx(
            [getattr(before, side) for side in sides], abs=1e-6
        )
    else:
        assert abs(before.angle) < 1e-300, "an angle of no radians is no turn"


@given(strategies.provenances)
def test_provenance_is_carried(provenance: Any) -> None:
    label = Label("a", "car", Box(1, 2, 3, 4), provenance=provenance)
    assert codec.labels_of(over_the_wire(v1, label), "a")[0].provenance == provenance


def test_a_row_of_synapse_own_says_where_it_comes_from() -> None:
    document = {
        "annotations": {"image_1": [{"id": "Ab3", "tool": "bounding_box", "classification": {"class": "car"}}]},
        "annotationsData": {"image_1": [{"id": "Ab3", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}]},
    }
    (label,) = codec.labels_in(document, "a")
    assert (label.provenance.platform, label.provenance.id) == ("synapse", "Ab3")


def test_an_annotation_s_id_is_unique_in_its_document_only() -> None:
    box = {"id": "p0", "classification": "car", "attrs": [], "data": [1, 2, 3, 4]}
    document = {"images": [{"bounding_box": [box]}]}
    one, again, other = (codec.labels_in(document, item)[0].id for item in ("a", "a", "b"))
    assert one == again != other


def test_a_document_is_written_as_the_editor_writes_it() -> None:
    label = Label("a", "car", Box(1, 2, 3, 4), id="abc", attributes={"colour": "red"})
    document = v1.write(codec.marks_of(label, (64, 48)))
    (annotation,) = document["annotations"]["image_1"]
    assert annotation["tool"] == "bounding_box"
    assert annotation["classification"] == {"class": "car", "colour": "red"}
    assert (annotation["isLocked"], annotation["isVisible"]) == (False, True)
    coordinate = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
    assert document["annotationsData"]["image_1"] == [{"id": "abc", "coordinate": coordinate}]
    assert document["extra"]["image_1"] == {"width": 64, "height": 48}


def test_flags_of_the_editor_survive() -> None:
    annotation = {"id": "x", "tool": "bounding_box", "classification": {"class": "car"}, "isLocked": True}
    place = {"id": "x", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}
    document = {"annotations": {"image_1": [annotation]}, "annotationsData": {"image_1": [place]}}
    (label,) = codec.labels_in(document, "a")
    assert label.metadata == {"synapse": {"flags": {"isLocked": True}}}
    assert v1.write(codec.marks_of(label))["annotations"]["image_1"][0]["isLocked"] is True


def test_pixels_are_numbered_along_the_rows() -> None:
    raw = {"id": "m", "pixel_indices": [1, 2, 5], "isCompressed": False, "compressionFormat": None}
    document = {
        "annotations": {"image_1": [{"id": "m", "tool": "segmentation", "classification": {"class": "road"}}]},
        "annotationsData": {"image_1": [raw]},
        "extra": {"image_1": {"width": 4, "height": 2}},
    }
    (label,) = codec.labels_in(document, "a")
    # Columns: (0,0) (0,1) | (1,0) set (1,1) set | (2,0) set (2,1) | (3,0) (3,1)
    assert label.geometry == Mask(2, 4, (2, 3, 3))
    written = v1.write(codec.marks_of(label))["annotationsData"]["image_1"][0]
    assert (written["pixel_indices"], written["compressionFormat"]) == ([[1, 2], [5, 1]], "rle")


def test_a_mask_of_a_document_that_names_no_size_has_the_item_s() -> None:
    mask = {"id": "m", "classification": "road", "data": [[1, 2], [5, 1]], "encoding": "dm_rle"}
    document = {"images": [{"segmentation": [mask]}]}
    (found,) = codec.predictions_in(document, "a", size=(4, 2))
    assert found.geometry == Mask(2, 4, (2, 3, 3))
    with pytest.raises(PlatformError, match="no width and height"):
        codec.predictions_in(document, "a")


def test_a_stretch_of_a_video_is_a_span() -> None:
    document = {
        "annotations": {"video_1": [{"id": "s", "tool": "segmentation", "classification": {"class": "fall"}}]},
        "annotationsData": {"video_1": [{"id": "s", "section": {"startFrame": 3, "endFrame": 9}}]},
    }
    (label,) = codec.labels_in(document, "v")
    assert (label.feature, label.geometry, label.span) == ("fall", Whole(), (3, 9))
    assert v1.write(codec.marks_of(label))["annotationsData"] == document["annotationsData"]


def test_boxes_of_one_annotation_on_many_frames_are_many_rows() -> None:
    places = [{"id": "b", "frameIndex": n, "coordinate": {"x": n, "y": 0, "width": 2, "height": 2}} for n in (4, 5)]
    document = {
        "annotations": {"video_1": [{"id": "b", "tool": "bounding_box", "classification": {"class": "car"}}]},
        "annotationsData": {"video_1": places},
    }
    assert [(label.frame, label.geometry.x) for label in codec.labels_in(document, "v")] == [(4, 4.0), (5, 5.0)]


@pytest.mark.parametrize(
    ("tool", "place"),
    [
        ("3d_segmentation", {"points": [1, 2, 3]}),
        ("named_entity", {"ranges": [{"start": 0, "end": 4}], "content": "Köln"}),
        ("prompt", {"input": [{"type": "text", "value": "why?"}]}),
        ("answer", {"output": [{"type": "text", "value": "because"}], "model": "m"}),
        ("relation", {"annotationId": "a", "targetAnnotationId": "b"}),
        ("time_range", {"section": {"start": 1.5, "end": 2.5}}),
        ("segmentation", {"section": {"start": 0.5, "end": 1.25}}),
    ],
)
def test_tools_without_a_geometry_of_ours_come_back_unharmed(tool: str, place: dict[str, Any]) -> None:
    media = "text_1" if tool == "named_entity" else "data_1"
    document = {
        "annotations": {media: [{"id": "x", "tool": tool, "classification": {"class": "c", "sure": True}}]},
        "annotationsData": {media: [{"id": "x", **place}]},
    }
    (label,) = codec.labels_in(document, "a")
    assert (label.feature, label.geometry, label.attributes) == ("c", Whole(), {"sure": True})
    written = v1.write(codec.marks_of(label))
    assert written["annotationsData"] == document["annotationsData"]
    assert written["annotations"][media][0]["tool"] == tool
    (again,) = codec.labels_in(v2.write(codec.marks_of(label)), "a")
    assert anonymous(again) == anonymous(label)


def test_edges_between_annotations_are_kept() -> None:
    edge = {"id": "e", "tool": "relation", "classification": {"class": "holds"}}
    edge |= {"annotationId": "a", "targetAnnotationId": "b"}
    (label,) = codec.labels_in({"annotations": {}, "annotationsData": {}, "relations": {"image_1": [edge]}}, "i")
    assert v1.write(codec.marks_of(label))["relations"] == {"image_1": [edge]}


def test_groups_are_kept() -> None:
    points = [
        {"id": key, "tool": "keypoint", "classification": {"class": key, "visibility": "occluded"}} for key in "ab"
    ]
    document = {
        "annotations": {"image_1": points},
        "annotationsData": {"image_1": [{"id": key, "coordinate": {"x": 1, "y": 2}} for key in "ab"]},
        "annotationGroups": {"image_1": [{"id": "g", "annotationIds": ["a", "b"]}]},
    }
    labels = codec.labels_in(document, "i")
    assert [label.geometry for label in labels] == [Point(1, 2)] * 2
    written = v1.write(mark for label in labels for mark in codec.marks_of(label))
    assert written["annotationGroups"] == document["annotationGroups"]
    assert written["annotations"]["image_1"][0]["classification"] == {"class": "a", "visibility": "occluded"}


def test_a_point_that_an_annotator_has_found_is_where_they_put_it() -> None:
    pose = Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", None, None, 0)), ((0, 1),))
    nose, ear = codec.marks_of(Label("a", "head", pose))
    ear.data, ear.attributes["visibility"] = [7.0, 8.0], "occluded"
    (label,) = codec.labels_of([ear, nose], "a")
    assert label.geometry == Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", 7, 8, 1)), ((0, 1),))
    (rest,) = codec.labels_of([ear], "a")
    assert rest.geometry == Keypoints((Keypoint("ear", 7, 8, 1),)), "the other point was deleted"


def test_angles_of_cuboids_are_turned_into_quaternions() -> None:
    turned = {"x": 0.0, "y": 0.0, "z": 3.141592653589793}
    psr = {"position": {"x": 1, "y": 2, "z": 3}, "scale": {"x": 4, "y": 5, "z": 6}, "rotation": turned}
    document = {
        "annotations": {"pcd_1": [{"id": "c", "tool": "3d_bounding_box", "classification": {"class": "car"}}]},
        "annotationsData": {"pcd_1": [{"id": "c", "psr": psr}]},
    }
    (label,) = codec.labels_in(document, "p")
    assert isinstance(label.geometry, Cuboid)
    assert label.geometry.quaternion == pytest.approx((0, 0, 0, 1))


@pytest.mark.parametrize("name", ["score", "confidence", "conf"])
def test_a_confidence_is_found_among_the_attributes(name: str) -> None:
    box = {"id": "p", "classification": "car", "attrs": [{"name": name, "value": 0.0}], "data": [1, 2, 3, 4]}
    (found,) = codec.predictions_in({"images": [{"bounding_box": [box]}]}, "a", version="7")
    assert (found.confidence, found.attributes) == (0.0, {})
    assert found.provenance.version == "7"


def test_attributes_that_the_editor_would_take_for_its_own_travel_beside() -> None:
    attributes = {"class": "x", "_hidden": 1, "visibility": "v", "fine": 2, "": "nameless", "nothing": None}
    label = Label("a", "car", Box(1, 2, 3, 4), attributes=attributes)
    (mark,) = codec.marks_of(label)
    assert mark.attributes == {"fine": 2}
    assert codec.labels_of([mark], "a")[0].attributes == attributes


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"annotations": [{"bbox": [1, 2, 3, 4]}]},
        {"annotations": {"hologram_1": []}},
        {"annotations": {"image_1": ["x"]}},
        {"annotations": {"image_1": [{"id": "x"}]}},
        {"annotations": {"image_1": [{"id": "x", "tool": "polygon"}]}, "annotationsData": []},
        {
            "annotations": {"image_1": [{"id": "x", "tool": "polygon", "classification": {"class": "c"}}]},
            "annotationsData": {"image_1": [{"id": "x", "coordinate": [{"x": 1, "y": 2}]}]},
        },
        {
            "annotations": {"image_1": [{"id": "x", "tool": "bounding_box", "classification": {"class": "c"}}]},
            "annotationsData": {"image_1": [{"id": "x", "coordinate": {"x": "left"}}]},
        },
        {"images": [{"bounding_box": [{"id": "x", "classification": "c", "data": [1, 2]}]}]},
        {"images": [{"bounding_box": [{"classification": "c"}]}]},
        {"images": {"bounding_box": []}},
    ],
)
def test_a_malformed_document_is_the_platform_s_fault(document: Any) -> None:
    with pytest.raises(PlatformError):
        codec.labels_in(document, "a")


def test_the_key_of_synapse_s_own_facts_is_refused() -> None:
    with pytest.raises(InvalidData, match="synapse"):
        codec.marks_of(Label("a", "car", Box(1, 2, 3, 4), metadata={"synapse": "mine"}))


def test_ids_that_documents_do_not_take_are_derived() -> None:
    assert wire_id("plain-ID_1") == "plain-ID_1"
    assert wire_id("a b") == wire_id("a b") != wire_id("a c")
    assert len(wire_id("Größe")) == 10


def test_confidence_is_shown_to_annotators() -> None:
    (mark,) = codec.marks_of(Prediction("a", "car", Box(1, 2, 3, 4), confidence=0.25))
    assert mark.attributes == {"score": 0.25}
