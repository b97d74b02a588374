"""Every method of the SDK's clients is reached by a neutral call or left for a reason; a new one fails here."""

from __future__ import annotations

import inspect

import pytest
from nucleus import NucleusClient
from nucleus.dataset import Dataset
from nucleus.model import Model
from nucleus.model_run import ModelRun

from dragoman.interface import FACETS

REACHED = {
    "models.create": "NucleusClient.create_model NucleusClient.add_model",
    "models.get": "NucleusClient.get_model",
    "models.list": "NucleusClient.list_models",
    "models.delete": "NucleusClient.delete_model",
    "versions.create": "NucleusClient.create_model_run Dataset.create_model_run Model.create_run",
    "versions.get": "NucleusClient.get_model_run NucleusClient.model_run_info ModelRun.info",
    "versions.list": "Model.model_runs",
    "versions.delete": "NucleusClient.delete_model_run",
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
}
"""Neutral call to the methods whose work it does, or whose route it uses."""

LEFT = {
    "transport of the SDK itself": (
        "NucleusClient.get NucleusClient.post NucleusClient.put NucleusClient.patch NucleusClient.delete "
        "NucleusClient.make_request NucleusClient.valid_dirname Model.from_json"
    ),
    "reads files or projects into items, which the caller does": (
        "NucleusClient.create_dataset_from_dir NucleusClient.create_dataset_from_project "
        "NucleusClient.create_launch_model NucleusClient.create_launch_model_from_dir Dataset.add_items_from_dir "
        "NucleusClient.ingest_tasks Dataset.ingest_tasks NucleusClient.download_pointcloud_task "
        "NucleusClient.download_pointcloud_tasks Dataset.export_scale_task_info"
    ),
    "asynchronous jobs are followed inside the calls that start them": (
        "NucleusClient.get_job NucleusClient.list_jobs Dataset.jobs"
    ),
    "hosted inference is for models of the platform's own": "Model.run",
    "evaluation and benchmarks: unwritten": (
        "NucleusClient.commit_model_run ModelRun.commit Dataset.calculate_evaluation_metrics "
        "Dataset.evaluation_label_schema Model.evaluate NucleusClient.create_benchmark "
        "NucleusClient.create_benchmark_evaluation_v2 NucleusClient.create_evaluation_v2_preset "
        "NucleusClient.add_benchmark_items NucleusClient.delete_benchmark NucleusClient.delete_evaluation_v2_preset "
        "NucleusClient.finalize_benchmark NucleusClient.get_benchmark NucleusClient.get_evaluation_v2 "
        "NucleusClient.get_evaluation_v2_filter_schema NucleusClient.leaderboard_f1_curve "
        "NucleusClient.leaderboard_ranking NucleusClient.list_benchmark_items NucleusClient.list_benchmarks "
        "NucleusClient.list_evaluation_v2_presets NucleusClient.list_evaluations_v2 "
        "NucleusClient.remove_benchmark_items NucleusClient.update_benchmark NucleusClient.update_evaluation_v2_preset"
    ),
    "weights belong to a model there: unwritten": (
        "NucleusClient.delete_model_weights NucleusClient.download_model_weights NucleusClient.get_model_weights "
        "NucleusClient.upload_model_weights Model.delete_weights Model.download_weights Model.upload_weights "
        "Model.weights"
    ),
    "runs are merged and copied on the platform: unwritten": (
        "NucleusClient.merge_model_runs Model.copy_predictions_from_run"
    ),
    "tags and trained slices of models: unwritten": (
        "Model.add_tags Model.remove_tags Model.add_trained_slice_ids Model.remove_trained_slice_ids"
    ),
    "deletes single items, labels or taxonomies, which no facet does": (
        "Dataset.delete_item NucleusClient.delete_dataset_item Dataset.delete_annotations "
        "NucleusClient.delete_annotations Dataset.delete_taxonomy"
    ),
    "slices: unwritten": (
        "NucleusClient.append_to_slice NucleusClient.create_slice NucleusClient.delete_slice NucleusClient.get_slice "
        "NucleusClient.slice_info Dataset.build_slice Dataset.create_slice Dataset.create_slice_by_ids "
        "Dataset.get_slices"
    ),
    "scenes and tracks: unwritten": (
        "Dataset.delete_scene Dataset.delete_tracks Dataset.get_scene Dataset.get_scene_from_item_ref_id "
        "Dataset.query_scenes Dataset.scene_and_annotation_generator Dataset.update_scene_metadata "
        "Dataset.upload_lidar_semseg_predictions"
    ),
    "search, embeddings, autotags and deduplication are the platform's own": (
        "NucleusClient.create_custom_index NucleusClient.create_image_index NucleusClient.create_object_index "
        "NucleusClient.delete_autotag NucleusClient.delete_custom_index NucleusClient.get_autotag_refinement_metrics "
        "NucleusClient.list_autotags NucleusClient.set_continuous_indexing NucleusClient.set_primary_index "
        "Dataset.autotag_items Dataset.autotag_training_items Dataset.create_custom_index Dataset.create_image_index "
        "Dataset.create_object_index Dataset.deduplicate Dataset.deduplicate_by_ids Dataset.delete_custom_index "
        "Dataset.export_embeddings Dataset.get_image_indexing_status Dataset.get_object_indexing_status "
        "Dataset.items_and_annotation_chip_generator Dataset.list_autotags Dataset.query_items Dataset.query_objects "
        "Dataset.set_continuous_indexing Dataset.set_primary_index Dataset.update_autotag"
    ),
    "tags of datasets have no place in the canonical schema": "Dataset.add_tags Dataset.get_tags Dataset.remove_tags",
}
"""Reason to the methods that no neutral call reaches."""


def methods() -> set[str]:
    """All public methods of the SDK's clients."""
    kinds = (NucleusClient, Dataset, Model, ModelRun)
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


@pytest.mark.parametrize("call", REACHED)
def test_the_neutral_calls_exist(call: str) -> None:
    assert call in {str(operation) for base in FACETS for operation in base.operations.values()}
