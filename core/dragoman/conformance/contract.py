"""Kit tests of the contract itself: everything is declared, nothing is declared that is not so."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.capability import Level
from dragoman.conformance.rules import Kit
from dragoman.conformance.vendors import foreign_modules, needed_modules, package_of, vendor_modules
from dragoman.errors import Unsupported
from dragoman.interface import FACETS
from dragoman.interface.base import Facet
from dragoman.plugins import installed


class BaseContract(Kit):
    """Declarations: operations, gaps, signatures, imports. This class is mandatory for every plugin."""

    @pytest.fixture
    def adapter(self, request: Any) -> type[Adapter]:
        """The adapter's class."""
        kind: type[Adapter] = installed().platform(request.instance.platform).load("adapter")
        return kind

    def test_every_operation_is_translated_or_explained(self, adapter: type[Adapter]) -> None:
        found = adapter.capabilities()
        undeclared = [name for name, one in found.items() if one.level is Level.UNDECLARED]
        assert not undeclared, f"neither a translation nor a Gap: {', '.join(undeclared)}"
        curt = [name for name, one in found.items() if not one.supported and len(one.reason) < 10]
        assert not curt, f"a Gap without a sentence that says why: {', '.join(curt)}"

    def test_the_adapter_has_the_platform_s_name(self, adapter: type[Adapter], request: Any) -> None:
        assert getattr(adapter, "name", None) == request.instance.platform, "errors and logs name it so"

    def test_every_gap_refuses_with_its_reason(self, backend: Adapter, adapter: type[Adapter]) -> None:
        for base in FACETS:
            facet: Facet = getattr(backend, base.name)
            for name, operation in base.operations.items():
                declared = adapter.capabilities()[str(operation)]
                if declared.supported:
                    continue
                with pytest.raises(Unsupported) as refusal:
                    call(facet, name)
                assert refusal.value.platform == backend.name
                # What the core composes is refused by the part that is missing.
                assert refusal.value.operation in (str(operation), *operation.composed_of)
                assert declared.reason in str(refusal.value)
                assert not declared.instead or declared.instead in str(refusal.value)

    def test_settings_are_read_from_variables_of_the_platform_s_name(self, request: Any) -> None:
        name = request.instance.platform
        prefix = installed().platform(name).load("settings").model_config.get("env_prefix", "")
        assert prefix == f"DRAGOMAN_{name.upper()}_", "any other variable of the environment may be somebody else's"

    def test_no_gap_hides_a_translation(self, adapter: type[Adapter]) -> None:
        hidden = [
            f"{base.name}.{name}"
            for base in FACETS
            for slot in (getattr(adapter, base.name),)
            if slot.gap is not None
            for name in base.operations
            if slot.kind.declared(name).level is Level.FULL
        ]
        assert not hidden, f"the whole facet is declared a gap, and yet these are written: {', '.join(hidden)}"

    def test_no_gap_stands_where_the_core_could_compose(self, adapter: type[Adapter]) -> None:
        found = adapter.capabilities()
        needless = [
            str(operation)
            for base in FACETS
            for operation in base.operations.values()
            if operation.composed_of
            and found[str(operation)].level in (Level.UNWRITTEN, Level.IMPOSSIBLE)
            and all(found[part].level is Level.FULL for part in operation.composed_of)
        ]
        assert not needless, f"these work when nothing is declared: {', '.join(needless)}"

    def test_translations_take_what_the_facet_passes(self, adapter: type[Adapter]) -> None:
        for base in FACETS:
            kind = getattr(adapter, base.name).kind
            for name in base.operations:
                translation = inspect.getattr_static(kind, f"_{name}")
                if not callable(translation):
                    continue
                passed = TRANSLATIONS[f"{base.name}.{name}"]
                taken = inspect.signature(translation)
                try:
                    # `self` and what is passed, by position.
                    taken.bind(*range(passed + 1))
                except TypeError as error:
                    pytest.fail(f"{kind.__name__}._{name}{taken} is passed {passed} arguments, by position: {error}")

    def test_public_methods_are_the_core_s(self, adapter: type[Adapter]) -> None:
        replaced = [
            f"{base.name}.{name}"
            for base in FACETS
            for name in (*base.operations, "find")
            if hasattr(base, name) and getattr(getattr(adapter, base.name).kind, name) is not getattr(base, name)
        ]
        assert not replaced, (
            f"a plugin writes the underscored translation, never the public method: {', '.join(replaced)}"
        )

    def test_the_plugin_imports_no_other_vendor(self, request: Any) -> None:
        platform = installed().platform(request.instance.platform)
        forbidden = foreign_modules(platform)
        for file in _folder(package_of(platform)).rglob("*.py"):
            foreign = sorted(imports_of(file) & forbidden)
            assert not foreign, f"{file.name} imports {', '.join(foreign)}, which other plugins are for"

    def test_registering_imports_no_sdk(self, request: Any) -> None:
        name = request.instance.platform
        heavy = vendor_modules() | needed_modules(installed().platform(name))
        code = (
            "import sys\nfrom dragoman.plugins import installed\n"
            f"installed().platform({name!r})\n"
            f"print(*sorted(sys.modules.keys() & {set(heavy)!r}))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        loaded = done.stdout.strip()
        assert not loaded, f"listing the backends imports {loaded}; the package names its parts as strings instead"

    def test_the_kit_is_whole(self, adapter: type[Adapter], request: Any) -> None:
        from dragoman import conformance

        here = [kind for kind in vars(request.module).values() if isinstance(kind, type)]
        missing = [
            name
            for name in conformance.__all__
            if name.startswith("Base")
            and facet_is_there(adapter, name)
            and not any(issubclass(kind, getattr(conformance, name)) for kind in here if kind.__name__[:4] == "Test")
        ]
        assert not missing, f"the module has no Test class for {', '.join(missing)}"


TRANSLATIONS = {
    "models.create": 1,
    "models.get": 1,
    "models.list": 4,
    "models.update": 2,
    "models.delete": 1,
    "versions.create": 1,
    "versions.get": 1,
    "versions.list": 3,
    "versions.update": 2,
    "versions.delete": 1,
    "versions.download_weights": 2,
    "versions.upload_weights": 2,
    "versions.data": 3,
    "training.submit": 4,
    "training.get": 1,
    "training.list": 3,
    "training.wait": 1,
    "training.cancel": 1,
    "training.delete": 1,
    "training.logs": 3,
    "training.data": 3,
    "inference.predict": 4,
    "predictions.write": 4,
    "predictions.read": 5,
    "predictions.delete": 3,
    "evaluations.evaluate": 4,
    "evaluations.get": 1,
    "attachments.attach": 4,
    "attachments.list": 3,
    "attachments.update": 2,
    "attachments.detach": 1,
    "datasets.create": 1,
    "datasets.get": 1,
    "datasets.list": 2,
    "datasets.delete": 1,
    "datasets.read_items": 3,
    "datasets.write_items": 3,
    "datasets.splits": 1,
    "labels.versions": 1,
    "labels.read": 4,
    "labels.write": 3,
    "labels.export": 1,
    "ontologies.create": 2,
    "ontologies.get": 1,
    "handoff.send_predictions": 3,
    "handoff.send_items": 3,
}
"""How many arguments the core passes to each translation, by position."""


def call(facet: Facet, operation: str) -> None:
    """Call a public operation with arguments that would do; a lazy listing is asked for its first element."""
    method = getattr(facet, operation)
    arguments: list[Any] = []
    named: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            continue
        value: Any = {"features": {}, "rows": [], "items": [], "task": "classification"}.get(name, "thing")
        if name == "features" and facet.name == "models":
            value = ["a"]
        if name == "path" and operation == "upload_weights":
            value = __file__
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            arguments.append(value)
    result = method(*arguments, **named)
    if inspect.isgenerator(result) or hasattr(result, "__next__"):
        next(result, None)


def facet_is_there(adapter: type[Adapter], base: str) -> bool:
    """Return whether the adapter translates any operation of the facet that a kit class is about."""
    name = base.removeprefix("Base").lower()
    known = {facet.name for facet in FACETS}
    if name not in known:
        return True
    return any(one.supported for operation, one in adapter.capabilities().items() if operation.startswith(f"{name}."))


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def imports_of(file: Path) -> set[str]:
    """Return the top-level modules that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found
