"""Which modules belong to a platform: what its plugin's distribution requires, and the core does not."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from importlib.metadata import distribution, entry_points, packages_distributions

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from dragoman.plugins import GROUP, Platform


def package_of(platform: Platform) -> str:
    """Return the top-level module of the platform's plugin."""
    return platform.adapter.partition(":")[0].partition(".")[0]


def own_modules(platform: Platform) -> frozenset[str]:
    """Return the top-level modules that this platform may use: its plugin, and what that requires, extras included."""
    return _modules(extras=True).get(package_of(platform), frozenset()) | {package_of(platform)}


def needed_modules(platform: Platform) -> frozenset[str]:
    """Return the top-level modules that the platform's plugin requires and the core does without."""
    return own_modules(platform) - {package_of(platform), "dragoman"} - _core_modules()


def foreign_modules(platform: Platform) -> frozenset[str]:
    """Return the top-level modules of the other installed plugins that this one has no business with."""
    others = frozenset().union(*(modules | {plugin} for plugin, modules in _modules().items()))
    return others - own_modules(platform)


def vendor_modules() -> frozenset[str]:
    """Return the modules that the installed plugins require; registering the plugins imports none of them."""
    return frozenset().union(*_modules().values())


@cache
def _modules(*, extras: bool = False) -> dict[str, frozenset[str]]:
    """Package of each installed plugin to the top-level modules of its requirements.

    Without extras, what the core requires, too, is left out: some modules, such as `google`, come from several
    distributions, of which one may be a plugin's and another the core's.
    """
    provided = _provided()
    shared = _required(distribution("dragoman").requires, extras=True)
    found: dict[str, frozenset[str]] = {}
    for entry in entry_points(group=GROUP):
        assert entry.dist is not None
        wanted = _required(entry.dist.requires, extras=extras) - {"dragoman"}
        if not extras:
            wanted -= shared
        found[entry.module.partition(".")[0]] = frozenset().union(*(provided[name] for name in wanted))
    return found


def _core_modules() -> frozenset[str]:
    provided = _provided()
    return frozenset().union(*(provided[name] for name in _required(distribution("dragoman").requires)))


@cache
def _provided() -> dict[NormalizedName, set[str]]:
    """Name of each installed distribution to its top-level modules."""
    provided: dict[NormalizedName, set[str]] = defaultdict(set)
    for module, names in packages_distributions().items():
        for name in names:
            provided[canonicalize_name(name)].add(module)
    return provided


def _required(requirements: list[str] | None, *, extras: bool = False) -> set[NormalizedName]:
    parsed = map(Requirement, requirements or ())
    return {
        canonicalize_name(one.name) for one in parsed if extras or not one.marker or one.marker.evaluate({"extra": ""})
    }
