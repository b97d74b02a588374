"""What a file says of itself, `info` and `licenses`: COCO's side of an ontology's metadata, in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.schema import Ontology

MARK = "dragoman"
"""Key of `info` in files that Dragoman wrote: their areas and boxes are what the shapes say."""

OURS = "dragoman_ontology"
"""Key of `info` for what else an ontology has: its id, and metadata that is neither `info` nor `licenses`."""

ALL = "info_of_files"
"""Key of the metadata for the `info` of every file, where the files of a dataset do not say the same."""

_NAMED = "description"


def about(files: Sequence[tuple[str, dict[str, Any], list[Any]]]) -> dict[str, Any]:
    """Return an ontology's `id` and `metadata`, given label, `info` and `licenses` of each file.

    The licenses of all files are one list; the info is the first file's, and those of all stand under `ALL` if others
    differ.
    """
    infos = {label: _plain(info) for label, info, _ in files}
    first = next(iter(infos.values()), {})
    licenses: list[Any] = []
    for _, _, listed in files:
        licenses += (entry for entry in listed if entry not in licenses)
    metadata: dict[str, Any] = {"info": first} if first else {}
    if licenses:
        metadata["licenses"] = licenses
    if any(info != first for info in infos.values()):
        metadata[ALL] = infos
    ours: dict[str, Any] = next((info[OURS] for _, info, _ in files if isinstance(info.get(OURS), dict)), {})
    rest, ontology_id = ours.get("metadata"), ours.get("id")
    return {
        "id": ontology_id if isinstance(ontology_id, str) else "",
        "metadata": {**metadata, **(rest if isinstance(rest, dict) else {})},
    }


def members_of(ontology: Ontology) -> tuple[dict[str, Any], list[Any]]:
    """Return `info` and `licenses` of a file."""
    info, licenses = ontology.metadata.get("info"), ontology.metadata.get("licenses")
    rest = dict(ontology.metadata)
    if isinstance(info, dict) and info == _plain(info):
        del rest["info"]
    else:
        info = {}
    if isinstance(licenses, list) and licenses:
        del rest["licenses"]
    else:
        licenses = []
    ours = {name: value for name, value in (("id", ontology.id), ("metadata", rest)) if value}
    return {**info, _NAMED: ontology.name, MARK: 1, **({OURS: ours} if ours else {})}, licenses


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in info.items() if name not in (_NAMED, MARK, OURS)}
