"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
from memory import ACCOUNTS, PLATFORM, MemoryAdapter, State, open_memory

from dragoman import Box, Item, Label, Platform, Point, Prediction, hookimpl
from dragoman.cli import main

BROKEN_PLUGIN = "import a_package_that_nobody_has_installed\n"


class Ran:
    """What one run of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture
def memory_only(monkeypatch: pytest.MonkeyPatch, fresh_plugins: None) -> None:
    """Install the platform in memory and nothing else."""
    module = ModuleType("memory_plugin")

    @hookimpl
    def dragoman_platforms(register: Callable[[Platform], None]) -> None:
        register(PLATFORM)

    module.dragoman_platforms = dragoman_platforms  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "memory_plugin", module)
    entry = EntryPoint("memory", "memory_plugin", "dragoman")
    monkeypatch.setattr("dragoman.plugins.entry_points", lambda group: [entry])


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """An environment in which a broken plugin is installed beside the others, as pip would leave it."""
    site = tmp_path / "site"
    information = site / "dragoman_wreck-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "dragoman_wreck.py").write_text(BROKEN_PLUGIN)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: dragoman-wreck\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[dragoman]\nwreck = dragoman_wreck\n")
    return {
        **os.environ,
        "PYTHONPATH": str(site),
        "DRAGOMAN_PLUGINS": "wreck,nucleus",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def process(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dragoman", *words], capture_output=True, text=True, env=env, timeout=60, check=False
    )


# -- in a process of its own ------------------------------------------------------------------------------------------


def test_a_broken_plugin_stops_nothing_and_does_not_hide(broken: dict[str, str]) -> None:
    backends = process("backends", "--json", env=broken)
    doctor = process("doctor", "--json", env=broken)
    table = process("doctor", env=broken)

    assert backends.returncode == 0
    assert list(json.loads(backends.stdout)) == ["nucleus"]
    assert doctor.returncode == table.returncode == 1
    found = json.loads(doctor.stdout)
    assert found["nucleus"] == {"ok": True, "reason": None}
    assert found["wreck"]["ok"] is False
    assert "a_package_that_nobody_has_installed" in found["wreck"]["reason"]
    assert "wreck" in table.stdout
    assert "broken" in table.stdout
    assert "Traceback" not in doctor.stderr + table.stderr


def test_strict_mode_makes_a_broken_plugin_an_error(broken: dict[str, str]) -> None:
    done = process("backends", env={**broken, "DRAGOMAN_STRICT_PLUGINS": "1"})

    assert done.returncode == 3
    assert "[plugin-error]" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_backend_is_one_sentence_on_standard_error() -> None:
    done = process("emulate", "nuclus")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == ["error [not-found] There is no backend named 'nuclus'. Did you mean 'nucleus'?"]


def test_debug_shows_the_traceback() -> None:
    done = process("--debug", "emulate", "nuclus")

    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "NotFound" in done.stderr


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("dragoman")

    for words in (["backends"], ["--help"], ["migrate", "plan"]):
        installed = subprocess.run([command, *words], capture_output=True, text=True, timeout=60, check=False)
        module = process(*words)
        assert (module.returncode, module.stdout) == (installed.returncode, installed.stdout)


# -- listing and checking ---------------------------------------------------------------------------------------------


def test_backends_are_listed_for_people_and_for_scripts(run: Callable[..., Ran], memory_only: None) -> None:
    table, as_json = run("backends"), run("backends", "--json")

    assert (table.code, as_json.code) == (0, 0)
    assert "A platform in memory, for tests." in table.out
    assert json.loads(as_json.out) == {"memory": "A platform in memory, for tests."}


def test_doctor_is_content_when_all_is_well(run: Callable[..., Ran], memory_only: None) -> None:
    done = run("doctor", "--json")

    assert done.code == 0
    assert json.loads(done.out) == {"memory": {"ok": True, "reason": None}}


def test_doctor_finds_a_part_that_cannot_be_imported(
    run: Callable[..., Ran], memory_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wreck = Platform(
        name="memory", title="m", description="m", adapter="no_such_module:Adapter", settings=PLATFORM.settings
    )
    monkeypatch.setattr(sys.modules[__name__], "PLATFORM", wreck)

    done = run("doctor", "--json")

    assert done.code == 1
    assert "no_such_module:Adapter cannot be imported" in json.loads(done.out)["memory"]["reason"]


# -- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["no-such-command"],
        ["backends", "--no-such-option"],
        ["emulate"],
        ["emulate", "nucleus", "--port", "70000"],
        ["migrate"],
        ["migrate", "plan", "--source", "memory"],
        ["migrate", "plan", "--source", "memory", "--target", "memory", "--dataset", "d", "--on-loss", "ignore"],
        ["migrate", "plan", "--source", "memory", "--target", "memory", "--dataset", "d", "--source-set", "account"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_code_2_and_no_traceback(
    run: Callable[..., Ran], memory_only: None, words: list[str]
) -> None:
    done = run(*words)

    assert done.code == 2
    assert "Usage" in done.out + done.err
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["migrate", "--help"], ["emulate", "--help"]], ids=" ".join)
def test_help_is_code_0(run: Callable[..., Ran], memory_only: None, words: list[str]) -> None:
    done = run(*words)

    assert done.code == 0
    assert "Usage" in done.out


def test_an_interrupt_while_the_command_line_is_loaded_is_code_130_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Loading(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "dragoman.cli.app", Loading("dragoman.cli.app"))

    assert main(["backends"]) == 130
    assert capsys.readouterr() == ("", "Interrupted.\n")


def test_an_interrupt_is_code_130(run: Callable[..., Ran], memory_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("dragoman.connecting.backends", interrupted)

    done = run("backends")

    assert done.code == 130
    assert "Traceback" not in done.err


def test_a_fault_of_ours_keeps_its_traceback(
    run: Callable[..., Ran], memory_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty() -> dict[str, str]:
        raise ZeroDivisionError

    monkeypatch.setattr("dragoman.connecting.backends", faulty)

    with pytest.raises(ZeroDivisionError):
        run("backends")


# -- migrating --------------------------------------------------------------------------------------------------------


@pytest.fixture
def accounts(memory_only: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, State]:
    """Two accounts: `here` with a dataset of three labelled items and a model's predictions, `there` empty."""
    here = State()
    backend: MemoryAdapter = open_memory(state=here)
    dataset = backend.datasets.create("pets")
    keys = ["a", "b", "c"]
    backend.datasets.write_items([Item(key, uri="/x.png") for key in keys], dataset=dataset)
    backend.labels.write([Label(key, "cat", Box(0, 0, 5, 5)) for key in keys], dataset=dataset)
    model = backend.models.create("detector", task="object_detection", features=["cat"])
    version = backend.versions.create(model, name="v1")
    rows = [Prediction(key, "cat", Box(0, 0, 5, 5), confidence=0.5) for key in keys]
    backend.predictions.write(rows, version=version, dataset=dataset)
    opened = {"here": here, "there": State(), "main": State()}
    for name, state in opened.items():
        monkeypatch.setitem(ACCOUNTS, name, state)
    return opened


SIDES = ["--source-set", "account=here", "--target-set", "account=there"]
PLAN = ["migrate", "plan", "--source", "memory", "--target", "memory", "--dataset", "pets", "--model", "detector"]


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_plan_apply_verify(run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path) -> None:
    planned = run(*PLAN, *SIDES, "-o", str(plan_file))
    assert planned.code == 0
    assert "Nothing is lost." in planned.out
    assert not accounts["there"].datasets

    early = run("migrate", "verify", str(plan_file), *SIDES)
    assert early.code == 3
    assert "[not-found]" in early.err

    applied = run("migrate", "apply", str(plan_file), *SIDES)
    assert applied.code == 0
    assert "predictions" in applied.out
    outcomes = [json.loads(line) for line in plan_file.with_suffix(".outcomes.ndjson").read_text().splitlines()]
    assert [outcome["kind"] for outcome in outcomes] == ["items"] * 3 + ["labels"] * 3 + ["predictions"] * 3
    assert {outcome["status"] for outcome in outcomes} == {"created"}

    verified = run("migrate", "verify", str(plan_file), *SIDES)
    assert verified.code == 0
    assert "Verified" in verified.out


def test_every_step_speaks_json(run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path) -> None:
    planned = run(*PLAN, *SIDES, "-o", str(plan_file), "--json")
    assert json.loads(planned.out) == json.loads(plan_file.read_text())

    applied = run("migrate", "apply", str(plan_file), *SIDES, "--json")
    assert json.loads(applied.out)["labels"] == {"rows": 3, "created": 3}

    verified = run("migrate", "verify", str(plan_file), *SIDES, "--json")
    assert json.loads(verified.out) == {
        "ok": True,
        "counts": {"items": {"same": 3}, "labels": {"same": 3}, "predictions": {"same": 3}, "model": {"same": 1}},
        "differences": [],
    }


def test_a_difference_is_code_1_and_a_line_that_grep_finds(
    run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path
) -> None:
    run(*PLAN, *SIDES, "-o", str(plan_file))
    run("migrate", "apply", str(plan_file), *SIDES)
    (held,) = accounts["there"].labels.values()
    lost, _ = held.popitem()

    verified = run("migrate", "verify", str(plan_file), *SIDES)
    as_json = run("migrate", "verify", str(plan_file), *SIDES, "--json")

    assert (verified.code, as_json.code) == (1, 1)
    assert f"missing labels {lost}" in verified.out.splitlines()
    assert json.loads(as_json.out)["differences"] == [f"missing labels {lost}"]


def test_a_rejected_row_is_code_1_and_is_named(
    run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path
) -> None:
    (labels,) = accounts["here"].labels.values()
    labels["stray"] = Label("nowhere", "cat", Box(0, 0, 1, 1), id="stray")
    run(*PLAN, *SIDES, "-o", str(plan_file))

    applied = run("migrate", "apply", str(plan_file), *SIDES)

    assert applied.code == 1
    assert "rejected labels stray There is no item 'nowhere'." in applied.out


def test_losses_are_shown_by_the_plan_and_refused_by_apply(
    run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path
) -> None:
    (labels,) = accounts["here"].labels.values()
    labels["point"] = Label("a", "cat", Point(1, 1), id="point")
    sides = [*SIDES, "--target-set", "lossy=true"]

    planned = run(*PLAN, *sides, "-o", str(plan_file))
    applied = run("migrate", "apply", str(plan_file), *sides)

    assert "geometry point" in planned.out
    assert "dropped" in planned.out
    assert applied.code == 3
    assert "[would-lose]" in applied.err
    assert not accounts["there"].datasets


def test_a_stale_plan_is_code_3(run: Callable[..., Ran], accounts: dict[str, State], plan_file: Path) -> None:
    run(*PLAN, *SIDES, "-o", str(plan_file))
    (labels,) = accounts["here"].labels.values()
    labels.popitem()

    applied = run("migrate", "apply", str(plan_file), *SIDES)

    assert applied.code == 3
    assert "[conflict]" in applied.err
    assert "Plan again." in applied.err


def test_errors_are_json_for_scripts(run: Callable[..., Ran], memory_only: None, plan_file: Path) -> None:
    done = run("migrate", "apply", str(plan_file), "--json")

    assert (done.code, done.out) == (3, "")
    error = json.loads(done.err)["error"]
    assert (error["code"], error["field"], error["docs"]) == ("invalid-data", "plan", "docs/errors.md#invalid-data")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--source", "memry"], "not-found"),
        (["--dataset", "nope"], "not-found"),
        (["--model", "nope"], "not-found"),
        (["--source-set", "colour=red"], "invalid-data"),
        (["--source-profile", "nope"], "not-found"),
        (["--target-set", "account=locked"], "authentication"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_cannot_be_planned_is_code_3_and_leaves_no_file(
    run: Callable[..., Ran],
    accounts: dict[str, State],
    plan_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    code: str,
) -> None:
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(plan_file.with_name("none.toml")))

    done = run(*PLAN, *SIDES, *more, "-o", str(plan_file))

    assert done.code == 3
    assert done.err.startswith(f"error [{code}] ")
    assert len(done.err.splitlines()) == 1
    assert not plan_file.exists()
