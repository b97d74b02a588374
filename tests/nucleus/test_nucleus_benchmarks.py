"""Benchmarks and presets: fixed sets of labelled items, evaluations against them, rankings."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Box, Conflict, InvalidData, Item, Label, NotFound, Prediction
from dragoman.emulate import Live

RULE = {"type": "labels", "scope": "annotation", "target": "prediction", "labels": ["person"]}


@pytest.fixture
def labelled(backend: Any) -> Any:
    """A dataset of four items, three of them labelled with a car."""
    dataset = backend.datasets.create("labelled")
    items = [Item(f"{n}", uri=f"https://example.com/{n}.jpg") for n in range(4)]
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    labels = [Label(f"{n}", "car", Box(n, 1, 20, 20)) for n in range(3)]
    backend.labels.write(labels, dataset=dataset).raise_for_problems()
    return dataset


def judged(backend: Any, dataset: Any, model: Any, hits: int) -> Any:
    """A version that finds so many of the cars, and sees a person beside each."""
    version = backend.versions.create(model, name=f"finds {hits}", dataset=dataset)
    cars = [Prediction(f"{n}", "car", Box(n, 1, 20, 20), confidence=0.9) for n in range(hits)]
    people = [Prediction(f"{n}", "person", Box(n + 100, 1, 20, 20), confidence=0.5) for n in range(hits)]
    backend.predictions.write([*cars, *people], version=version, dataset=dataset).raise_for_problems()
    return version


class TestBenchmarks:
    def test_only_labelled_items_are_in_it(self, backend: Any, labelled: Any) -> None:
        made = backend.benchmarks.create("all", datasets=[labelled], description="d", metadata={"n": 1})
        assert (made.status, made.items, made.description, made.metadata) == ("ready", 3, "d", {"n": 1})
        assert len(list(backend.benchmarks.items(made, page_size=2))) == 3
        assert backend.benchmarks.get(made.id) == made
        assert backend.benchmarks.list() == [made]

    def test_it_is_renamed_and_deleted(self, backend: Any, labelled: Any) -> None:
        made = backend.benchmarks.create("all", datasets=[labelled], metadata={"n": 1})
        changed = backend.benchmarks.update(made, name="every")
        assert (changed.name, changed.metadata) == ("every", {"n": 1})
        backend.benchmarks.delete(made)
        with pytest.raises(NotFound):
            backend.benchmarks.get(made)

    def test_a_draft_is_filled_until_it_is_finalized(self, backend: Any, labelled: Any) -> None:
        draft = backend.benchmarks.create("draft", draft=True)
        assert draft.status == "draft"
        part = backend.slices.create("two", dataset=labelled, items=["0", "1"])
        backend.benchmarks.add_items(draft, slices=[part])
        first, second = backend.benchmarks.items(draft)
        backend.benchmarks.remove_items(draft, [first])
        assert list(backend.benchmarks.items(draft)) == [second]
        assert backend.benchmarks.update(draft, class_agnostic=True).class_agnostic
        ready = backend.benchmarks.finalize(draft)
        assert (ready.status, ready.items) == ("ready", 1)
        with pytest.raises(Conflict):
            backend.benchmarks.add_items(draft, datasets=[labelled])

    def test_a_next_version_takes_over_the_items(self, backend: Any, labelled: Any) -> None:
        first = backend.benchmarks.create("all", datasets=[labelled])
        gone, *_ = backend.benchmarks.items(first)
        second = backend.benchmarks.create("all", parent=first, without=[gone])
        assert (second.parent, second.version, second.items) == (first.id, (1, 1), 2)

    def test_names_are_grouped_or_ignored_not_both(self, backend: Any, labelled: Any) -> None:
        with pytest.raises(InvalidData, match="give one of them"):
            backend.benchmarks.create("b", datasets=[labelled], groups={"a": ["b"]}, class_agnostic=False)


class TestEvaluations:
    def test_items_without_predictions_are_missed(self, backend: Any, labelled: Any, model: Any) -> None:
        benchmark = backend.benchmarks.create("all", datasets=[labelled])
        version = judged(backend, labelled, model, 2)
        evaluation = backend.benchmarks.evaluate(benchmark, version=version, name="two of three")
        assert backend.benchmarks.evaluations(version=version) == [evaluation]
        counts = backend.benchmarks.charts(evaluation)["totalCounts"]
        assert (counts["tp"], counts["fp"], counts["fn"]) == (2, 2, 1)
        matches = list(backend.benchmarks.matches(evaluation, page_size=2))
        assert sorted(match["match_type"] for match in matches) == ["FN", "FP", "FP", "TP", "TP"]
        assert len(list(backend.benchmarks.matches(evaluation, kind="FN"))) == 1
        assert backend.benchmarks.filter_schema(evaluation)["gt_labels"] == ["car"]
        found = backend.evaluations.get(evaluation)
        assert (found.version, found.dataset) == (version.id, benchmark.id)
        backend.benchmarks.delete_evaluation(evaluation)
        with pytest.raises(NotFound):
            backend.evaluations.get(evaluation)

    def test_groups_rules_and_presets_change_what_counts(self, backend: Any, labelled: Any, model: Any) -> None:
        benchmark = backend.benchmarks.create("all", datasets=[labelled])
        version = judged(backend, labelled, model, 3)

        def wrong(**options: Any) -> int:
            evaluation = backend.benchmarks.evaluate(benchmark, version=version, **options)
            return backend.benchmarks.charts(evaluation)["totalCounts"]["fp"]

        preset = backend.presets.create("no people", exclude=[RULE])
        assert wrong() == 3
        assert wrong(exclude=[RULE]) == 0
        assert wrong(preset=preset) == 0
        assert wrong(groups={"thing": ["car", "person"]}) == 3

    def test_a_model_is_evaluated_without_a_run(self, backend: Any, labelled: Any, model: Any) -> None:
        benchmark = backend.benchmarks.create("all", datasets=[labelled])
        backend.runs.copy_to_model(judged(backend, labelled, model, 3), model=model)
        evaluation = backend.benchmarks.evaluate(benchmark, model=model)
        assert backend.benchmarks.evaluations(model=model) == [evaluation]
        assert backend.evaluations.get(evaluation).metrics["recall"] == 1
        with pytest.raises(InvalidData, match="name one of them"):
            backend.benchmarks.evaluate(benchmark)
        for named in ({}, {"model": model, "version": "run_1"}):
            with pytest.raises(InvalidData, match="name one of them"):
                backend.benchmarks.evaluations(**named)

    def test_one_that_runs_is_stopped_and_one_that_failed_is_made_again(
        self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]
    ) -> None:
        benchmark = backend.benchmarks.create("all", datasets=[labelled])
        version = judged(backend, labelled, model, 3)
        emulated.settings.job_polls = 10**9

        def start() -> str:
            wanted = {"model_run_id": version.id}
            answer = backend.client.post(wanted, f"benchmarks/{benchmark.id}/evaluationsV2")
            return str(answer["evaluation_id"])

        started = start()
        backend.benchmarks.cancel(started)
        assert backend.client.get(f"evaluationsV2/{started}")["status"] == "cancelled"
        emulated.settings.job_polls = 0
        emulated.state.jobs.fail_next("Errored", "out of luck")
        failed = start()
        again = backend.benchmarks.retry(failed)
        assert again != failed
        assert backend.evaluations.get(again).metrics["recall"] == 1

    def test_models_are_ranked(self, backend: Any, labelled: Any) -> None:
        benchmark = backend.benchmarks.create("all", datasets=[labelled])
        for name, hits in (("poor", 1), ("good", 3)):
            model = backend.models.create(name, task="object_detection", features=["car", "person"])
            backend.runs.copy_to_model(judged(backend, labelled, model, hits), model=model)
            backend.benchmarks.evaluate(benchmark, model=model)
        ranked = backend.benchmarks.ranking("MAP_50", [benchmark])
        assert [one["model_name"] for one in ranked] == ["good", "poor"]
        assert len(backend.benchmarks.ranking("RECALL", [benchmark], confidence=0.99)) == 2
        curves = backend.benchmarks.f1_curve([benchmark], models=1)
        assert [one["model_name"] for one in curves] == ["good"]


class TestPresets:
    def test_a_preset_is_made_changed_listed_and_deleted(self, backend: Any) -> None:
        made = backend.presets.create("vehicles", groups={"vehicle": ["car", "bus"]}, exclude=[RULE])
        assert (made.name, made.groups) == ("vehicles", {"vehicle": ("car", "bus")})
        assert made.exclude[0]["labels"] == ["person"]
        changed = backend.presets.update(made, name="cars", groups={"car": ["car"]})
        assert (changed.name, changed.groups, changed.exclude) == ("cars", {"car": ("car",)}, made.exclude)
        assert backend.presets.list() == [changed]
        backend.presets.delete(changed)
        assert backend.presets.list() == []
