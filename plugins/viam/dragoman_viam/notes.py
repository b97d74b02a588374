"""Where things travel that Viam has no field for: a JSON text beside each image, model and version.

- Images: in the upload's `method_parameters`, which no capture uses any more and which come back with the metadata.
- Models: at the end of the registry item's description, as a comment that a page does not show.
- Versions: in the metadata of their package.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.schema import Item

KEY = "dragoman"
OPEN, CLOSE = "\n\n<!-- dragoman ", " -->"
BESIDE = ("orientation", "content_hash", "split", "metadata")
"""Fields of an item that travel beside its image, besides its key and size."""

Note = dict[str, Any]


def image_out(item: Item) -> Any:
    """Return the method parameters of an item's upload."""
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.wrappers_pb2 import StringValue

    fields = {name: getattr(item, name) for name in ("key", "width", "height", *BESIDE)}
    packed = AnyMessage()
    packed.Pack(StringValue(value=_encoded({name: value for name, value in fields.items() if value})))
    return {KEY: packed}


def image_in(metadata: Any) -> Note:
    """Return the note beside an image; empty if we did not upload it."""
    from google.protobuf.wrappers_pb2 import StringValue

    parameters = metadata.capture_metadata.method_parameters
    if KEY not in parameters:
        return {}
    text = StringValue()
    return _decoded(text.value) if parameters[KEY].Unpack(text) else {}


def key_of(metadata: Any, note: Note) -> str:
    """Return an image's key: what its uploader called it, else the name of its file, else its id."""
    if "key" in note:
        return str(note["key"])
    name, ending = metadata.file_name, metadata.file_ext
    if not name:
        return str(metadata.binary_data_id)
    return str(name if name.endswith(ending) else name + ending)


def described(text: str, note: Note) -> str:
    """Return a description with a note at its end."""
    # No text of the note may end the comment.
    return text + OPEN + _encoded(note).replace(">", "\\u003e") + CLOSE


def parted(description: str) -> tuple[str, Note]:
    """Part a description from the note at its end."""
    text, mark, rest = description.rpartition(OPEN)
    if not mark or not rest.endswith(CLOSE):
        return description, {}
    return text, _decoded(rest.removesuffix(CLOSE))


def package_out(framework: str, note: Note) -> dict[str, str]:
    """Return the metadata of a model's package."""
    return {"model_framework": framework, KEY: _encoded(note)}


def package_in(info: Any) -> Note:
    """Return the note in a package's metadata; empty if we did not make it."""
    text = text_of(info.metadata, KEY)
    return _decoded(text) if text else {}


def text_of(struct: Any, name: str) -> str:
    """Return a text in a `Struct`; empty if there is none. Asking the struct itself would put one there."""
    return str(struct.fields[name].string_value) if name in struct.fields else ""


def _encoded(note: Note) -> str:
    return msgspec.json.encode(note).decode()


def _decoded(text: str) -> Note:
    found = msgspec.json.decode(text)
    return found if isinstance(found, dict) else {}
