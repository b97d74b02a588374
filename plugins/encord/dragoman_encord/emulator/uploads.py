"""Upload jobs: files that were put behind signed links, or URLs, become items of a folder.

A job does its work when its status was asked `settings.job_polls` times in vain, and 0 means on submission; until then
it has no effect. Bad units are told in the job's answer and leave the others alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import snake
from dragoman_encord.emulator.media import GIVEN, Media, given, probe
from dragoman_encord.emulator.state import Item, found

if TYPE_CHECKING:
    from dragoman_encord.emulator.state import State

Json = dict[str, Any]
PENDING, DONE, ERROR, CANCELLED = "PENDING", "DONE", "ERROR", "CANCELLED"
KINDS = {
    "images": "image",
    "videos": "video",
    "imageGroups": "imageGroup",
    "imageGroupsFromItems": "imageGroupFromItems",
    "audio": "audio",
    "text": "plainText",
}
"""Name of a list of units to what each is."""
NUMBERED = "objectUrl_"


@dataclass
class Job:
    """One upload job of a folder; `dataset` gets what is made, besides the one that mirrors the folder."""

    id: str
    folder: str
    units: list[tuple[str, Json]]
    integration: str | None
    ignore_errors: bool
    polls_left: int
    dataset: str | None = None
    skip_duplicates: bool = False
    upsert_metadata: bool = False
    status: str = PENDING
    made: list[Item] = field(default_factory=list)
    linked: dict[str, str] = field(default_factory=dict)
    """Data hash in the dataset by item."""
    errors: list[Json] = field(default_factory=list)

    @property
    def pending(self) -> int:
        return len(self.units) if self.status == PENDING else 0

    @property
    def cancelled(self) -> int:
        return len(self.units) if self.status == CANCELLED else 0

    def to_json(self) -> Json:
        return {
            "status": self.status,
            "itemsWithNames": [{"itemUuid": item.id, "name": item.name} for item in self.made],
            "errors": [error["error"] for error in self.errors],
            "unitErrors": self.errors,
            "unitsPendingCount": self.pending,
            "unitsDoneCount": len(self.made),
            "unitsErrorCount": len(self.errors),
            "unitsCancelledCount": self.cancelled,
        }

    def to_legacy(self) -> Json:
        """Return the job as the older protocol tells of those of a dataset."""
        return {
            "status": self.status,
            "data_hashes_with_titles": [
                {"data_hash": self.linked[item.id], "title": item.name, "backing_item_uuid": item.id}
                for item in self.made
            ],
            "errors": [error["error"] for error in self.errors],
            "data_unit_errors": self.errors,
            "units_pending_count": self.pending,
            "units_done_count": len(self.made),
            "units_error_count": len(self.errors),
            "units_cancelled_count": self.cancelled,
        }


def start(
    state: State,
    folder: str,
    wanted: Json,
    *,
    integration: str | None,
    ignore_errors: bool,
    dataset: str | None = None,
) -> Job:
    """Make a job and, where no status need be asked, do its work.

    Args:
        state: The account.
        folder: Where the items go.
        wanted: What to upload: `dataItems` of the SDK, or the content of a file that lists URLs.
        integration: The integration that opens URLs.
        ignore_errors: Whether the job is done although some units are bad.
        dataset: A dataset to put the items into.

    Raises:
        ApiError: 404, there is no such integration; 501, there are units of a kind that is not emulated.
    """
    if integration is not None:
        found(state.integrations, integration, "integration")
    job = Job(
        id=state.new_id(),
        folder=folder,
        units=units_of(wanted),
        integration=integration,
        ignore_errors=ignore_errors,
        polls_left=state.settings.job_polls,
        dataset=dataset,
        skip_duplicates=bool(_either(wanted, "skipDuplicateUrls")),
        upsert_metadata=bool(_either(wanted, "upsertMetadata")),
    )
    state.jobs[job.id] = job
    if job.polls_left == 0:
        work(job, state)
    return job


def look(job: Job, state: State) -> None:
    """Count one look at a job's status, and do its work when it was looked at often enough."""
    if job.polls_left == 0:
        work(job, state)
    job.polls_left = max(0, job.polls_left - 1)


def cancel(job: Job) -> int:
    """Cancel a job that has not worked yet, and return how many units that spares."""
    if job.status != PENDING:
        return 0
    job.status = CANCELLED
    return len(job.units)


def units_of(wanted: Json) -> list[tuple[str, Json]]:
    """Return the units of a job, each with its item type.

    Raises:
        ApiError: 501, it has units of a kind that is not emulated.
    """
    kinds = {name for pair in ((name, snake(name)) for name in KINDS) for name in pair}
    for name, units in wanted.items():
        if isinstance(units, list) and units and name not in kinds:
            raise ApiError(501, f"The emulator takes no {name}.")
        if isinstance(units, list) and not all(isinstance(unit, dict) for unit in units):
            raise ApiError(400, f"Each of {name} is an object.")
    return [(kind, unit) for name, kind in KINDS.items() for unit in _either(wanted, name) or ()]


def _either(wanted: Json, name: str) -> Any:
    """Return a value by its name in camel case, as the SDK writes it, or in snake case, as files have it."""
    return wanted.get(name, wanted.get(snake(name)))


def work(job: Job, state: State) -> None:
    """Do a job's work now, if it was not done before."""
    if job.status != PENDING:
        return
    for kind, unit in job.units:
        try:
            job.made.append(_again(unit, job, state) or _made(kind, unit, job, state))
        except ApiError as error:
            _failed(kind, unit, error.message, job, state)
        except (KeyError, TypeError, AttributeError) as error:
            _failed(kind, unit, f"The {kind} does not fit: {error!r}.", job, state)
    job.status = ERROR if job.errors and not job.ignore_errors else DONE


def _failed(kind: str, unit: Json, reason: str, job: Job, state: State) -> None:
    """Tell of a bad unit in its job."""
    url = unit.get("objectUrl") or ""
    fact = {"objectUrls": [url], "error": reason, "actionDescription": f"Adding the {kind}"}
    job.errors.append({**fact, "subtaskUuid": state.new_id()})


def _again(unit: Json, job: Job, state: State) -> Item | None:
    """Return the folder's item of the same URL, where those are not to be doubled."""
    url = unit.get("objectUrl")
    if not job.skip_duplicates or url is None:
        return None
    for item in state.items.values():
        if item.folder == job.folder and item.url == url:
            if job.upsert_metadata:
                item.metadata = unit.get("clientMetadata") or {}
            _link(item, job, state)
            return item
    return None


def _made(kind: str, unit: Json, job: Job, state: State) -> Item:
    item = _item(kind, unit, job, state)
    state.items[item.id] = item
    _link(item, job, state)
    return item


def _link(item: Item, job: Job, state: State) -> None:
    """Put an item into the datasets that are to have it, each once."""
    mirrored = state.folder(job.folder).dataset
    for key in {mirrored, job.dataset} - {None}:
        dataset = state.dataset(str(key))
        place = next((place for place, held in dataset.rows.items() if held == item.id), None)
        job.linked[item.id] = place or state.link(dataset, item.id)


def _item(kind: str, unit: Json, job: Job, state: State) -> Item:
    if kind == "imageGroup":
        return _group(unit, job, state)
    if kind == "imageGroupFromItems":
        return _grouped(unit, [state.item(key).id for key in unit["imageItems"]], job, state)
    facts, place = _facts(kind, unit, unit["objectUrl"], job, state)
    return Item(
        id=unit.get("placeholderItemUuid") or state.new_id(),
        folder=job.folder,
        type=kind,
        name=unit.get("title") or unit["objectUrl"].rsplit("/", 1)[-1],
        metadata=unit.get("clientMetadata") or {},
        created=state.clock.now(),
        integration=job.integration,
        **(asdict(facts) | {"sound": facts.sound} if facts else {}),
        **place,
    )


def _group(unit: Json, job: Job, state: State) -> Item:
    children = [_item("image", {**image, "objectUrl": image["url"]}, job, state) for image in _frames(unit)]
    state.items |= {child.id: child for child in children}
    return _grouped(unit, [child.id for child in children], job, state)


def _frames(unit: Json) -> list[Json]:
    """Return the images of a group; a file that lists URLs numbers them: `objectUrl_0` and so on."""
    if "images" in unit:
        return list(unit["images"])
    numbered = sorted((int(name.rpartition("_")[2]), url) for name, url in unit.items() if name.startswith(NUMBERED))
    return [{"url": url} for _, url in numbered]


def _grouped(unit: Json, children: list[str], job: Job, state: State) -> Item:
    return Item(
        id=state.new_id(),
        folder=job.folder,
        type="imageGroup",
        name=unit.get("title") or "image group",
        metadata=unit.get("clientMetadata") or {},
        created=state.clock.now(),
        frames=len(children),
        children=children,
        optimised=bool(unit.get("createVideo")),
    )


def _facts(kind: str, unit: Json, url: str, job: Job, state: State) -> tuple[Media | None, Json]:
    """Return what is known of a unit's file, and where the file is."""
    if url in state.blobs.content:
        content = state.blobs.content[url]
        facts = probe(kind, content)
        if facts is None:
            raise ApiError(400, f"The file is no {kind}.")
        if kind == "plainText":
            # Which kind of text it is, such as HTML, only the client says.
            facts = replace(facts, mime=state.blobs.types[url])
        return facts, {"object_key": url, "size": len(content)}
    if job.integration is None:
        raise ApiError(400, f"Nothing was uploaded as {url}.")
    said = unit.get(GIVEN[kind])
    return (given(kind, said), {"url": url, "size": said["fileSize"]}) if said else (None, {"url": url})
