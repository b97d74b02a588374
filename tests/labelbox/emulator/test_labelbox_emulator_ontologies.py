"""Ontologies and feature schemas through the SDK: what the builder makes, sharing, archiving."""

from __future__ import annotations

from typing import Any

import labelbox
import pytest
from labelbox import Classification, OntologyBuilder, Option, Tool
from labelbox.schema.tool_building.classification import PromptResponseClassification, ResponseOption
from labelbox.schema.tool_building.relationship_tool import RelationshipTool
from labelbox.schema.tool_building.step_reasoning_tool import StepReasoningTool
from lbox import exceptions

from dragoman.emulate import Live


def test_what_the_builder_says_comes_back(client: Any) -> None:
    why = Classification(Classification.Type.TEXT, "why")
    wet = Classification(
        Classification.Type.CHECKLIST,
        "wet",
        options=[Option("yes", options=[why])],
        scope=Classification.Scope.INDEX,
        ui_mode=Classification.UIMode.SEARCHABLE,
    )
    built = OntologyBuilder([Tool(Tool.Type.BBOX, "car", color="#123456")], [wet]).asdict()
    made = client.get_ontology(client.create_ontology("o", built, media_type=labelbox.MediaType.Image).uid)
    (tool,), (question,) = made.tools(), made.classifications()
    assert (made.media_type, tool.color) == (labelbox.MediaType.Image, "#123456")
    assert (question.scope, question.ui_mode) == (Classification.Scope.INDEX, Classification.UIMode.SEARCHABLE)
    assert question.options[0].options[0].name == "why"


def test_tools_and_prompts_of_chats_are_kept(client: Any) -> None:
    kinds = PromptResponseClassification.Type
    prompt = PromptResponseClassification(kinds.PROMPT, "prompt", character_min=1, character_max=9)
    answer = PromptResponseClassification(kinds.RESPONSE_RADIO, "answer", options=[ResponseOption("a")])
    tools = [Tool(Tool.Type.MESSAGE_RANKING, "rank"), StepReasoningTool(name="steps")]
    made = client.create_ontology("chat", OntologyBuilder(tools, [prompt, answer]).asdict())
    found = client.get_ontology(made.uid)
    assert [tool.name for tool in found.tools()] == ["rank", "steps"]
    assert found.classifications()[0].character_max == 9


def test_a_feature_schema_is_the_same_in_all_its_ontologies(client: Any) -> None:
    schema = client.create_feature_schema(Tool(Tool.Type.BBOX, "car").asdict())
    made = [client.create_ontology_from_feature_schemas(name, [schema.uid]) for name in ("x", "y")]
    client.update_feature_schema_title(schema.uid, "lorry")
    client.upsert_feature_schema({**client.get_feature_schema(schema.uid).normalized, "color": "#00ff00"})
    for ontology in made:
        (tool,) = client.get_ontology(ontology.uid).tools()
        assert (tool.name, tool.color, tool.feature_schema_id) == ("lorry", "#00ff00", schema.uid)


def test_new_tools_are_related_by_the_ids_that_they_get(client: Any) -> None:
    person, car = Tool(Tool.Type.BBOX, "person"), Tool(Tool.Type.BBOX, "car")
    drives = RelationshipTool("drives")
    drives.add_constraint(person, car)
    made = client.create_ontology("o", OntologyBuilder([drives, person, car]).asdict())
    related, *ends = made.normalized["tools"]
    assert related["definition"]["constraints"] == [[end["featureSchemaId"] for end in ends]]
    assert {len(tool[key]) for tool in (related, *ends) for key in ("featureSchemaId", "schemaNodeId")} == {25}


def test_a_title_is_not_empty(client: Any, ontology: Any) -> None:
    car = ontology.tools()[0].feature_schema_id
    with pytest.raises(exceptions.LabelboxError, match="needs a title"):
        client.update_feature_schema_title(car, " ")
    assert client.get_feature_schema(car).name == "car"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("get_unused_ontologies", (5,)),
        ("update_feature_schema_title", ("{schema}", 5)),
        ("insert_feature_schema_into_ontology", ("{schema}", "{ontology}", "first")),
        ("upsert_feature_schema", ({"tool": "point", "name": "x", "classifications": ["why"]},)),
    ],
)
def test_an_argument_of_another_type_is_refused(client: Any, ontology: Any, call: str, arguments: Any) -> None:
    ids = {"{schema}": ontology.tools()[0].feature_schema_id, "{ontology}": ontology.uid}
    given = [ids.get(each, each) if isinstance(each, str) else each for each in arguments]
    with pytest.raises(exceptions.LabelboxError, match="cannot be read"):
        getattr(client, call)(*given)


@pytest.mark.parametrize("page", [None, 1])
def test_names_are_searched_whatever_their_case(client: Any, live: Live[Any], page: int | None) -> None:
    live.settings.page_limit = page
    for name in ("Car", "carpet", "boat"):
        client.create_feature_schema({"tool": "point", "name": name})
        client.create_ontology(name, {"tools": [], "classifications": []})
    assert [found.name for found in client.get_feature_schemas("CAR")] == ["Car", "carpet"]
    assert [found.name for found in client.get_ontologies("CAR")] == ["Car", "carpet"]
    assert list(client.get_ontologies("nothing")) == []


def test_only_roots_are_listed(client: Any, ontology: Any) -> None:
    assert list(client.get_feature_schemas("rain")) == []
    option = ontology.normalized["classifications"][0]["options"][0]["featureSchemaId"]
    assert client.delete_feature_schema_from_ontology(ontology.uid, option).deleted
    assert len(client.get_ontology(ontology.uid).classifications()[0].options) == 1


def test_what_labels_use_is_archived(client: Any, labeled: Any, ontology: Any) -> None:
    car, road = (tool["featureSchemaId"] for tool in ontology.normalized["tools"][:2])
    done = client.delete_feature_schema_from_ontology(ontology.uid, car)
    assert (done.archived, done.deleted) == (True, False)
    assert client.is_feature_schema_archived(ontology.uid, car) is True
    client.unarchive_feature_schema_node(ontology.uid, car)
    assert client.is_feature_schema_archived(ontology.uid, car) is False
    assert client.delete_feature_schema_from_ontology(ontology.uid, road).deleted
    with pytest.raises(exceptions.LabelboxError, match="not in the ontology"):
        client.delete_feature_schema_from_ontology(ontology.uid, road)


def test_what_is_unused_is_listed_after_an_id(client: Any) -> None:
    ids = [client.create_ontology(name, {"tools": [], "classifications": []}).uid for name in ("x", "y")]
    assert client.get_unused_ontologies() == ids
    assert client.get_unused_ontologies(after=ids[0]) == ids[1:]


def test_an_ontology_knows_its_projects(client: Any, ontology: Any, project: Any) -> None:
    assert list(ontology.projects()) == [project]
    assert ontology.created_by() == client.get_user()


def test_tools_of_one_name_are_of_different_kinds(client: Any) -> None:
    box, mask = {"tool": "rectangle", "name": "car"}, {"tool": "raster-segmentation", "name": "car"}
    made = client.create_ontology("both", {"tools": [box, mask], "classifications": []})
    assert [tool.name for tool in made.tools()] == ["car", "car"]
    with pytest.raises(exceptions.UnprocessableEntityError, match="'rectangle' are named 'car'"):
        client.create_ontology("twins", {"tools": [box, mask, box], "classifications": []})
    assert [found.name for found in client.get_ontologies("")] == ["both"]
