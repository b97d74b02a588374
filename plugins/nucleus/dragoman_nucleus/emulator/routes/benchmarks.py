"""Routes about benchmarks: creation as versions or drafts, their items, freezing, deletion."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_nucleus.emulator.detections import RollupGroup, check_groups
from dragoman_nucleus.emulator.evaluations import Benchmark
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.routes.names import delete, get, patch, post
from dragoman_nucleus.emulator.state import State

BUILD_JOB = "benchmarkBuild"


class Reference(msgspec.Struct):
    dataset_id: str
    ref_id: str


class Sources(msgspec.Struct):
    """Where the items of a benchmark come from; all of them together."""

    item_ids: list[str] = []
    items: list[Reference] = []
    slice_id: str | None = None
    dataset_id: str | None = None
    slice_ids: list[str] = []
    dataset_ids: list[str] = []
    scene_ids: list[str] = []


class Taxonomy(msgspec.Struct):
    """What counts as one class; at most one of the three."""

    rollup_groups: list[RollupGroup] | None = msgspec.field(default=None, name="rollupGroups")
    class_agnostic: bool | None = None
    allowed_label_matches_id: str | UnsetType | None = UNSET
    """Null clears the taxonomy."""

    def is_given(self) -> bool:
        """Say whether there is anything of a taxonomy.

        Raises:
            ApiError: 400, there is more than one; 404, a configuration is named, of which there are none; 400, a label
                is in two groups.
        """
        matches = self.allowed_label_matches_id
        given = sum((self.rollup_groups is not None, self.class_agnostic is not None, matches is not UNSET))
        if given > 1:
            raise ApiError(400, "At most one of rollup_groups, allowed_label_matches_id and class_agnostic.")
        if isinstance(matches, str):
            raise ApiError(404, f"Allowed label matches {matches} do not exist.")
        check_groups(self.rollup_groups or ())
        return given > 0

    def apply(self, benchmark: Benchmark) -> None:
        """Give the taxonomy to a benchmark, if there is one."""
        if self.is_given():
            benchmark.rollup_groups, benchmark.class_agnostic = self.rollup_groups, self.class_agnostic


class NewBenchmark(Taxonomy, kw_only=True):
    name: str
    description: str | None = None
    metadata: dict[str, Any] | None = None
    parent_benchmark_id: str | None = None
    bump_type: Literal["minor", "major"] = "minor"
    version_major: int | None = None
    version_minor: int | None = None
    version_label: str | None = None
    removed_item_ids: list[str] = []
    draft: bool = False


class Change(Taxonomy, kw_only=True):
    name: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None


class ItemIds(msgspec.Struct):
    item_ids: list[str]


SOURCES = msgspec.json.Decoder(Sources)
NEW_BENCHMARK = msgspec.json.Decoder(NewBenchmark)
CHANGE = msgspec.json.Decoder(Change)
ITEM_IDS = msgspec.json.Decoder(ItemIds)


class Benchmarks:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("benchmarks", self.all),
            post("benchmarks", self.create),
            get("benchmarks/{benchmark}", self.one),
            patch("benchmarks/{benchmark}", self.change),
            delete("benchmarks/{benchmark}", self.delete),
            get("benchmarks/{benchmark}/items", self.items),
            post("benchmarks/{benchmark}/items", self.add_items),
            delete("benchmarks/{benchmark}/items", self.remove_items),
            post("benchmarks/{benchmark}/finalize", self.finalize),
        ]

    def _named(self, request: Request) -> Benchmark:
        return found(self._state.benchmarks, request.path_params["benchmark"], "Benchmark")

    def _draft(self, request: Request) -> Benchmark:
        benchmark = self._named(request)
        if benchmark.status != "draft":
            raise ApiError(409, f"Benchmark {benchmark.id} is no draft.")
        return benchmark

    async def all(self, request: Request) -> object:
        return [benchmark.to_json() for benchmark in self._state.benchmarks.values()]

    async def one(self, request: Request) -> object:
        return self._named(request).to_json()

    async def create(self, request: Request) -> object:
        wanted, sources = await read_json(request, NEW_BENCHMARK), await read_json(request, SOURCES)
        wanted.is_given()
        parent = None
        if wanted.parent_benchmark_id is not None:
            parent = found(self._state.benchmarks, wanted.parent_benchmark_id, "Benchmark")
        elif wanted.removed_item_ids:
            raise ApiError(400, "removed_item_ids needs parent_benchmark_id.")
        item_ids = [item_id for item_id in parent.item_ids if item_id not in wanted.removed_item_ids] if parent else []
        item_ids += self._found(sources)
        if not item_ids and not wanted.draft:
            raise ApiError(400, "A benchmark needs items.")
        benchmark = self._make(wanted, parent)
        answer = {"benchmark_id": benchmark.id}
        return json_response(answer | (self._fill(benchmark, item_ids) if item_ids else {}), 202)

    def _make(self, wanted: NewBenchmark, parent: Benchmark | None) -> Benchmark:
        benchmark = Benchmark(
            id=self._state.ids.new("bm"),
            name=wanted.name,
            created=self._state.clock.now(),
            description=wanted.description,
            metadata=wanted.metadata,
            status="draft" if wanted.draft else "building",
            parent_id=wanted.parent_benchmark_id,
            version=_version(wanted, parent),
            version_label=wanted.version_label,
            rollup_groups=parent.rollup_groups if parent else None,
            class_agnostic=parent.class_agnostic if parent else None,
        )
        wanted.apply(benchmark)
        self._state.benchmarks[benchmark.id] = benchmark
        return benchmark

    def _found(self, sources: Sources) -> list[str]:
        """Return the ids of the items that some sources name, all of which exist."""
        return [item_id for source in self._each(sources) for item_id in source]

    def _each(self, sources: Sources) -> Iterator[list[str]]:
        state = self._state
        yield [state.item(item_id).id for item_id in sources.item_ids]
        yield [state.dataset(pair.dataset_id).items.reference(pair.ref_id).id for pair in sources.items]
        for slice_id in [*sources.slice_ids, *([sources.slice_id] if sources.slice_id else [])]:
            yield [item.id for item in state.slice_items(state.slice(slice_id))]
        for dataset_id in [*sources.dataset_ids, *([sources.dataset_id] if sources.dataset_id else [])]:
            yield [item.id for item in state.dataset(dataset_id).items]
        for scene_id in sources.scene_ids:
            scenes = [one.scenes.by_id[scene_id] for one in state.datasets.values() if scene_id in one.scenes.by_id]
            if not scenes:
                raise ApiError(404, f"Scene with id {scene_id} does not exist.")
            yield scenes[0].item_ids()

    def _fill(self, benchmark: Benchmark, item_ids: list[str]) -> dict[str, str]:
        benchmark.jobs_open += 1
        job = self._state.jobs.submit(BUILD_JOB, None, partial(self._add, benchmark.id, item_ids))
        return {"job_id": job["job_id"]}

    def _add(self, benchmark_id: str, item_ids: list[str]) -> Outcome:
        """Add the items that have ground truth; a benchmark that is no draft is finished by it."""
        benchmark = found(self._state.benchmarks, benchmark_id, "Benchmark")
        benchmark.jobs_open -= 1
        for item_id in dict.fromkeys(item_ids):
            item = self._state.item(item_id)
            if item_id in benchmark.members:
                continue
            if self._state.dataset(item.dataset_id).ground_truth.on(item_id):
                benchmark.members[item_id] = item.dataset_id
            else:
                benchmark.skipped += 1
        if benchmark.status == "building":
            benchmark.status = "ready" if benchmark.members else "failed"
        if benchmark.status == "failed":
            raise ApiError(400, "None of the items has ground truth.")
        return Outcome({"item_count": len(benchmark.members), "skipped": benchmark.skipped})

    async def change(self, request: Request) -> object:
        benchmark = self._named(request)
        wanted = await read_json(request, CHANGE)
        if wanted.is_given() and benchmark.status != "draft":
            raise ApiError(409, f"Benchmark {benchmark.id} is {benchmark.status}: its taxonomy is frozen.")
        benchmark.name = wanted.name or benchmark.name
        benchmark.description = benchmark.description if wanted.description is None else wanted.description
        benchmark.metadata = benchmark.metadata if wanted.metadata is None else wanted.metadata
        wanted.apply(benchmark)
        return benchmark.to_json()

    async def delete(self, request: Request) -> object:
        benchmark = self._named(request)
        del self._state.benchmarks[benchmark.id]
        for evaluation in list(self._state.evaluations.values()):
            if evaluation.settings.benchmark_id == benchmark.id:
                del self._state.evaluations[evaluation.id]
        return Response(status_code=204)

    async def items(self, request: Request) -> object:
        item_ids = self._named(request).item_ids
        start, limit = (_number(request, name) for name in ("offset", "limit"))
        end = None if limit is None else (start or 0) + limit
        return {"item_ids": item_ids[start or 0 : end], "total": len(item_ids)}

    async def add_items(self, request: Request) -> object:
        benchmark = self._draft(request)
        item_ids = self._found(await read_json(request, SOURCES))
        return json_response(self._fill(benchmark, item_ids), 202)

    async def remove_items(self, request: Request) -> object:
        benchmark = self._draft(request)
        doomed = (await read_json(request, ITEM_IDS)).item_ids
        benchmark.discard(doomed)
        return Response(status_code=204)

    async def finalize(self, request: Request) -> object:
        benchmark = self._draft(request)
        if benchmark.jobs_open:
            raise ApiError(409, f"Items are still being added to benchmark {benchmark.id}.")
        if not benchmark.members:
            raise ApiError(400, f"Benchmark {benchmark.id} has no items.")
        benchmark.status = "ready"
        return benchmark.to_json()


def _version(wanted: NewBenchmark, parent: Benchmark | None) -> tuple[int, int]:
    """Return the version of a new benchmark; one that is given must be above its parent's."""
    given = None
    if wanted.version_major is not None or wanted.version_minor is not None:
        given = (wanted.version_major or 0, wanted.version_minor or 0)
    if parent is None:
        return given or (1, 0)
    major, minor = parent.version
    version = given or ((major + 1, 0) if wanted.bump_type == "major" else (major, minor + 1))
    if version <= parent.version:
        raise ApiError(400, f"Version {version[0]}.{version[1]} is not above its parent's {major}.{minor}.")
    return version


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is not None and not text.isdecimal():
        raise ApiError(400, f"{name} must be a number.")
    return None if text is None else int(text)
