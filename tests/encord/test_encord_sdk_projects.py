"""Projects, ontologies, label rows and people as the vendor's own SDK handles them, over the emulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import encord
import pytest
from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceExistsError, ResourceNotFoundError
from encord.objects import Shape
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.orm.dataset import DatasetUserRole
from encord.orm.label_row import ShadowDataState
from encord.orm.project import (
    BenchmarkQaWorkflowSettings,
    CopyDatasetAction,
    CopyDatasetOptions,
    CopyLabelsOptions,
    ProjectStatus,
)
from encord.orm.storage import StorageUserRole
from encord.project_ontology.classification_type import ClassificationType
from encord.project_ontology.object_type import ObjectShape
from encord.utilities.ontology_user import OntologyUserRole
from encord.utilities.project_user import ProjectUserRole

from dragoman import Box, Label, Whole
from dragoman.emulate import Live
from dragoman_encord.emulator.people import OWNER

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def project(backend: Any, dataset: Any, sdk: Any) -> Any:
    """A project of two images and a video, of which one image is labelled."""
    rows = [Label("a", "car", Box(4, 8, 16, 12)), Label("a", "rain", Whole())]
    backend.labels.write(rows, dataset=dataset).raise_for_problems()
    return sdk.get_project(backend.projects.of(dataset.id))


class TestListings:
    def test_projects_ontologies_and_datasets_are_found_by_title_and_time(self, project: Any, sdk: Any) -> None:
        other = sdk.create_project("other", [])
        assert [str(one.project_hash) for one in sdk.list_projects(title_eq="other")] == [other]
        assert [one.title for one in sdk.list_projects(title_like="STR%")] == ["street"]
        assert list(sdk.list_projects(created_before="2000-01-01")) == []
        assert len(list(sdk.list_projects(edited_after=datetime(2000, 1, 1, tzinfo=UTC)))) == 2
        assert [one["ontology"].title for one in sdk.get_ontologies(title_like="_treet")] == ["street"]
        assert sdk.get_datasets(title_like="s_") == []
        assert [one["dataset"].title for one in sdk.get_datasets(desc_eq="")] == ["street"]
        assert [one["project"].title for one in sdk.get_projects(title_eq="street")] == ["street"]

    def test_integrations_are_found_by_title(self, sdk: Any) -> None:
        (found,) = sdk.get_cloud_integrations()
        assert sdk.get_cloud_integrations(filter_integration_titles=[found.title])[0].id == found.id
        assert sdk.get_cloud_integrations(filter_integration_titles=["other"]) == []


class TestProjects:
    def test_a_project_without_an_ontology_gets_an_empty_one(self, sdk: Any) -> None:
        made = sdk.get_project(sdk.create_project("bare", []))
        assert made.ontology_structure.objects == []
        made.add_object("car", ObjectShape.POLYGON)
        made.add_classification("weather", ClassificationType.RADIO, False, ["sun"])
        made.refetch_ontology()
        assert [(one.name, one.shape) for one in made.ontology_structure.objects] == [("car", Shape.POLYGON)]
        assert [one.title for one in made.ontology_structure.classifications] == ["weather"]

    def test_its_status_changes(self, project: Any) -> None:
        project.set_status(ProjectStatus.COMPLETED)
        project.refetch_data()
        assert project.status is ProjectStatus.COMPLETED
        with pytest.raises(InvalidArgumentsError):
            project.set_status(ProjectStatus.UNKNOWN)

    def test_datasets_that_are_not_there_are_not_removed(self, project: Any) -> None:
        with pytest.raises(ResourceNotFoundError):
            project.remove_datasets([UNKNOWN])
        assert [one.title for one in project.list_datasets()] == ["street"]

    def test_one_for_a_benchmark_knows_what_it_compares(self, project: Any, sdk: Any) -> None:
        settings = BenchmarkQaWorkflowSettings(source_projects=[project.project_hash])
        made = sdk.get_project(sdk.create_project("bench", [], workflow_settings=settings))
        assert (made.source_projects, project.source_projects) == ([project.project_hash], None)

    def test_a_copy_has_what_was_asked_for(self, project: Any, sdk: Any) -> None:
        bare = sdk.get_project(project.copy_project(new_title="bare"))
        assert (bare.title, list(bare.list_datasets())) == ("bare", [])
        whole = sdk.get_project(project.copy_project(copy_datasets=True, copy_labels=True))
        assert [row.label_hash is not None for row in whole.list_label_rows_v2()] == [True, False, False]
        assert [one.title for one in whole.list_datasets()] == ["street"]

    def test_a_copy_may_have_data_of_its_own(self, project: Any, sdk: Any) -> None:
        (labelled,) = project.list_label_rows_v2(data_title_eq="a")
        clone = CopyDatasetOptions(
            action=CopyDatasetAction.CLONE,
            dataset_title="clone",
            datasets_to_data_hashes_map={labelled.dataset_hash: [labelled.data_hash]},
        )
        labels = CopyLabelsOptions(accepted_label_hashes=[labelled.label_hash])
        made = sdk.get_project(project.copy_project(copy_datasets=clone, copy_labels=labels))
        (row,) = made.list_label_rows_v2()
        row.initialise_labels()
        assert row.dataset_title == "clone"
        assert row.data_hash != labelled.data_hash
        assert len(row.get_object_instances()) == 1

    def test_files_are_looked_up(self, project: Any) -> None:
        rows = {row.data_title: row for row in project.list_label_rows_v2()}
        video, images = project.get_data(rows["clip"].data_hash)
        assert (video["file_link"], images) == ("https://example.com/clip.mp4", None)
        video, images = project.get_data(rows["a"].data_hash, get_signed_url=True)
        assert (video, [image["title"] for image in images]) == (None, ["a"])


class TestLabelRows:
    def test_they_are_listed_as_asked(self, project: Any) -> None:
        def listed(**filters: Any) -> list[str]:
            return [row.data_title for row in project.list_label_rows_v2(**filters)]

        assert listed() == ["a", "b", "clip"]
        assert listed(data_title_like="c%") == ["clip"]
        assert listed(edited_after="2000-01-01") == ["a"]
        assert listed(workflow_graph_node_title_eq="Annotate") == ["a", "b", "clip"]
        assert listed(workflow_graph_node_title_like="comp%") == []
        assert listed(shadow_data_state=ShadowDataState.SHADOW_DATA) == []
        assert listed(shadow_data_state=ShadowDataState.NOT_SHADOW_DATA) == ["a", "b", "clip"]
        (row,) = project.list_label_rows_v2(data_title_eq="a", include_client_metadata=True)
        assert row.client_metadata["city"] == "Bern"

    def test_only_some_features_are_read(self, project: Any) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        row.initialise_labels(include_object_feature_hashes=set(), include_classification_feature_hashes=None)
        assert (row.get_object_instances(), len(row.get_classification_instances())) == ([], 1)
        kept = {thing.feature_node_hash for thing in project.ontology_structure.objects}
        row.initialise_labels(
            include_object_feature_hashes=kept, include_classification_feature_hashes=set(), overwrite=True
        )
        assert (len(row.get_object_instances()), row.get_classification_instances()) == (1, [])

    def test_a_bundle_saves_several(self, project: Any) -> None:
        rows = project.list_label_rows_v2(data_title_like="_")
        with project.create_bundle() as bundle:
            for row in rows:
                row.initialise_labels(bundle=bundle)
        car = next(thing for thing in project.ontology_structure.objects if thing.shape is Shape.BOUNDING_BOX)
        with project.create_bundle(bundle_size=1) as bundle:
            for row in rows:
                instance = car.create_instance()
                box = BoundingBoxCoordinates(height=0.5, width=0.5, top_left_x=0, top_left_y=0)
                instance.set_for_frames(box, 0)
                row.add_object_instance(instance)
                row.save(bundle=bundle)
        again = project.list_label_rows_v2(data_title_like="_")
        for row in again:
            row.initialise_labels()
        assert [len(row.get_object_instances()) for row in again] == [2, 1]

    def test_single_rows_are_made_read_and_saved_the_old_way(self, project: Any) -> None:
        (new,) = project.list_label_rows_v2(data_title_eq="b")
        made = project.create_label_row(new.data_hash)
        project.save_label_row(made["label_hash"], made)
        (labelled,) = project.list_label_rows_v2(data_title_eq="a")
        read = project.get_label_row(labelled.label_hash)
        (unit,) = read["data_units"].values()
        assert len(unit["labels"]["objects"]) == 1
        assert len(project.label_rows) == 3

    def test_classifications_are_read_without_the_rows(self, project: Any) -> None:
        (row,) = project.list_label_rows_v2(data_title_eq="a")
        (entry,) = project.get_label_classifications([row.label_hash])
        assert (entry.data_title, len(entry.classification_answers)) == ("a", 1)


class TestPeople:
    def test_users_are_let_in_and_out(self, project: Any, sdk: Any, dataset: Any) -> None:
        held = sdk.get_dataset(dataset.id)
        project.add_users(["ann@example.com"], ProjectUserRole.ANNOTATOR)
        (again,) = project.add_users(["ann@example.com"], ProjectUserRole.ADMIN)
        assert again.user_role is ProjectUserRole.ANNOTATOR, "who is in keeps the role there"
        held.add_users(["ann@example.com"], DatasetUserRole.USER)
        for thing in (project, held):
            assert {user.user_email for user in thing.list_users()} == {OWNER, "ann@example.com"}
            thing.remove_users(["ann@example.com", "nobody@example.com"])
            assert [user.user_email for user in thing.list_users()] == [OWNER]

    def test_groups_have_members_and_access(self, project: Any, sdk: Any, dataset: Any) -> None:
        group = sdk.create_group("team")
        sdk.add_organisation_user("ann@example.com", role_mnemonic_name="MEMBER", member_type="internal")
        assert [user.user_email for user in group.add_users(["ann@example.com"])] == [OWNER, "ann@example.com"]
        with pytest.raises(AuthorisationError):
            group.add_users(["nobody@example.com"])
        group.update_group(name="crew")
        held = sdk.get_dataset(dataset.id)
        folder = sdk.get_storage_folder(held.backing_folder_uuid)
        ontology = sdk.get_ontology(project.ontology_hash)
        for thing, role in (
            (project, ProjectUserRole.REVIEWER),
            (held, DatasetUserRole.USER),
            (ontology, OntologyUserRole.USER),
            (folder, StorageUserRole.USER),
        ):
            thing.add_group(group.group_hash, role)
            assert [(one.name, one.user_role) for one in thing.list_groups()] == [("crew", role)]
        ontology.remove_group(group.group_hash)
        assert list(ontology.list_groups()) == []
        sdk.delete_group(group.group_hash)
        assert list(project.list_groups()) == []
        with pytest.raises(ResourceNotFoundError):
            sdk.get_group(group.group_hash)

    @pytest.mark.parametrize("email", ["ann+1@example.com", "a/b?c#%@example.com"])
    def test_members_of_the_organisation_come_and_go(self, sdk: Any, email: str) -> None:
        sdk.add_organisation_user(email, role_mnemonic_name="MEMBER", member_type="external")
        with pytest.raises(ResourceExistsError):
            sdk.add_organisation_user(email, role_mnemonic_name="MEMBER", member_type="external")
        assert [(user.email, user.member_type) for user in sdk.list_organisation_users()] == [
            (OWNER, "internal"),
            (email, "external"),
        ]
        sdk.remove_organisation_user(email)
        with pytest.raises(ResourceNotFoundError):
            sdk.remove_organisation_user(email)

    def test_who_leaves_the_organisation_leaves_all_of_it(self, project: Any, sdk: Any) -> None:
        sdk.add_organisation_user("ann@example.com", role_mnemonic_name="MEMBER", member_type="internal")
        group = sdk.create_group("team")
        group.add_users(["ann@example.com"])
        project.add_users(["ann@example.com"], ProjectUserRole.ANNOTATOR)
        sdk.remove_organisation_user("ann@example.com")
        assert [user.user_email for user in (*group.list_users(), *project.list_users())] == [OWNER, OWNER]

    def test_tags_find_projects(self, project: Any, sdk: Any) -> None:
        tag = sdk.create_organisation_tag("night")
        with pytest.raises(ResourceExistsError):
            sdk.create_organisation_tag("night")
        project.add_organisation_tag(tag_name="night")
        assert [one.title for one in sdk.list_projects(tags_anyof=["night"])] == ["street"]
        project.remove_organisation_tag(tag=tag)
        assert list(sdk.list_projects(tags_anyof=["night"])) == []
        project.add_organisation_tag(tag=tag)
        assert list(sdk.find_storage_folders(organisation_tags_allof=["night"])) == []
        sdk.delete_organisation_tag(tag)
        with pytest.raises(ResourceNotFoundError):
            project.remove_organisation_tag(tag_uuid=tag.uuid)
        assert project.get_organisation_tags(use_cache=False) == []

    def test_a_token_stands_for_the_key(self, project: Any, sdk: Any, emulated: Live[Any]) -> None:
        other = encord.EncordUserClient.create_with_bearer_token(sdk.get_bearer_token(), domain=emulated.url)
        assert [one.title for one in other.list_projects()] == ["street"]

    def test_the_schema_of_metadata_is_kept(self, sdk: Any) -> None:
        schema = sdk.metadata_schema()
        assert schema.keys() == []
        schema.add_scalar("size", data_type="number")
        schema.save()
        assert list(sdk.metadata_schema().keys()) == ["size"]
