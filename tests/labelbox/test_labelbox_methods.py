"""Every method of the SDK's objects is reached by a neutral call or left for a reason; a new one fails here."""

from __future__ import annotations

import inspect

import pytest
from labelbox import Client, Dataset, Project
from labelbox.schema.model import Model
from labelbox.schema.model_run import ModelRun

from dragoman.interface import FACETS

REACHED = {
    "models.create": "Client.create_model",
    "models.get": "Client.get_model",
    "models.list": "Client.get_models",
    "models.delete": "Model.delete",
    "versions.create": (
        "Model.create_model_run ModelRun.upsert_data_rows ModelRun.upsert_labels ModelRun.assign_data_rows_to_split"
    ),
    "versions.get": "Client.get_model_run ModelRun.get_config",
    "versions.update": "ModelRun.update_config ModelRun.reset_config ModelRun.update_status",
    "versions.delete": "ModelRun.delete",
    "versions.data": "ModelRun.model_run_data_rows",
    "inference.predict": "Client.run_foundry_app",
    "predictions.write": "ModelRun.add_predictions",
    "predictions.read": "ModelRun.export ModelRun.export_v2",
    "predictions.delete": "ModelRun.delete_model_run_data_rows",
    "datasets.create": "Client.create_dataset",
    "datasets.get": "Client.get_dataset",
    "datasets.list": "Client.get_datasets",
    "datasets.delete": "Dataset.delete Project.delete",
    "datasets.read_items": (
        "Dataset.data_rows Client.get_data_row Client.get_data_row_by_global_key Dataset.data_row_for_external_id "
        "Dataset.data_rows_for_external_id Client.get_data_row_ids_for_external_ids"
    ),
    "datasets.write_items": (
        "Dataset.create_data_row Dataset.create_data_rows Dataset.upsert_data_rows Client.upload_file "
        "Client.get_data_row_ids_for_global_keys Client.get_data_row_metadata_ontology "
        "Client.assign_global_keys_to_data_rows"
    ),
    "labels.read": "Dataset.export Dataset.export_v2 Project.export Project.export_v2 Project.labels",
    "labels.write": (
        "Client.create_project Client.get_projects Project.create_batch Project.create_batches "
        "Project.create_batches_from_dataset"
    ),
    "labels.export": "Client.upload_data",
    "ontologies.create": (
        "Client.create_ontology Client.create_ontology_from_feature_schemas Client.create_feature_schema "
        "Client.insert_feature_schema_into_ontology Project.connect_ontology"
    ),
    "ontologies.get": "Client.get_ontology",
    "handoff.send_predictions": (
        "ModelRun.send_to_annotate_from_model ModelRun.upsert_predictions_and_send_to_project Project.task_queues"
    ),
    "handoff.send_items": "Client.send_to_annotate_from_catalog Client.get_project",
}
"""Neutral call to the methods whose work it does, or whose operation it uses."""

LEFT = {
    "transport and machinery of the SDK itself": (
        "Client.execute Client.set_sdk_method Client.unset_sdk_method Client.build_catalog_query "
        "Model.attribute Model.field Model.fields Model.relationships Model.type_name "
        "ModelRun.attribute ModelRun.field ModelRun.fields ModelRun.relationships ModelRun.type_name "
        "Dataset.attribute Dataset.field Dataset.fields Dataset.relationships Dataset.type_name "
        "Project.attribute Project.field Project.fields Project.relationships Project.type_name"
    ),
    "what a run costs is shown by the platform": "ModelRun.refresh_cost_and_usage",
    "asynchronous jobs are followed inside the calls that start them": (
        "Client.get_task_by_id Client.cancel_task Project.get_label_imports Project.get_mal_prediction_imports "
        "Client.get_batch Project.batches"
    ),
    "global keys are how items are known here; taking one away would lose the item": "Client.clear_global_keys",
    "edits and clean-up of ontologies and schemas that other projects share are for people": (
        "Client.get_ontologies Client.get_feature_schema Client.get_feature_schemas Client.upsert_feature_schema "
        "Client.update_feature_schema_title Client.delete_feature_schema_from_ontology "
        "Client.delete_unused_feature_schema Client.delete_unused_ontology Client.get_unused_feature_schemas "
        "Client.get_unused_ontologies Client.is_feature_schema_archived Client.unarchive_feature_schema_node"
    ),
    "renaming a dataset or project, cloud storage, tags and priorities have no facet": (
        "Dataset.update Dataset.add_iam_integration Dataset.remove_iam_integration Project.update Project.clone "
        "Project.get_resource_tags Project.update_project_resource_tags Project.update_data_row_labeling_priority "
        "Project.set_labeling_parameter_overrides Project.upsert_instructions Project.sync_external_project "
        "Project.get_overview Project.is_empty_ontology Project.enable_model_assisted_labeling"
    ),
    "the work of people: queues, workflows, reviews, issues, their speed": (
        "Project.bulk_assign_data_rows Project.clear_queue_reservations Project.extend_reservations "
        "Project.move_data_rows_to_task_queue Project.get_workflow Project.clone_workflow_from Project.create_issue "
        "Project.create_issue_category Project.delete_issues Project.export_issues Project.get_issue "
        "Project.get_issue_categories Project.get_issues Project.get_label_count Project.get_labeler_performance "
        "Project.get_labeling_service Project.get_labeling_service_dashboard Project.get_labeling_service_status "
        "Project.get_performance_metric Project.get_performance_report_download Project.get_reviewer_performance "
        "Project.labeler_performance Project.label_versions Project.review_metrics Project.delete_labels_by_user "
        "Client.get_label_version Client.get_labeling_service_dashboards Client.get_performance_metrics "
        "Client.get_workspace_labeler_performance Client.get_workspace_performance_metric "
        "Client.upsert_label_feedback"
    ),
    "accounts, members, keys and sign-ins": (
        "Client.create_api_key Client.get_api_key Client.get_api_keys Client.get_organization Client.get_roles "
        "Client.get_sign_in_events Client.get_sign_in_sessions Client.get_user Client.get_users "
        "Client.delete_project_memberships Project.members"
    ),
    "evaluation of chat models, which is about texts": (
        "Client.create_model_config Client.delete_model_config Client.create_model_evaluation_project "
        "Client.create_offline_model_evaluation_project Project.add_model_config Project.delete_project_model_config "
        "Project.project_model_configs Project.set_project_model_setup_complete Project.is_chat_evaluation "
        "Project.is_auto_data_generation"
    ),
    "catalog, slices and embeddings are the platform's own search": (
        "Client.get_catalog Client.get_catalog_slice Client.get_catalog_slices Client.get_model_slice "
        "Client.create_embedding Client.delete_embedding Client.get_embedding_by_id Client.get_embedding_by_name "
        "Client.get_embeddings Client.get_imported_vector_count Client.import_vectors_from_file"
    ),
}
"""Reason to the methods that no neutral call reaches."""


def methods() -> set[str]:
    """All public methods of the SDK's objects; the other entities, which they hold as attributes, are none."""
    kinds = (Client, Dataset, Project, Model, ModelRun)
    return {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and callable(member) and not inspect.isclass(member)
    }


def declared() -> list[str]:
    return [method for names in (*REACHED.values(), *LEFT.values()) for method in names.split()]


def test_every_method_is_reached_or_left_for_a_reason() -> None:
    assert sorted(methods() - set(declared())) == [], "the SDK has new methods: reach them, or say why not"


def test_nothing_is_declared_that_the_sdk_no_longer_has() -> None:
    assert sorted(set(declared()) - methods()) == []


def test_nothing_is_declared_twice() -> None:
    assert sorted(method for method in set(declared()) if declared().count(method) > 1) == []


def test_what_the_documentation_names_and_the_sdk_has_no_more_is_absent() -> None:
    """`labels.export` does what `export_labels` did; the day it comes back, this fails."""
    assert not hasattr(ModelRun, "export_labels")


@pytest.mark.parametrize("call", REACHED)
def test_the_neutral_calls_exist(call: str) -> None:
    assert call in {str(operation) for base in FACETS for operation in base.operations.values()}
