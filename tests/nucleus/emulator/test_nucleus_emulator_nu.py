"""`nu`, the command line that comes with the SDK, shows and deletes what the emulated account holds."""

from __future__ import annotations

import pytest
from cli.client import init_client
from cli.nu import nu
from click.testing import CliRunner
from nucleus import DatasetItem

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def run(monkeypatch, endpoint):
    """Run `nu` with some arguments and return what it prints."""
    monkeypatch.setenv("NUCLEUS_API_KEY", "test-key")
    monkeypatch.setenv("NUCLEUS_ENDPOINT", endpoint)
    monkeypatch.setenv("COLUMNS", "200")
    init_client.cache_clear()

    def invoke(*arguments):
        return CliRunner().invoke(nu, arguments, catch_exceptions=False).output

    yield invoke
    init_client.cache_clear()


@pytest.fixture
def part(dataset):
    return dataset.create_slice("night", ["img-0"])


def test_datasets_models_and_slices_are_listed(run, dataset, model, part):
    assert dataset.id in run("datasets", "list", "--machine-readable")
    assert model.id in run("models", "list")
    assert part.id in run("slices", "list")


def test_jobs_that_run_are_listed(run, dataset):
    job = dataset.append([DatasetItem("https://images.example/9.jpg", "new")])
    (line,) = [line for line in run("jobs", "list").splitlines() if job.job_id in line]
    assert "Running" in line
    assert "uploadDatasetItems" in line


def test_scenario_tests_are_described(run, client, part):
    function = client.validate.eval_functions.bbox_iou()
    test = client.validate.create_scenario_test("at night", part.id, [function])
    assert test.id in run("tests", "list")
    for which in (test.id, "--all"):
        described = run("tests", "describe", which)
        assert "name: 'at night'" in described
        assert "len: 1" in described
        assert "bbox_iou >=" in described


def test_a_dataset_is_deleted(run, client, dataset):
    assert f"Deleted {dataset.id}" in run("datasets", "delete", "--id", dataset.id, "--no-confirm-deletion")
    assert client.datasets == []
