"""The fixture for users' own tests, as they use it: in a test file of theirs, with nothing said about Dragoman."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.errors import NotFound
from dragoman.plugins import installed
from dragoman.testing import emulated

EMULATED = sorted(name for name, platform in installed().platforms.items() if platform.emulator)


@pytest.fixture
def users_tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of somebody else's tests. This repository's own settings of pytest do not reach it."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def passes(users_tests: pytest.Pytester, source: str, *, count: int = 1) -> None:
    """Run a test file of a user's in a process of its own and see that all of it passes."""
    users_tests.makepyfile(source)
    users_tests.runpytest_subprocess("-q").assert_outcomes(passed=count)


def test_code_under_test_connects_by_name_and_reaches_the_emulator(users_tests: pytest.Pytester) -> None:
    users_tests.makepyfile(
        script="""
        import dragoman

        def main():
            with dragoman.connect("nucleus") as backend:
                backend.datasets.create("street")
        """
    )
    passes(
        users_tests,
        """
        import script

        def test_upload(dragoman_emulator):
            nucleus = dragoman_emulator("nucleus")
            script.main()
            assert [dataset.name for dataset in nucleus.backend.datasets.list()] == ["street"]
            assert nucleus.url.startswith("http://127.0.0.1:")
            assert set(nucleus.credentials) == {"api_key"}
            assert nucleus.journal.count > 0
        """,
    )


def test_every_test_begins_with_an_empty_platform_and_leaves_no_variables(users_tests: pytest.Pytester) -> None:
    passes(
        users_tests,
        """
        import os
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_create(dragoman_emulator, number):
            backend = dragoman_emulator("nucleus").backend
            assert not list(backend.datasets.list())
            backend.datasets.create("street")
            assert "DRAGOMAN_NUCLEUS_API_KEY" in os.environ

        def test_afterwards():
            assert "DRAGOMAN_NUCLEUS_API_KEY" not in os.environ
        """,
        count=3,
    )


def test_faults_can_be_scripted(users_tests: pytest.Pytester) -> None:
    passes(
        users_tests,
        """
        import pytest
        import dragoman
        from dragoman.emulate import Answer, Fault

        def test_a_key_that_was_revoked(dragoman_emulator):
            nucleus = dragoman_emulator("nucleus")
            nucleus.faults.append(Fault(action=Answer(401)))
            with pytest.raises(dragoman.AuthenticationError):
                nucleus.backend.datasets.create("street")
        """,
    )


def test_two_platforms_in_one_test(users_tests: pytest.Pytester) -> None:
    passes(
        users_tests,
        """
        def test_both(dragoman_emulator):
            here, there = dragoman_emulator("nucleus"), dragoman_emulator("labelbox", timeout=5)
            here.backend.datasets.create("street")
            assert here.url != there.url
            assert not list(there.backend.datasets.list())
            assert there.backend.settings.timeout == 5
        """,
    )


def test_the_emulator_stops_with_the_test() -> None:
    import httpx

    with emulated("nucleus") as nucleus:
        assert httpx.get(f"{nucleus.url}/_emulator/settings").json()["job_polls"] == 0

    with pytest.raises(httpx.ConnectError):
        httpx.get(nucleus.url)


@pytest.mark.parametrize("name", EMULATED)
def test_settings_and_variables_lead_to_every_emulator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import dragoman

    with emulated(name) as platform:
        for variable, value in platform.variables.items():
            monkeypatch.setenv(variable, value)
        with dragoman.connect(name) as by_environment:
            for backend in (platform.backend, by_environment):
                asked = platform.journal.count
                assert list(backend.datasets.list()) == []
                assert platform.journal.count > asked


@pytest.mark.parametrize(("name", "said"), [("local", "has no emulator"), ("nuclus", "Did you mean 'nucleus'?")])
def test_a_name_that_has_no_emulator_is_refused(name: str, said: str) -> None:
    with pytest.raises(NotFound, match=said), emulated(name):
        pass


def test_pytest_alone_imports_nothing_heavy_for_it(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    script = (
        "import json, sys, pytest; code = pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]); print();"
        "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    code, loaded = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert "dragoman" in loaded
    assert not set(loaded) & {"pydantic", "msgspec", "starlette", "uvicorn", "typer", "rich", "numpy"}
