"""How data units and their files look in answers, wherever they appear."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from dragoman_synapse.emulator.media import Media, Stored
from dragoman_synapse.emulator.records import DataUnit

Json = dict[str, Any]


def file_of(request: Request, media: Media, stored: Stored, kind: str, *, primary: bool, meta: Json) -> Json:
    """Return a file with its signed address."""
    return {
        "url": media.url(request, stored),
        "file_type": kind,
        "is_primary": primary,
        "file_name_original": stored.name,
        "meta": meta,
    }


def files_of(request: Request, media: Media, unit: DataUnit) -> Json:
    """Return the files of a data unit by specification; the first is the primary one."""
    return {
        name: file_of(
            request,
            media,
            stored,
            name.partition("_")[0],
            primary=number == 0,
            meta=unit.file_meta.get(name, {}),
        )
        for number, (name, stored) in enumerate(unit.files.items())
    }


def file_list(files: Json) -> list[Json]:
    """Return files as the listings of files show them: a list, each with the name of its specification."""
    return [{"name": name, **info} for name, info in files.items()]


def unit_of(request: Request, media: Media, unit: DataUnit) -> Json:
    """Return a data unit with its files."""
    return {
        "id": unit.id,
        "data_collection": unit.collection,
        "meta": unit.meta,
        "groups": unit.groups,
        "files": files_of(request, media, unit),
        "created": unit.created.isoformat(),
    }
