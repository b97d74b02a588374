"""Keypoints on Encord: skeletons get their templates from the ontology or the first rows, and labels keep to them."""

from __future__ import annotations

from typing import Any

import pytest
from encord.objects import OntologyStructure, Shape
from encord.objects.coordinates import SkeletonCoordinate, SkeletonCoordinates, Visibility
from encord.objects.skeleton_template import SkeletonTemplate, SkeletonTemplateCoordinate

from dragoman import InvalidData, Item, Keypoint, Keypoints, Label
from dragoman.schema import Feature, Ontology

NAMES = ("nose", "ear", "foot")
SEEN = Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", 3, 4, 1), Keypoint("foot", None, None, 0)), ((0, 1), (0, 2)))
NAMED = {"keypoints": list(NAMES), "skeleton": [[1, 2], [1, 3]], "supercategory": "animal"}


def animals(**feature: Any) -> Ontology:
    """An ontology with one feature, of keypoints if nothing else is said."""
    return Ontology(name="animals", features=(Feature(**{"name": "cat", "geometries": ("keypoints",), **feature}),))


def templates(sdk: Any, backend: Any, dataset: Any) -> dict[str, SkeletonTemplate]:
    """The templates of a dataset's ontology as the SDK reads them."""
    structure = sdk.get_project(backend.projects.of(dataset.id)).ontology_structure
    return structure.skeleton_templates


def geometries(rows: Any) -> dict[str, Any]:
    """The geometry of each row by the row's id."""
    return {row.id: row.geometry for row in rows}


@pytest.fixture
def dataset(backend: Any, pictures: list[Item]) -> Any:
    """Two images, in no project yet."""
    dataset = backend.datasets.create("poses")
    backend.datasets.write_items(pictures, dataset=dataset).raise_for_problems()
    return dataset


class TestFromTheOntology:
    def test_a_feature_that_names_its_points_gets_their_template(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(metadata=NAMED), dataset=dataset)

        template = templates(sdk, backend, dataset)["cat"]
        (thing,) = sdk.get_project(backend.projects.of(dataset.id)).ontology_structure.objects
        assert (thing.shape, thing.feature_node_hash) == (Shape.SKELETON, template.feature_node_hash)
        assert [template.skeleton[str(n)].name for n in range(3)] == list(NAMES)
        assert {start: set(ends) for start, ends in template.skeleton_edges.items()} == {"0": {"1", "2"}}
        assert len({joint.feature_hash for joint in template.skeleton.values()}) == 3

    def test_its_metadata_comes_back(self, backend: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(metadata=NAMED), dataset=dataset)
        held = backend.ontologies.get(dataset)
        assert held.feature("cat").metadata == NAMED
        assert backend.ontologies.create(held, dataset=dataset) == held

    def test_a_feature_of_any_geometry_has_keypoints_where_it_names_them(self, backend: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(geometries=(), metadata=NAMED), dataset=dataset)
        row = Label("a", "cat", SEEN)
        assert backend.labels.write([row], dataset=dataset).counts == {"created": 1}
        assert geometries(backend.labels.read(dataset)) == {row.id: SEEN}

    def test_it_cannot_become_another_skeleton(self, backend: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(metadata=NAMED), dataset=dataset)
        with pytest.raises(InvalidData, match="other points or edges"):
            backend.ontologies.create(animals(metadata={"keypoints": ["nose", "tail"]}), dataset=dataset)

    def test_a_point_that_is_named_twice_is_refused(self, backend: Any, dataset: Any) -> None:
        with pytest.raises(InvalidData, match="twice"):
            backend.ontologies.create(animals(metadata={"keypoints": ["nose", "nose"]}), dataset=dataset)


class TestFromTheFirstRows:
    def test_it_completes_the_ontology(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(), dataset=dataset)
        assert templates(sdk, backend, dataset) == {}
        row = Label("a", "cat", SEEN)

        assert backend.labels.write([row], dataset=dataset).counts == {"created": 1}

        assert templates(sdk, backend, dataset)["cat"].required_vertices == set(NAMES)
        assert geometries(backend.labels.read(dataset)) == {row.id: SEEN}
        assert backend.ontologies.get(dataset).feature("cat").metadata == {}, "only what the user said"

    def test_later_rows_keep_to_it(self, backend: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(), dataset=dataset)
        backend.labels.write([Label("a", "cat", SEEN)], dataset=dataset)
        turned = Label("b", "cat", Keypoints(SEEN.points[::-1]), id="turned")
        fewer = Label("b", "cat", Keypoints(SEEN.points[:2], ((1, 0),)), id="fewer")
        joined = Label("b", "cat", Keypoints(SEEN.points, ((1, 2),)), id="joined")
        more = Label("b", "cat", Keypoints((*SEEN.points, Keypoint("tail", 1, 1))), id="more")
        outcomes = list(backend.labels.write([turned, fewer, joined, more], dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "created", "rejected", "rejected"]
        assert "nose, ear, foot" in outcomes[3].reason
        expected = {"turned": turned.geometry, "fewer": fewer.geometry}
        assert geometries(backend.labels.read(dataset, items=["b"])) == expected

    def test_rows_that_come_together_make_it_together(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(), dataset=dataset)
        rows = [
            Label("a", "cat", Keypoints(SEEN.points[:2], ((0, 1),))),
            Label("b", "cat", Keypoints(SEEN.points[1:], ((0, 1),))),
        ]
        assert backend.labels.write(rows, dataset=dataset).counts == {"created": 2}
        template = templates(sdk, backend, dataset)["cat"]
        assert [template.skeleton[str(n)].name for n in range(3)] == list(NAMES)
        assert {start: set(ends) for start, ends in template.skeleton_edges.items()} == {"0": {"1"}, "1": {"2"}}
        assert geometries(backend.labels.read(dataset)) == {row.id: row.geometry for row in rows}

    def test_a_skeleton_of_another_name_is_left_alone(self, backend: Any, sdk: Any, dataset: Any) -> None:
        both = (Feature(name="cat", geometries=("keypoints",)), Feature(name="dog", geometries=("keypoints",)))
        backend.ontologies.create(Ontology(name="animals", features=both), dataset=dataset)
        backend.labels.write([Label("a", "dog", SEEN)], dataset=dataset)
        assert set(templates(sdk, backend, dataset)) == {"dog"}


class TestWithTheSdk:
    def test_it_reads_positions_and_visibility(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(), dataset=dataset)
        backend.labels.write([Label("a", "cat", SEEN)], dataset=dataset)
        (row,) = (
            row for row in sdk.get_project(backend.projects.of(dataset.id)).list_label_rows_v2() if row.label_hash
        )
        row.initialise_labels()
        (thing,) = row.get_object_instances()
        coordinates = thing.get_annotation(0).coordinates
        assert isinstance(coordinates, SkeletonCoordinates)
        assert [(joint.name, joint.visibility) for joint in coordinates.values] == [
            ("nose", Visibility.VISIBLE),
            ("ear", Visibility.OCCLUDED),
            ("foot", Visibility.INVISIBLE),
        ]
        assert coordinates.values[0].x == pytest.approx(1 / 64)

    def test_a_skeleton_that_was_made_and_labelled_there_is_read(self, backend: Any, sdk: Any, dataset: Any) -> None:
        structure = OntologyStructure()
        joints = {
            str(n): SkeletonTemplateCoordinate(x=n / 4, y=0.5, name=name, feature_hash=f"p{n}")
            for n, name in enumerate(NAMES)
        }
        edges = {"0": {"1": {"color": "#000000"}}}
        template = SkeletonTemplate(name="pose", width=1, height=1, skeleton=joints, skeleton_edges=edges)
        thing, template = structure.add_skeleton_object("cat", template)
        ontology = sdk.create_ontology("poses", structure=structure)
        project = sdk.get_project(sdk.create_project("poses", [dataset.id], ontology_hash=ontology.ontology_hash))
        row = project.list_label_rows_v2()[0]
        row.initialise_labels()
        instance = thing.create_instance()
        given = [SkeletonCoordinate(x=0.25, y=0.5, name=name) for name in NAMES]
        instance.set_for_frames(template.create_instance(given), 0)
        row.add_object_instance(instance)
        row.save()

        (read,) = backend.labels.read(dataset)

        points = tuple(Keypoint(name, 16, 24, 2) for name in NAMES)
        assert (read.feature, read.geometry) == ("cat", Keypoints(points, ((0, 1),)))

    def test_one_that_was_made_there_wants_all_its_points(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(metadata=NAMED), dataset=dataset)
        ontology = sdk.get_ontology(backend.ontologies.get(dataset).id)
        ontology.structure.objects[0].attributes.clear()
        ontology.save()
        rows = [Label("a", "cat", Keypoints(SEEN.points[:2])), Label("a", "cat", SEEN)]
        outcomes = list(backend.labels.write(rows, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["rejected", "created"]

    def test_labels_are_read_after_the_skeleton_was_changed_there(self, backend: Any, sdk: Any, dataset: Any) -> None:
        backend.ontologies.create(animals(), dataset=dataset)
        row = Label("a", "cat", Keypoints((Keypoint("nose", 1 / 3, 2), Keypoint("ear", 3, 4)), ((0, 1),)))
        backend.labels.write([row], dataset=dataset).raise_for_problems()
        ontology = sdk.get_ontology(str(backend.projects.ontology(backend.projects.of(dataset.id)).ontology_uuid))
        tail = SkeletonTemplateCoordinate(x=1, y=1, name="tail", feature_hash="tail0000")
        ontology.structure.skeleton_templates["cat"].skeleton["2"] = tail
        ontology.save()

        (read,) = backend.labels.read(dataset)

        assert read.geometry.points == (Keypoint("nose", round(1 / 3, 9), 2), Keypoint("ear", 3, 4))
