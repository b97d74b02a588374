"""The sides of `benchmarks.vendors`, each run in a process of its own: a COCO file in, what a vendor is sent out.

Ours reads canonical rows, of which the plugin's codec makes the vendor's. The peers' read `Plain` shapes, of which the
vendor's SDK makes them. Nothing is imported before a side needs it: the peers run where there is no Dragoman.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

Result = dict[str, float]
Facts = Iterable[tuple[int, float]]
"""How many numbers each shape of a message has, and their sum in pixels."""
BATCH = 200
"""Rows that are encoded in one go, about as many as the plugins do."""
WIDTH, HEIGHT = 640, 480


class Plain(NamedTuple):
    """A shape as a peer has read it: corners of a box (left, top, right, bottom), or (x, y) pairs of a polygon."""

    item: str
    feature: str
    corners: Any


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


# -- the peers' objects -----------------------------------------------------------------------------------------------


def _labelformat(folder: Path) -> Iterator[Plain]:
    formats: Any = importlib.import_module("labelformat.formats")
    path = folder / "annotations" / "instances_train.json"
    if folder.name == "polygons":
        for label in formats.COCOInstanceSegmentationInput(input_file=path).get_labels():
            for one in label.objects:
                yield Plain(label.image.filename, one.category.name, one.segmentation.polygons[0])
        return
    for label in formats.COCOObjectDetectionInput(input_file=path).get_labels():
        for one in label.objects:
            box = one.box
            yield Plain(label.image.filename, one.category.name, (box.xmin, box.ymin, box.xmax, box.ymax))


def _datumaro(folder: Path) -> Iterator[Plain]:
    datumaro: Any = importlib.import_module("datumaro")
    polygons = folder.name == "polygons"
    dataset = datumaro.Dataset.import_from(str(folder), "coco_instances")
    names = [one.name for one in dataset.categories()[datumaro.AnnotationType.label].items]
    wanted = datumaro.AnnotationType.polygon if polygons else datumaro.AnnotationType.bbox
    for item in dataset:
        name = f"{item.id}.jpg"
        for one in item.annotations:
            if one.type == wanted:
                points = one.points
                yield Plain(
                    name, names[one.label], list(zip(points[::2], points[1::2], strict=True)) if polygons else points
                )


READERS: dict[str, Callable[[Path], Iterator[Plain]]] = {"labelformat": _labelformat, "datumaro": _datumaro}
_READER_MODULES = {"labelformat": "labelformat.formats", "datumaro": "datumaro"}

# -- Nucleus ----------------------------------------------------------------------------------------------------------


def _nucleus(folder: Path) -> Iterator[bytes]:
    import msgspec

    from dragoman.formats.coco import CocoReader
    from dragoman_nucleus.codec import row_out

    encode = msgspec.json.Encoder().encode_lines
    for batch in _batches(CocoReader(folder).rows()):
        yield encode([row_out(row) for row in batch])


def _nucleus_sdk(shapes: Iterator[Plain]) -> Iterator[bytes]:
    from nucleus import BoxAnnotation, PolygonAnnotation
    from nucleus.annotation import Point

    def made(number: int, shape: Plain) -> Any:
        name = {"reference_id": shape.item, "annotation_id": str(number)}
        if isinstance(shape.corners[0], tuple):
            return PolygonAnnotation(shape.feature, [Point(x, y) for x, y in shape.corners], **name)
        left, top, right, bottom = shape.corners
        return BoxAnnotation(shape.feature, left, top, right - left, bottom - top, **name)

    for number, shape in enumerate(shapes):
        yield json.dumps(made(number, shape).to_payload()).encode()


def _nucleus_facts(lines: bytes) -> Facts:
    for line in lines.splitlines():
        shape = json.loads(line)["geometry"]
        numbers = [value for point in shape.get("vertices", [shape]) for value in point.values()]
        yield len(numbers), sum(numbers)


# -- Labelbox ---------------------------------------------------------------------------------------------------------


def _labelbox(folder: Path) -> Iterator[bytes]:
    import msgspec

    from dragoman.formats.coco import CocoReader
    from dragoman_labelbox.codec import bare_out, row_out
    from dragoman_labelbox.nodes import Known

    encode, known = msgspec.json.Encoder().encode_lines, Known({}, keeps=False)
    for batch in _batches(CocoReader(folder).rows()):
        bare = bare_out(batch, lambda feature, kind: known, str)
        yield encode([made or row_out(row, known, row.item) for row, made in zip(batch, bare, strict=True)])


def _labelbox_sdk(shapes: Iterator[Plain]) -> Iterator[bytes]:
    from labelbox import parser
    from labelbox.data.annotation_types import Label, ObjectAnnotation, Point, Polygon, Rectangle
    from labelbox.data.serialization import NDJsonConverter

    def made(shape: Plain) -> Any:
        if isinstance(shape.corners[0], tuple):
            value: Any = Polygon(points=[Point(x=x, y=y) for x, y in shape.corners])
        else:
            left, top, right, bottom = shape.corners
            value = Rectangle(start=Point(x=left, y=top), end=Point(x=right, y=bottom))
        return ObjectAnnotation(name=shape.feature, value=value)

    for item, on_item in groupby(shapes, lambda shape: shape.item):
        label = Label(data={"global_key": item}, annotations=[made(shape) for shape in on_item])
        yield parser.dumps(list(NDJsonConverter.serialize([label]))).encode()


def _labelbox_facts(lines: bytes) -> Facts:
    for line in lines.splitlines():
        row = json.loads(line)
        points = row.get("polygon") or [row["bbox"]]
        if len(points) > 1 and points[0] == points[-1]:  # the SDK closes a ring with its first vertex
            del points[-1]
        numbers = [value for point in points for value in point.values()]
        yield len(numbers), sum(numbers)


# -- Encord -----------------------------------------------------------------------------------------------------------


def _encord(folder: Path) -> Iterator[bytes]:
    from dragoman.formats.coco import CocoReader
    from dragoman_encord.codec import Sheet
    from dragoman_encord.editor import editor_out
    from dragoman_encord.places import Place
    from dragoman_encord.sdk import encoded
    from dragoman_encord.structure import Structure

    reader = CocoReader(folder)
    structure = Structure(editor_out(reader.ontology()))
    by_item: dict[str, list[Any]] = {}
    for row in reader.rows():
        by_item.setdefault(row.item, []).append(row)
    for item in reader.items():
        place = Place(item.key, "D", "L", "IMAGE", 1, item.width, item.height)
        sheet = Sheet(_label_row(item.key), place, structure)
        for row in by_item.get(item.key, ()):
            sheet.put(row, update=False)
        yield encoded(sheet.content()).encode()


def _label_row(title: str) -> dict[str, Any]:
    """Return an empty label row of an image, as Encord gives it."""
    unit = {"data_hash": "D", "data_title": title, "data_type": "image/jpeg", "data_sequence": 0, "labels": {}}
    unit |= {"data_link": None, "width": WIDTH, "height": HEIGHT}
    answers = {name: {} for name in ("object_answers", "object_actions", "classification_answers")}
    facts = {"label_hash": "L", "branch_name": "main", "dataset_hash": "S", "dataset_title": "s", "data_hash": "D"}
    facts |= {"data_title": title, "data_type": "image", "created_at": None, "last_edited_at": None}
    return {**facts, "label_status": "LABEL_IN_PROGRESS", "data_units": {"D": unit}, **answers}


def _encord_sdk(shapes: Iterator[Plain]) -> Iterator[bytes]:
    from encord.objects import OntologyStructure, Shape
    from encord.objects.coordinates import BoundingBoxCoordinates, PointCoordinate, PolygonCoordinates

    structure, features = OntologyStructure(), {}
    for item, on_item in groupby(shapes, lambda shape: shape.item):
        row = _encord_row(item, structure)
        for shape in on_item:
            polygon = isinstance(shape.corners[0], tuple)
            if shape.feature not in features:
                kind = Shape.POLYGON if polygon else Shape.BOUNDING_BOX
                features[shape.feature] = structure.add_object(shape.feature, kind)
            if polygon:
                points = [PointCoordinate(x=x / WIDTH, y=y / HEIGHT) for x, y in shape.corners]
                where: Any = PolygonCoordinates(values=points)
            else:
                left, top, right, bottom = shape.corners
                where = BoundingBoxCoordinates(
                    height=(bottom - top) / HEIGHT,
                    width=(right - left) / WIDTH,
                    top_left_x=left / WIDTH,
                    top_left_y=top / HEIGHT,
                )
            instance = features[shape.feature].create_instance()
            instance.set_for_frames(where, frames=0)
            row.add_object_instance(instance)
        yield json.dumps(row.to_encord_dict()).encode()


def _encord_row(title: str, structure: Any) -> Any:
    from dataclasses import MISSING, fields

    from encord.objects import LabelRowV2
    from encord.orm.label_row import LabelRowMetadata, LabelStatus

    known = {"data_type": "image", "branch_name": "main", "data_title": title, "number_of_frames": 1, "spaces": {}}
    known |= {"label_status": LabelStatus.NOT_LABELLED, "is_shadow_data": False, "width": WIDTH, "height": HEIGHT}
    needed = {field.name: known.get(field.name) for field in fields(LabelRowMetadata) if field.default is MISSING}
    client: Any = None  # nothing is sent
    ontology: Any = SimpleNamespace(structure=structure)
    row = LabelRowV2(LabelRowMetadata(**needed), client, ontology)
    row.from_labels_dict(_label_row(title))
    return row


def _encord_facts(line: bytes) -> Facts:
    for unit in json.loads(line)["data_units"].values():
        for one in unit["labels"].get("objects", ()):
            box = one.get("boundingBox") or one.get("bounding_box")
            points = [(box["x"], box["y"]), (box["w"], box["h"])] if box else _corners(one["polygon"])
            yield 2 * len(points), sum(x * WIDTH + y * HEIGHT for x, y in points)


def _corners(polygon: Any) -> list[tuple[float, float]]:
    return [(point["x"], point["y"]) for point in polygon.values()]


# -- Viam -------------------------------------------------------------------------------------------------------------


def _viam(folder: Path) -> Iterator[bytes]:
    from dragoman.formats.coco import CocoReader
    from dragoman_viam.codec import Size, box_out, shape_out
    from dragoman_viam.messages import modules

    request = modules()["data"].AddBoundingBoxToImageByIDRequest
    reader = CocoReader(folder)
    sizes = {item.key: Size(item.width or 0, item.height or 0) for item in reader.items()}
    for row in reader.rows():
        made = box_out(row, shape_out(row, sizes[row.item]), request(binary_data_id=row.item))
        yield made.SerializeToString()


def _viam_sdk(shapes: Iterator[Plain]) -> Iterator[bytes]:
    from viam.proto.app.data import AddBoundingBoxToImageByIDRequest

    for shape in shapes:
        left, top, right, bottom = shape.corners
        yield AddBoundingBoxToImageByIDRequest(
            binary_data_id=shape.item,
            label=shape.feature,
            x_min_normalized=left / WIDTH,
            y_min_normalized=top / HEIGHT,
            x_max_normalized=right / WIDTH,
            y_max_normalized=bottom / HEIGHT,
        ).SerializeToString()


def _viam_facts(message: bytes) -> Facts:
    from viam.proto.app.data import AddBoundingBoxToImageByIDRequest

    box = AddBoundingBoxToImageByIDRequest.FromString(message)
    across, down = box.x_min_normalized + box.x_max_normalized, box.y_min_normalized + box.y_max_normalized
    yield 4, across * WIDTH + down * HEIGHT


@dataclass(frozen=True)
class Vendor:
    """How rows for a vendor are made.

    Args:
        plugin: Modules of our plugin, which are imported before the clock starts.
        sdk: Modules of the vendor's SDK, likewise.
        ours: Makes messages of a file.
        theirs: Makes messages of a peer's shapes, by the vendor's SDK.
        facts: Reads what is compared from a message.
        kinds: What it takes.
    """

    plugin: tuple[str, ...]
    sdk: tuple[str, ...]
    ours: Callable[[Path], Iterator[bytes]]
    theirs: Callable[[Iterator[Plain]], Iterator[bytes]]
    facts: Callable[[bytes], Facts]
    kinds: tuple[str, ...] = ("boxes", "polygons")


VENDORS = {
    "Nucleus": Vendor(("dragoman_nucleus.codec",), ("nucleus",), _nucleus, _nucleus_sdk, _nucleus_facts),
    "Labelbox": Vendor(
        ("dragoman_labelbox.codec",), ("labelbox.data.serialization",), _labelbox, _labelbox_sdk, _labelbox_facts
    ),
    "Encord": Vendor(
        ("dragoman_encord.codec", "dragoman_encord.editor", "dragoman_encord.sdk"),
        ("encord.objects",),
        _encord,
        _encord_sdk,
        _encord_facts,
    ),
    "Viam": Vendor(
        ("dragoman_viam.codec", "viam.proto.app.data"),
        ("viam.proto.app.data",),
        _viam,
        _viam_sdk,
        _viam_facts,
        kinds=("boxes",),
    ),
}


def _messages(vendor: Vendor, side: str, folder: Path) -> Iterator[bytes]:
    return vendor.ours(folder) if side == "dragoman" else vendor.theirs(READERS[side](folder))


def _measured(vendor: Vendor, side: str, folder: Path) -> Result:
    """Go the whole way, which is timed, and count what was made, which is not."""
    # `imports` is about imports.
    ours = ("dragoman.formats.coco", *vendor.plugin)
    for module in ours if side == "dragoman" else (_READER_MODULES[side], *vendor.sdk):
        importlib.import_module(module)
    start = time.process_time()
    made = list(_messages(vendor, side, folder))
    taken = time.process_time() - start
    facts = [fact for message in made for fact in vendor.facts(message)]
    numbers, total = sum(count for count, _ in facts), sum(value for _, value in facts)
    return {"cpu": taken, "rows": len(facts), "numbers": numbers, "sum": total}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(_measured(VENDORS[sys.argv[1]], sys.argv[2], Path(sys.argv[3]))))
