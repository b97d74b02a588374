"""Loading plugins: one broken plugin neither stops the rest nor hides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from memory import MemoryAdapter

import dragoman
from dragoman import NotFound, Platform, PluginError, hookimpl
from dragoman.hookspecs import hookspec
from dragoman.plugins import Loaded, installed, load


def platform(name: str, **parts: str | None) -> Platform:
    given = {"adapter": "memory:MemoryAdapter", "settings": "memory:MemorySettings", **parts}
    return Platform(name=name, title=name.title(), description=f"The platform {name}.", **given)  # type: ignore[arg-type]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., EntryPoint]:
    """Make a plugin module that adds platforms, and its entry point."""

    def make(name: str, *platforms: Platform, **attributes: object) -> EntryPoint:
        module = ModuleType(f"plugin_{name}_{len(sys.modules)}")
        if platforms:

            @hookimpl
            def dragoman_platforms(register: Callable[[Platform], None]) -> None:
                for each in platforms:
                    register(each)

            module.dragoman_platforms = dragoman_platforms  # type: ignore[attr-defined]
        for attribute, value in attributes.items():
            setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return EntryPoint(name, module.__name__, "dragoman")

    return make


BROKEN = EntryPoint("broken", "no_such_module_at_all", "dragoman")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRAGOMAN_PLUGINS", "DRAGOMAN_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def test_plugins_add_platforms(plugin: Callable[..., EntryPoint]) -> None:
    loaded = load([plugin("one", platform("acme"), platform("apex")), plugin("two", platform("bolt"))])

    assert list(loaded.platforms) == ["acme", "apex", "bolt"]
    assert loaded.failures == {}
    assert loaded.platform("acme").load("adapter") is MemoryAdapter


def test_a_broken_plugin_is_kept_with_its_reason_and_the_rest_works(plugin: Callable[..., EntryPoint]) -> None:
    loaded = load([plugin("one", platform("acme")), BROKEN, plugin("two", platform("bolt"))])

    assert list(loaded.platforms) == ["acme", "bolt"]
    assert list(loaded.failures) == ["broken"]
    assert isinstance(loaded.failures["broken"], ModuleNotFoundError)


def test_asking_for_a_broken_plugin_says_why_it_is_broken() -> None:
    with pytest.raises(PluginError, match="'broken' is installed and does not load: No module") as caught:
        load([BROKEN]).platform("broken")

    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_strict_mode_raises_at_once(monkeypatch: pytest.MonkeyPatch, plugin: Callable[..., EntryPoint]) -> None:
    monkeypatch.setenv("DRAGOMAN_STRICT_PLUGINS", "1")

    assert "acme" in load([plugin("one", platform("acme"))]).platforms
    with pytest.raises(PluginError, match=r"'broken'.*no_such_module_at_all") as caught:
        load([BROKEN])
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("wish", "found"), [("one", ["acme"]), ("two,one", ["acme", "bolt"]), (" one , ", ["acme"]), ("other", []), ("", 3)]
)
def test_the_environment_restricts_what_is_loaded(
    monkeypatch: pytest.MonkeyPatch, plugin: Callable[..., EntryPoint], wish: str, found: list[str] | int
) -> None:
    monkeypatch.setenv("DRAGOMAN_PLUGINS", wish)
    entries = [plugin("one", platform("acme")), plugin("two", platform("bolt")), plugin("three", platform("crux"))]

    platforms = list(load(entries).platforms)

    assert (platforms if isinstance(found, list) else len(platforms)) == found


def test_a_plugin_left_out_is_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_PLUGINS", "other")

    assert load([BROKEN]).failures == {}


def test_the_first_of_two_plugins_with_one_platform_wins_and_the_other_is_named(
    plugin: Callable[..., EntryPoint],
) -> None:
    first = platform("acme")

    loaded = load([plugin("one", first), plugin("two", platform("bolt"), platform("acme"))])

    assert loaded.platforms == {"acme": first}
    assert "Two plugins add a platform named 'acme'" in str(loaded.failures["two"])


def test_the_second_of_two_plugins_with_one_name_is_a_failure(plugin: Callable[..., EntryPoint]) -> None:
    loaded = load([plugin("one", platform("acme")), plugin("one", platform("bolt"))])

    assert list(loaded.platforms) == ["acme"]
    assert list(loaded.failures) == ["one"]


def test_a_hook_that_does_not_exist_makes_the_plugin_broken(plugin: Callable[..., EntryPoint]) -> None:
    @hookimpl
    def dragoman_platfroms(register: object) -> None: ...

    loaded = load([plugin("one", dragoman_platfroms=dragoman_platfroms), plugin("two", platform("bolt"))])

    assert list(loaded.platforms) == ["bolt"]
    assert "dragoman_platfroms" in str(loaded.failures["one"])


def test_a_plugin_whose_hooks_are_not_marked_is_broken(plugin: Callable[..., EntryPoint]) -> None:
    def dragoman_platforms(register: Callable[[Platform], None]) -> None:
        register(platform("acme"))

    loaded = load([plugin("one", dragoman_platforms=dragoman_platforms)])

    assert "implements none of the hooks. Mark its functions with `dragoman.hookimpl`" in str(loaded.failures["one"])


def test_a_plugin_that_returns_its_platform_in_the_place_of_registering_it_is_broken(
    plugin: Callable[..., EntryPoint],
) -> None:
    @hookimpl
    def dragoman_platforms(register: Callable[[Platform], None]) -> Platform:
        return platform("acme")

    loaded = load([plugin("one", dragoman_platforms=dragoman_platforms)])

    assert "registers no platform. Call `register(Platform(...))`" in str(loaded.failures["one"])


def test_a_part_that_is_not_named_is_a_plugin_error_on_use() -> None:
    with pytest.raises(PluginError, match=r"The adapter is given as <class.*MemoryAdapter") as caught:
        platform("acme", adapter=MemoryAdapter).load("adapter")  # type: ignore[arg-type]
    assert caught.value.hint == 'Name it: "module:name".'


@pytest.mark.parametrize(("part", "base"), [("adapter", "Adapter"), ("settings", "PlatformSettings")])
def test_a_part_of_another_kind_is_a_plugin_error_on_use(part: str, base: str) -> None:
    with pytest.raises(PluginError, match=f"The {part} memory:State is no subclass of {base}"):
        platform("acme", **{part: "memory:State"}).load(part)


def test_a_hook_with_unknown_arguments_makes_the_plugin_broken(plugin: Callable[..., EntryPoint]) -> None:
    @hookimpl
    def dragoman_platforms(registry: object) -> None: ...

    assert "registry" in str(load([plugin("one", dragoman_platforms=dragoman_platforms)]).failures["one"])


def test_a_plugin_that_fails_while_it_registers_leaves_nothing_behind(plugin: Callable[..., EntryPoint]) -> None:
    seen: list[object] = []

    @hookimpl
    def dragoman_platforms(register: Callable[[Platform], None]) -> None:
        register(platform("half"))
        raise RuntimeError("halfway")

    @hookimpl
    def dragoman_before_call(call: object) -> None:
        seen.append(call)

    hooks = {"dragoman_platforms": dragoman_platforms, "dragoman_before_call": dragoman_before_call}
    loaded = load([plugin("one", **hooks), plugin("two", platform("bolt"))])
    loaded.hooks.hook.dragoman_before_call(call=None)

    assert list(loaded.platforms) == ["bolt"]
    assert str(loaded.failures["one"]) == "halfway"
    assert seen == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module_at_all:Adapter", "No module named"),
        ("memory:NoSuchName", "NoSuchName"),
        ("memory", "AttributeError"),
    ],
)
def test_a_part_that_cannot_be_imported_is_a_plugin_error_on_use(target: str, reason: str) -> None:
    with pytest.raises(PluginError, match=reason) as caught:
        platform("acme", adapter=target).load("adapter")

    assert caught.value.platform == "acme"
    assert caught.value.hint is not None
    assert "doctor" in caught.value.hint
    assert caught.value.__cause__ is not None


def test_a_part_that_the_platform_does_not_have_is_not_found() -> None:
    with pytest.raises(NotFound, match="no emulator"):
        platform("acme").load("emulator")


@pytest.fixture
def three(plugin: Callable[..., EntryPoint]) -> Loaded:
    return load([plugin("one", platform("nucleus"), platform("labelbox"), platform("local"))])


@pytest.mark.parametrize(("typed", "meant"), [("nuclus", "nucleus"), ("label-box", "labelbox"), ("locale", "local")])
def test_a_name_that_is_nearly_right_is_guessed(three: Loaded, typed: str, meant: str) -> None:
    with pytest.raises(NotFound, match=f"no backend named '{typed}'") as caught:
        three.platform(typed)

    assert caught.value.hint == f"Did you mean {meant!r}?"


def test_a_name_that_is_like_none_gets_the_list(three: Loaded) -> None:
    with pytest.raises(NotFound) as caught:
        three.platform("zzz")

    assert caught.value.hint == "Installed: labelbox, local, nucleus."


def test_connect_and_backends_use_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, plugin: Callable[..., EntryPoint], fresh_plugins: None
) -> None:
    entries = [plugin("one", platform("memory")), BROKEN]
    monkeypatch.setattr("dragoman.plugins.entry_points", lambda group: entries)

    assert dragoman.backends() == {"memory": "The platform memory."}
    with dragoman.connect("memory", account="plugins") as backend:
        assert isinstance(backend, MemoryAdapter)
    with pytest.raises(NotFound, match="named 'memry'"):
        dragoman.connect("memry")
    with pytest.raises(PluginError, match="does not load"):
        dragoman.connect("broken")
    assert installed() is installed()


def test_observers_of_plugins_see_the_calls_of_every_backend(
    monkeypatch: pytest.MonkeyPatch, plugin: Callable[..., EntryPoint], fresh_plugins: None
) -> None:
    seen: list[str] = []

    @hookimpl
    def dragoman_after_call(call: object) -> None:
        seen.append(str(call.operation))  # type: ignore[attr-defined]

    entries = [plugin("one", platform("memory")), plugin("watch", dragoman_after_call=dragoman_after_call)]
    monkeypatch.setattr("dragoman.plugins.entry_points", lambda group: entries)

    dragoman.connect("memory", account="observed").datasets.create("d")

    assert seen == ["datasets.create"]


def test_every_hook_is_documented() -> None:
    from dragoman import hookspecs

    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("dragoman_")]

    assert len(hooks) >= 4
    assert all(hook.__doc__ for hook in hooks)
    assert hookspec.project_name == hookimpl.project_name == "dragoman"
