"""Every method of the SDK's clients is reached by a neutral call or left for a reason; a new one fails here."""

from __future__ import annotations

import inspect

import pytest
from nucleus import NucleusClient
from nucleus.dataset import Dataset
from nucleus.evaluation_v2 import EvaluationV2
from nucleus.model import Model
from nucleus.model_run import ModelRun
from nucleus.slice import Slice
from nucleus.track import Track

from dragoman.interface import FACETS
from dragoman_nucleus.adapter import NucleusAdapter
from dragoman_nucleus.extension import Extension

REACHED = {
    "models.create": "NucleusClient.create_model NucleusClient.add_model",
    "models.get": "NucleusClient.get_model",
    "models.list": "NucleusClient.list_models",
    "models.delete": "NucleusClient.delete_model",
    "versions.create": "NucleusClient.create_model_run Dataset.create_model_run Model.create_run",
    "versions.get": "NucleusClient.get_model_run NucleusClient.model_run_info ModelRun.info",
    "versions.list": "Model.model_runs",
    "versions.delete": "NucleusClient.delete_model_run",
    "versions.upload_weights": "NucleusClient.upload_model_weights Model.upload_weights",
    "versions.download_weights": "NucleusClient.download_model_weights Model.download_weights",
    "predictions.write": (
        "ModelRun.predict ModelRun.add_predictions Dataset.upload_predictions Model.upload_predictions "
        "Dataset.upload_predictions_for_model_run"
    ),
    "predictions.read": (
        "NucleusClient.predictions_iloc NucleusClient.predictions_loc NucleusClient.predictions_ref_id "
        "Model.predictions_iloc Model.predictions_loc Model.predictions_refloc Dataset.predictions_iloc "
        "Dataset.predictions_refloc Dataset.prediction_loc Dataset.export_predictions ModelRun.iloc ModelRun.loc "
        "ModelRun.refloc ModelRun.prediction_loc ModelRun.ungrouped_export"
    ),
    "evaluations.evaluate": "ModelRun.commit Dataset.calculate_evaluation_metrics Dataset.evaluation_label_schema",
    "evaluations.get": "NucleusClient.get_evaluation_v2",
    "datasets.create": "NucleusClient.create_dataset",
    "datasets.get": "NucleusClient.get_dataset NucleusClient.dataset_info Dataset.info",
    "datasets.list": "NucleusClient.list_datasets",
    "datasets.delete": "NucleusClient.delete_dataset",
    "datasets.read_items": "Dataset.items_generator NucleusClient.get_dataset_items",
    "datasets.write_items": "Dataset.append Dataset.update_item_metadata",
    "labels.read": (
        "Dataset.items_and_annotation_generator Dataset.items_and_annotations Dataset.refloc Dataset.iloc Dataset.loc "
        "Dataset.ground_truth_loc NucleusClient.dataitem_iloc NucleusClient.dataitem_loc NucleusClient.dataitem_ref_id"
    ),
    "labels.write": "Dataset.annotate",
    "ontologies.create": "Dataset.add_taxonomy",
    "ontologies.get": "Dataset.export_class_labels",
    "handoff.send_items": "Slice.send_to_labeling",
    "slices.create": "NucleusClient.create_slice Dataset.create_slice",
    "slices.create_of_ids": "Dataset.create_slice_by_ids",
    "slices.sample": "Dataset.build_slice",
    "slices.get": "NucleusClient.get_slice NucleusClient.slice_info Slice.info",
    "slices.list": "Dataset.get_slices",
    "slices.append": "NucleusClient.append_to_slice Slice.append",
    "slices.tag": "Slice.add_tags",
    "slices.delete": "NucleusClient.delete_slice",
    "slices.items": "Slice.items_generator Slice.dataset_items Slice.export_raw_items Slice.export_raw_json",
    "slices.labels": "Slice.items_and_annotation_generator Slice.items_and_annotations",
    "slices.predictions": "Slice.export_predictions Slice.export_predictions_generator",
    "slices.features": "Slice.export_class_labels",
    "benchmarks.create": "NucleusClient.create_benchmark",
    "benchmarks.get": "NucleusClient.get_benchmark",
    "benchmarks.list": "NucleusClient.list_benchmarks",
    "benchmarks.update": "NucleusClient.update_benchmark",
    "benchmarks.delete": "NucleusClient.delete_benchmark",
    "benchmarks.items": "NucleusClient.list_benchmark_items",
    "benchmarks.add_items": "NucleusClient.add_benchmark_items",
    "benchmarks.remove_items": "NucleusClient.remove_benchmark_items",
    "benchmarks.finalize": "NucleusClient.finalize_benchmark",
    "benchmarks.evaluate": "NucleusClient.create_benchmark_evaluation_v2",
    "benchmarks.evaluations": "NucleusClient.list_evaluations_v2",
    "benchmarks.charts": "EvaluationV2.charts",
    "benchmarks.matches": "EvaluationV2.examples",
    "benchmarks.filter_schema": "NucleusClient.get_evaluation_v2_filter_schema EvaluationV2.filter_schema",
    "benchmarks.cancel": "EvaluationV2.cancel",
    "benchmarks.retry": "EvaluationV2.retry",
    "benchmarks.delete_evaluation": "EvaluationV2.delete",
    "benchmarks.ranking": "NucleusClient.leaderboard_ranking",
    "benchmarks.f1_curve": "NucleusClient.leaderboard_f1_curve",
    "presets.create": "NucleusClient.create_evaluation_v2_preset",
    "presets.list": "NucleusClient.list_evaluation_v2_presets",
    "presets.update": "NucleusClient.update_evaluation_v2_preset",
    "presets.delete": "NucleusClient.delete_evaluation_v2_preset",
    "scenes.get": "Dataset.get_scene",
    "scenes.of_item": "Dataset.get_scene_from_item_ref_id",
    "scenes.delete": "Dataset.delete_scene",
    "scenes.update_metadata": "Dataset.update_scene_metadata",
    "scenes.export": "Dataset.scene_and_annotation_generator",
    "scenes.update_track": "Track.update",
    "scenes.delete_tracks": "Dataset.delete_tracks",
    "registry.add_tags": "Model.add_tags",
    "registry.remove_tags": "Model.remove_tags",
    "registry.add_trained_on": "Model.add_trained_slice_ids",
    "registry.remove_trained_on": "Model.remove_trained_slice_ids",
    "registry.weights": "NucleusClient.get_model_weights Model.weights",
    "registry.delete_weights": "NucleusClient.delete_model_weights Model.delete_weights",
    "runs.merge": "NucleusClient.merge_model_runs",
    "runs.copy_to_model": "Model.copy_predictions_from_run",
    "runs.match": "NucleusClient.commit_model_run",
    "curation.delete_item": "Dataset.delete_item NucleusClient.delete_dataset_item",
    "curation.delete_labels": "Dataset.delete_annotations NucleusClient.delete_annotations",
    "curation.delete_taxonomy": "Dataset.delete_taxonomy",
    "curation.tags": "Dataset.get_tags",
    "curation.add_tags": "Dataset.add_tags",
    "curation.remove_tags": "Dataset.remove_tags",
    "search.items": "Dataset.query_items",
    "search.scenes": "Dataset.query_scenes",
    "search.objects": "Dataset.query_objects",
    "search.unique": "Dataset.deduplicate Dataset.deduplicate_by_ids",
}
"""Neutral call, or method of an extension, to the methods whose work it does, or whose route it uses."""

LEFT = {
    "transport of the SDK itself": (
        "NucleusClient.get NucleusClient.post NucleusClient.put NucleusClient.patch NucleusClient.delete "
        "NucleusClient.make_request NucleusClient.valid_dirname Model.from_json Slice.from_request "
        "EvaluationV2.from_json EvaluationV2.refresh Track.from_json Track.to_json Track.to_payload"
    ),
    "reads files or projects into items, which the caller does": (
        "NucleusClient.create_dataset_from_dir NucleusClient.create_dataset_from_project "
        "NucleusClient.create_launch_model NucleusClient.create_launch_model_from_dir Dataset.add_items_from_dir "
        "NucleusClient.ingest_tasks Dataset.ingest_tasks NucleusClient.download_pointcloud_task "
        "NucleusClient.download_pointcloud_tasks Dataset.export_scale_task_info Slice.export_scale_task_info"
    ),
    "asynchronous jobs are followed inside the calls that start them": (
        "NucleusClient.get_job NucleusClient.list_jobs Dataset.jobs EvaluationV2.wait_for_completion"
    ),
    "hosted inference is for models of the platform's own": "Model.run",
    "scenario tests are made of functions in the platform's own registry, and benchmarks took their place": (
        "Model.evaluate"
    ),
    "labels of single points of a cloud have no place in the canonical schema": (
        "Dataset.upload_lidar_semseg_predictions"
    ),
    "embeddings, indices and autotags are made and looked at in the platform's own interface": (
        "NucleusClient.create_custom_index NucleusClient.create_image_index NucleusClient.create_object_index "
        "NucleusClient.delete_autotag NucleusClient.delete_custom_index NucleusClient.get_autotag_refinement_metrics "
        "NucleusClient.list_autotags NucleusClient.set_continuous_indexing NucleusClient.set_primary_index "
        "Dataset.autotag_items Dataset.autotag_training_items Dataset.create_custom_index Dataset.create_image_index "
        "Dataset.create_object_index Dataset.delete_custom_index "
        "Dataset.export_embeddings Dataset.get_image_indexing_status Dataset.get_object_indexing_status "
        "Dataset.items_and_annotation_chip_generator Dataset.list_autotags "
        "Dataset.set_continuous_indexing Dataset.set_primary_index Dataset.update_autotag Slice.export_embeddings"
    ),
}
"""Reason to the methods that no neutral call reaches."""


def methods() -> set[str]:
    """All public methods of the SDK's clients."""
    kinds = (NucleusClient, Dataset, Model, ModelRun, Slice, EvaluationV2, Track)
    return {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and callable(member)
    }


def declared() -> list[str]:
    return [method for names in (*REACHED.values(), *LEFT.values()) for method in names.split()]


def test_every_method_is_reached_or_left_for_a_reason() -> None:
    assert sorted(methods() - set(declared())) == [], "the SDK has new methods: reach them, or say why not"


def test_nothing_is_declared_that_the_sdk_no_longer_has() -> None:
    assert sorted(set(declared()) - methods()) == []


def test_nothing_is_declared_twice() -> None:
    assert len(declared()) == len(set(declared()))


def test_nothing_is_left_because_it_is_unwritten() -> None:
    assert [reason for reason in LEFT if "unwritten" in reason] == []


@pytest.mark.parametrize("call", REACHED)
def test_the_calls_exist_and_are_supported(call: str) -> None:
    facet, _, operation = call.partition(".")
    capabilities = NucleusAdapter.capabilities()
    if facet in {base.name for base in FACETS}:
        assert capabilities[call].supported
        return
    extension = inspect.get_annotations(getattr(NucleusAdapter, facet).func, eval_str=True)["return"]
    assert issubclass(extension, Extension)
    assert extension.name == facet
    method = getattr(extension, operation)
    assert callable(method)
    assert inspect.getdoc(method)


def test_every_method_of_an_extension_goes_through_the_pipeline() -> None:
    loose = [
        f"{extension.__name__}.{name}"
        for extension in Extension.__subclasses__()
        for name, method in vars(extension).items()
        if callable(method) and not name.startswith("_") and not hasattr(method, "__wrapped__")
    ]
    # Listings and bulk writes, each page or batch of which is carried; the last is called by others.
    assert sorted(loose) == [
        "Benchmarks.items",
        "Benchmarks.matches",
        "Scenes.export",
        "Scenes.write",
        "Search.items",
        "Search.objects",
        "Search.scenes",
        "Slices.items",
        "Slices.labels",
        "Slices.made",
        "Slices.predictions",
    ]
