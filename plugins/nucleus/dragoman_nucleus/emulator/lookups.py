"""Finding the item that a row or a request means when no dataset is named: within a run, or anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.emulate.app import ApiError
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.models import Model, Run
from dragoman_nucleus.emulator.rows import Row, Rows
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import Finder


def datasets_of(state: State, run: Run) -> list[Dataset]:
    """Return the datasets that a run covers, in the order in which it came to cover them."""
    return [state.dataset(dataset_id) for dataset_id in run.dataset_ids]


def item_with_id(datasets: list[Dataset], item_id: str) -> Item:
    """Return the item of some datasets that has an id.

    Raises:
        ApiError: 404, there is none.
    """
    for dataset in datasets:
        if item_id in dataset.items.by_id:
            return dataset.items.by_id[item_id]
    raise ApiError(404, f"Item with id {item_id} does not exist.")


def with_reference(datasets: list[Dataset], reference_id: str) -> Item | Scene:
    """Return the item or scene that has a reference id in the first of some datasets that knows it.

    Raises:
        ApiError: 404, none does.
    """
    for dataset in datasets:
        if (target := dataset.known(reference_id)) is not None:
            return target
    raise ApiError(404, f"Item with reference id {reference_id} does not exist.")


def row_named(path: str, datasets: list[Dataset], rows: Rows, noun: str) -> Row:
    """Return the row that a path names by a reference id and an annotation id.

    Both may have slashes, which the SDK does not escape: reference ids are often paths, and annotation ids that the SDK
    makes end with the reference id. So the path is taken apart in every way.

    Args:
        path: The two ids with a slash between them.
        datasets: Where the item or scene may be.
        rows: Where the row may be.
        noun: What such a row is called in the refusal.

    Raises:
        ApiError: 404, there is no such row.
    """
    for reference_id, annotation_id in _halves(path):
        for dataset in datasets:
            target = dataset.known(reference_id)
            row = None if target is None else rows.find(target.id, annotation_id)
            if row is not None:
                return row
    raise ApiError(404, f"{noun} {path} does not exist.")


def _halves(path: str) -> Iterator[tuple[str, str]]:
    """Yield a path in two, at each of its slashes, the last one first."""
    pieces = path.split("/")
    for cut in range(len(pieces) - 1, 0, -1):
        yield "/".join(pieces[:cut]), "/".join(pieces[cut:])


def finder(datasets: list[Dataset]) -> Finder:
    """Return a function that finds the item of a row in the first of some datasets that has it."""

    def find(row: Row) -> Item | Scene | None:
        for dataset in datasets:
            if (item := dataset.find(row)) is not None:
                return item
        return None

    return find


def finder_anywhere(state: State) -> Finder:
    """Return a function that finds the item of a row in all datasets.

    A row that has no item id and names no dataset is found only if one dataset alone knows its reference id.
    """
    everything = list(state.datasets.values())

    def find(row: Row) -> Item | Scene | None:
        named = state.datasets.get(row.dataset_id) if row.dataset_id is not None else None
        if row.item_id is None and named is not None:
            return named.find(row)
        found = [item for dataset in everything if (item := dataset.find(row)) is not None]
        return found[0] if len(found) == 1 else None

    return find


def widening(run: Run, find: Finder) -> Finder:
    """Return `find`, with the effect that the run covers the dataset of every item that is found."""

    def find_and_cover(row: Row) -> Item | Scene | None:
        item = find(row)
        if item is not None:
            run.cover(item.dataset_id)
        return item

    return find_and_cover


def run_on(state: State, model: Model, dataset: Dataset) -> Run:
    """Return the run of a model that uploads to a dataset go to: the youngest, or a new one."""
    run = state.latest_run(model.id, dataset.id)
    if run is None:
        run = Run(id=state.ids.new("run"), model_id=model.id, name=model.name)
        run.cover(dataset.id)
        state.runs[run.id] = run
    return run
