"""Upload jobs: files that were put behind signed links, or URLs, become items of a folder.

A job does its work when its status was asked `settings.job_polls` times in vain, and 0 means on submission; until then
it has no effect. Bad units are told in the job's answer and leave the others alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.media import Media, probe_image, probe_video
from dragoman_encord.emulator.state import Item

if TYPE_CHECKING:
    from dragoman_encord.emulator.state import Folder, State

Json = dict[str, Any]
PENDING, DONE, ERROR = "PENDING", "DONE", "ERROR"


@dataclass
class Job:
    """One upload job of a folder."""

    id: str
    folder: str
    units: list[tuple[str, Json]]
    integration: str | None
    ignore_errors: bool
    polls_left: int
    status: str = PENDING
    made: list[Item] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)

    def to_json(self) -> Json:
        done = len(self.made)
        return {
            "status": self.status,
            "itemsWithNames": [{"itemUuid": item.id, "name": item.name} for item in self.made],
            "errors": [error["error"] for error in self.errors],
            "unitErrors": self.errors,
            "unitsPendingCount": len(self.units) - done - len(self.errors),
            "unitsDoneCount": done,
            "unitsErrorCount": len(self.errors),
            "unitsCancelledCount": 0,
        }


def units_of(wanted: Json) -> list[tuple[str, Json]]:
    """Return the units of a job's `dataItems`, each with its item type.

    Raises:
        ApiError: 400, it has units of a kind that is not emulated.
    """
    kinds = {"images": "image", "videos": "video", "imageGroups": "imageGroup"}
    for name, units in wanted.items():
        if isinstance(units, list) and units and name not in kinds:
            raise ApiError(501, f"The emulator takes no {name}.")
    return [(kind, unit) for name, kind in kinds.items() for unit in wanted.get(name) or ()]


def work(job: Job, state: State) -> None:
    """Do a job's work now, if it was not done before."""
    if job.status != PENDING:
        return
    folder = state.folder(job.folder)
    for kind, unit in job.units:
        try:
            item = _item(kind, unit, job, state)
        except ApiError as error:
            url = unit.get("objectUrl") or ""
            fact = {"objectUrls": [url], "error": error.message, "actionDescription": f"Adding the {kind}"}
            job.errors.append({**fact, "subtaskUuid": state.new_id()})
        else:
            _keep(item, folder, state)
            job.made.append(item)
    job.status = ERROR if job.errors and not job.ignore_errors else DONE


def _keep(item: Item, folder: Folder, state: State) -> None:
    state.items[item.id] = item
    if folder.dataset is not None:
        state.link(state.dataset(folder.dataset), item.id)


def _item(kind: str, unit: Json, job: Job, state: State) -> Item:
    if kind == "imageGroup":
        return _group(unit, job, state)
    facts, place = _facts(kind, unit, unit["objectUrl"], job, state)
    return Item(
        id=unit.get("placeholderItemUuid") or state.new_id(),
        folder=job.folder,
        type=kind,
        name=unit.get("title") or unit["objectUrl"].rsplit("/", 1)[-1],
        metadata=unit.get("clientMetadata") or {},
        created=state.clock.now(),
        integration=job.integration,
        width=facts.width if facts else None,
        height=facts.height if facts else None,
        frames=facts.frames if facts else None,
        fps=facts.fps if facts else None,
        mime=facts.mime if facts else None,
        **place,
    )


def _group(unit: Json, job: Job, state: State) -> Item:
    children = []
    for image in unit["images"]:
        child = _item("image", {**image, "objectUrl": image["url"]}, job, state)
        state.items[child.id] = child
        children.append(child)
    return Item(
        id=state.new_id(),
        folder=job.folder,
        type="imageGroup",
        name=unit.get("title") or "image group",
        metadata=unit.get("clientMetadata") or {},
        created=state.clock.now(),
        frames=len(children),
        children=[child.id for child in children],
    )


def _facts(kind: str, unit: Json, url: str, job: Job, state: State) -> tuple[Media | None, Json]:
    """Return what is known of a unit's file, and where the file is."""
    if url in state.blobs.content:
        content = state.blobs.content[url]
        facts = (probe_video if kind == "video" else probe_image)(content)
        if facts is None:
            raise ApiError(400, f"The file is no {kind}.")
        return facts, {"object_key": url, "size": len(content)}
    if job.integration is None:
        raise ApiError(400, f"Nothing was uploaded as {url}.")
    given = unit.get("imageMetadata") or unit.get("videoMetadata")
    if not given:
        return None, {"url": url}
    frames = round(given["duration"] * given["fps"]) if kind == "video" else None
    facts = Media(given["width"], given["height"], given["mimeType"], frames, given.get("fps"))
    return facts, {"url": url, "size": given["fileSize"]}
