"""Who gets in, how refusals look, and what is not emulated."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import labelbox
import pytest
import requests
from lbox import exceptions

from dragoman.emulate import Answer, Live
from dragoman_labelbox.emulator import create


def test_another_key_is_refused(live: Live[Any]) -> None:
    stranger = labelbox.Client("wrong", endpoint=f"{live.url}/graphql")
    with pytest.raises(exceptions.AuthenticationError):
        list(stranger.get_models())


@pytest.mark.parametrize("headers", [{}, {"Authorization": "test-key"}, {"Authorization": "Basic test-key"}])
@pytest.mark.parametrize("path", ["graphql", "_gql", "api/v1/ontologies/x", "api/v1/tasks/t/masks/m/index/1"])
def test_everything_but_files_needs_the_key(live: Live[Any], headers: dict[str, str], path: str) -> None:
    assert requests.get(f"{live.url}/{path}", headers=headers, timeout=10).status_code == 401
    assert requests.get(f"{live.url}/files/none", timeout=10).status_code == 404


def test_the_default_key_is_random_and_announced() -> None:
    first, second = create().credentials["api_key"], create().credentials["api_key"]
    assert first.startswith("emulated-")
    assert first != second


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_model("none"),
        lambda client: client.get_model_run("none"),
        lambda client: client.get_dataset("none"),
        lambda client: client.get_project("none"),
        lambda client: client.get_ontology("none"),
        lambda client: client.get_data_row("none"),
    ],
)
def test_an_unknown_id_is_not_found(client: Any, call: Any) -> None:
    with pytest.raises(exceptions.ResourceNotFoundError):
        call(client)


def test_what_is_not_emulated_says_so(client: Any) -> None:
    with pytest.raises(exceptions.LabelboxError, match="does not serve GetSomethingPyApi"):
        client.execute("query GetSomethingPyApi { something { id } }", {})
    answer = client.connection.get(f"{client.rest_endpoint}/nothing")
    assert (answer.status_code, answer.json()["message"]) == (501, "The emulator does not serve GET /api/v1/nothing.")


def test_reports_that_are_not_emulated_fail_at_once(client: Any, live: Live[Any]) -> None:
    with pytest.raises(exceptions.InvalidQueryError, match="does not serve GET /api/v1/performance/metrics"):
        client.get_performance_metrics()
    assert len([each for each in live.journal.entries() if "/performance/" in each.path]) == 1


@pytest.mark.parametrize("variables", [{"input": "no object"}, {"input": {}}, {"input": None}])
def test_arguments_of_another_type_are_refused_at_once(client: Any, variables: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidQueryError, match="cannot be read"):
        client.execute("mutation exportDataRowsInCatalogPyApi { exportDataRowsInCatalog { taskId } }", variables)


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"query": "no operation"}', b'{"query": 5}', b"[]"])
def test_a_broken_body_is_a_parse_error(live: Live[Any], body: bytes) -> None:
    headers = {"Authorization": "Bearer test-key", "Content-Type": "application/json"}
    answer = requests.post(f"{live.url}/graphql", data=body, headers=headers, timeout=10)
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


def test_a_fault_may_name_one_operation(client: Any, live: Live[Any]) -> None:
    body = '{"message": "You have exceeded your rate."}'
    live.faults.add(Answer(429, body=body), path="*/graphql/createModelPyApi")
    assert list(client.get_models()) == []
    ontology = client.create_ontology("o", {"tools": [], "classifications": []})
    with pytest.raises(exceptions.ApiLimitError):
        client.create_model("m", ontology.uid)
    assert client.create_model("m", ontology.uid).name == "m"


def test_importing_it_imports_no_sdk_and_no_server() -> None:
    program = (
        "import sys, dragoman_labelbox.emulator;"
        "print([name for name in ('labelbox', 'uvicorn', 'torch') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
