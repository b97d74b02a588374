"""What an emulated Nucleus account holds, and finding things in it.

Plain objects that tests may look at (`emulation.state.datasets[...]`). Lookups by id raise the refusal that a client
gets. All changes happen on the one loop of the server; jobs and uploaded files have their own modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.emulate.app import ApiError
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_nucleus.emulator.blobs import Blobs
from dragoman_nucleus.emulator.datasets import Dataset, Slice
from dragoman_nucleus.emulator.evaluations import Benchmark, Evaluation, Preset
from dragoman_nucleus.emulator.ids import Ids
from dragoman_nucleus.emulator.items import Item, Scene, found
from dragoman_nucleus.emulator.jobs import Jobs
from dragoman_nucleus.emulator.labeling import Task
from dragoman_nucleus.emulator.models import Model, Run
from dragoman_nucleus.emulator.objects import Objects
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.scenarios import EvalFunction, ScenarioTest
from dragoman_nucleus.emulator.scorers import SCORERS
from dragoman_nucleus.emulator.weights import WeightsUploads


class State:
    """Everything that one emulated account holds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.strict_taxonomies = False
        """Whether categories must conform to a taxonomy that was added, if they name one."""
        self.ids = Ids()
        self.blobs = Blobs()
        self.jobs = Jobs(self.ids, settings, clock)
        self.objects = Objects(self.ids)
        self.weights = WeightsUploads(self.ids)
        self.models: dict[str, Model] = {}
        self.runs: dict[str, Run] = {}
        self.datasets: dict[str, Dataset] = {}
        self.slices: dict[str, Slice] = {}
        self.tasks: dict[str, Task] = {}
        self.benchmarks: dict[str, Benchmark] = {}
        self.evaluations: dict[str, Evaluation] = {}
        self.presets: dict[str, Preset] = {}
        self.scenario_tests: dict[str, ScenarioTest] = {}
        offered = (EvalFunction(id=self.ids.new("ef"), name=name) for name in SCORERS)
        self.eval_functions = {function.id: function for function in offered}

    def now(self) -> str:
        """Return the time as ISO 8601."""
        return self.clock.now().isoformat()

    def model(self, model_id: str) -> Model:
        return found(self.models, model_id, "Model")

    def run(self, run_id: str) -> Run:
        return found(self.runs, run_id, "Model run")

    def dataset(self, dataset_id: str) -> Dataset:
        return found(self.datasets, dataset_id, "Dataset")

    def slice(self, slice_id: str) -> Slice:
        return found(self.slices, slice_id, "Slice")

    def item(self, item_id: str) -> Item:
        """Return the item with an id, whatever its dataset."""
        for dataset in self.datasets.values():
            if item_id in dataset.items.by_id:
                return dataset.items.by_id[item_id]
        raise ApiError(404, f"Item with id {item_id} does not exist.")

    def add_item(self, dataset: Dataset, **fields: Any) -> Item:
        """Add an item to a dataset; `fields` are those of `Item` that the client gives."""
        number, item_id = dataset.items.next_number(), self.ids.new("di")
        image_url = fields.get("image_url")
        phash = self.blobs.phash(image_url) if image_url is not None else ""
        item = Item(number=number, id=item_id, dataset_id=dataset.id, phash=phash, **fields)
        dataset.items.add(item)
        return item

    def slice_items(self, chosen: Slice) -> list[Item]:
        """Return the items of a slice in the order of the dataset; for other slices, those that its members are on."""
        dataset = self.dataset(chosen.dataset_id)
        return sorted(self._items_of(dataset, chosen), key=lambda item: item.number)

    def _items_of(self, dataset: Dataset, chosen: Slice) -> list[Item]:
        by_id = dataset.items.by_id
        if chosen.type == "dataset_item":
            return [by_id[item_id] for item_id in chosen.member_ids]
        if chosen.type == "scene":
            scenes = self.slice_scenes(chosen)
            return [by_id[item_id] for scene in scenes for item_id in scene.item_ids()]
        places = map(self.objects.find, chosen.member_ids)
        return [by_id[item_id] for item_id in {place.item_id for place in places if place} if item_id in by_id]

    def slice_scenes(self, chosen: Slice) -> list[Scene]:
        """Return the scenes of a slice of scenes in the order of the dataset."""
        by_id = self.dataset(chosen.dataset_id).scenes.by_id
        return sorted((by_id[scene_id] for scene_id in chosen.member_ids), key=lambda scene: scene.number)

    def runs_on(self, dataset_id: str) -> list[Run]:
        """Return the runs that cover a dataset, oldest first."""
        return [run for run in self.runs.values() if dataset_id in run.dataset_ids]

    def latest_run(self, model_id: str, dataset_id: str) -> Run | None:
        """Return the run that the model-on-dataset routes mean, if there is one: the youngest."""
        runs = [run for run in self.runs_on(dataset_id) if run.model_id == model_id]
        return runs[-1] if runs else None

    def evaluated(self, evaluation: Evaluation) -> Rows:
        """Return the predictions that an evaluation is of: a run's, or those of a model without a run."""
        settings = evaluation.settings
        holder = self.model(settings.model_id) if settings.run_id is None else self.run(settings.run_id)
        return holder.predictions

    def slices_of(self, dataset_id: str) -> list[Slice]:
        """Return the slices of a dataset, oldest first."""
        return [part for part in self.slices.values() if part.dataset_id == dataset_id]

    def stores_of(self, dataset: Dataset) -> list[Rows]:
        """Return all stores that may hold rows on the items of a dataset."""
        runs = [run.predictions for run in self.runs_on(dataset.id)]
        return [dataset.ground_truth, *runs, *(model.predictions for model in self.models.values())]

    def forget_run(self, run: Run) -> None:
        """Delete a run with its predictions, which may be members of slices."""
        del self.runs[run.id]
        run.predictions.clear()

    def forget_model(self, model: Model) -> None:
        """Delete a model with its predictions and its runs."""
        del self.models[model.id]
        model.predictions.clear()
        for run in [run for run in self.runs.values() if run.model_id == model.id]:
            self.forget_run(run)

    def forget_dataset(self, dataset: Dataset) -> None:
        """Delete a dataset with its slices and all that hangs on its items; runs no longer cover it."""
        self.forget_targets(dataset, [*dataset.items, *dataset.scenes])
        for part in self.slices_of(dataset.id):
            del self.slices[part.id]
        for run in self.runs_on(dataset.id):
            run.dataset_ids.remove(dataset.id)
            run.matches.pop(dataset.id, None)
        del self.datasets[dataset.id]

    def forget_scene(self, dataset: Dataset, scene: Scene) -> None:
        """Delete a scene with the items of its frames."""
        self.forget_targets(dataset, [scene, *(dataset.items.id(item_id) for item_id in scene.item_ids())])

    def forget_targets(self, dataset: Dataset, targets: Sequence[Item | Scene]) -> None:
        """Delete items and scenes with all that hangs on them: ground truth, predictions and places in slices."""
        stores, slices = self.stores_of(dataset), self.slices_of(dataset.id)
        item_ids = {target.id for target in targets if isinstance(target, Item)}
        self.tasks = {task.id: task for task in self.tasks.values() if task.item_id not in item_ids}
        for benchmark in self.benchmarks.values():
            benchmark.discard(item_ids)
        dataset.items.remove(item_ids)
        dataset.scenes.remove({target.id for target in targets if isinstance(target, Scene)})
        for target in targets:
            if isinstance(target, Item) and target.scene_id in dataset.scenes.by_id:
                dataset.scenes.id(target.scene_id).drop(target.id)
            for store in stores:
                store.discard(target.id)
            for part in slices:
                part.member_ids.discard(target.id)
