"""What a plugin's author may get wrong is said where it is, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from calling import READ, SECRET, Clock, failing, make
from memory import MemoryAdapter, MemoryDatasets, open_memory

from dragoman import (
    Adapter,
    Box,
    Dataset,
    DragomanError,
    FidelityTable,
    Gap,
    Label,
    PlatformError,
    PluginError,
    facet,
)
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Page, Pipeline
from dragoman.fidelity import EXACT, approximate, dropped
from dragoman.interface import Datasets, Handoff, Labels
from dragoman.schema import RowResult

# -- the class ---------------------------------------------------------------------------------------------------------


class Stringy(Datasets):
    _delete = "Memory keeps everything."


@pytest.mark.parametrize(
    ("body", "complaint", "way_out"),
    [
        ({"datasets": MemoryDatasets}, "datasets is not declared as a facet of Datasets", r"datasets = facet\(X\)"),
        ({"handoff": Gap.impossible("Nobody annotates.")}, "handoff is not declared", r"facet\(Handoff, gap="),
        ({"handoff": facet(Gap.impossible("Nobody annotates."))}, "handoff is not declared", "gap="),  # type: ignore[type-var]
        ({"labels": facet(MemoryDatasets)}, "labels is not declared as a facet of Labels", "a subclass of Labels"),
        ({"label": facet(Labels)}, "label is none of the facets", "They are: models, .*labels"),
        ({"datasets": facet(Stringy)}, "Stringy._delete is 'Memory keeps everything.'", "a Gap with the reason"),
        ({"label_fidelity": {"box": EXACT}}, "label_fidelity is not a FidelityTable", ""),
        ({"errors": [(KeyError, PlatformError)]}, "errors is not a Mapping", ""),
    ],
)
def test_a_class_body_that_no_call_makes_sense_of_is_refused_as_it_is_read(
    body: dict[str, Any], complaint: str, way_out: str
) -> None:
    with pytest.raises(PluginError, match=complaint) as caught:
        type("Broken", (MemoryAdapter,), body)
    assert caught.match(way_out)


def test_a_class_that_others_are_made_of_may_leave_all_unsaid() -> None:
    class OverHttp(Adapter):
        """What two adapters share."""

    class Acme(OverHttp):
        name = "acme"
        handoff = facet(Handoff, gap=Gap.impossible("Nobody annotates on Acme."))

    assert not Acme.capabilities()["handoff.send_items"].supported


@pytest.mark.parametrize("name", ["batch_size", "page_size", "in_flight", "calls_per_second", "attempts"])
def test_limits_that_let_nothing_through_are_refused(name: str) -> None:
    with pytest.raises(PluginError, match=f"{name} = 0; it must be at least 1"):
        Limits(**{name: 0})


@pytest.mark.parametrize(
    ("geometries", "fields", "complaint"),
    [
        ({"boxes": EXACT}, {}, r"no form of geometry 'boxes'\. There are: box"),
        (
            {"box": EXACT},
            {"attribute": dropped("no place")},
            r"no field of a row 'attribute'\. There are: answer",
        ),
        ({"box": "exact"}, {}, r"'box' is declared as 'exact'\. It is EXACT, or what approximate\(\)"),
        ({"mask": approximate("its outline", to="polygons")}, {}, "'mask' becomes 'polygons', which is no form"),
    ],
)
def test_a_table_of_fidelity_names_what_there_is(
    geometries: Mapping[str, Any], fields: Mapping[str, Any], complaint: str
) -> None:
    with pytest.raises(PluginError, match=complaint):
        FidelityTable(geometries, fields)


# -- what translations return ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (lambda: [Dataset(name="d")], "A list"),
        (lambda: (Dataset(name=name) for name in "de"), "A generator"),
        (lambda: None, "A NoneType"),
    ],
)
def test_what_is_no_page_is_said_to_be_none(answer: Callable[[], Any], what: str) -> None:
    class Listless(MemoryDatasets):
        def _list(self, cursor: str | None, size: int) -> Page[Dataset]:
            return answer()  # type: ignore[no-any-return]

    backend = type("Broken", (MemoryAdapter,), {"datasets": facet(Listless)})(*_opened())
    with pytest.raises(PluginError, match=f"{what} was returned in the place of a Page") as caught:
        list(backend.datasets.list())
    assert (caught.value.platform, caught.value.operation) == ("memory", "datasets.list")


def test_an_empty_cursor_is_the_end_as_many_platforms_have_it(pipeline: Pipeline) -> None:
    pages = {None: Page([1], "a"), "a": Page([2], "")}

    assert list(pipeline.pages(READ, lambda cursor, size: pages[cursor], 1)) == [1, 2]


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        (lambda rows: None, "A NoneType was returned in the place of a list of RowResult"),
        (lambda rows: (RowResult("created") for _ in rows), "A generator was returned in the place of a list"),
        (lambda rows: ["created" for _ in rows], "A row's result is 'created'; it is a RowResult"),
        (lambda rows: [{"status": "created"} for _ in rows], "it is a RowResult"),
        (lambda rows: [RowResult("ok") for _ in rows], "whose status is one of: created, updated"),  # type: ignore[arg-type]
    ],
)
def test_results_of_rows_that_are_none_are_said_to_be(results: Callable[[Any], Any], complaint: str) -> None:
    class Vague(Labels):
        def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> Any:
            return results(rows)

    backend = type("Broken", (MemoryAdapter,), {"labels": facet(Vague)})(*_opened())
    rows = [Label("a", "car", Box(0, 0, 1, 1)), Label("b", "car", Box(0, 0, 1, 1))]
    with pytest.raises(PluginError, match=complaint) as caught:
        backend.labels.write(rows, dataset="d")
    assert (caught.value.platform, caught.value.operation) == ("memory", "labels.write")
    assert caught.value.report is not None


def _opened() -> tuple[Any, Any]:
    backend = open_memory()
    return backend.settings, backend.pipeline._hooks


# -- the table of errors -----------------------------------------------------------------------------------------------


class VendorError(Exception):
    pass


def _stumbles(error: VendorError) -> DragomanError:
    raise KeyError("message")


@pytest.mark.parametrize(
    ("translate", "made"),
    [(_stumbles, "KeyError: 'message'"), (lambda _: None, "None"), (lambda _: "no key", "no key")],
)
def test_where_the_table_of_errors_makes_none_the_platform_s_own_words_are_kept(
    clock: Clock, translate: Any, made: str
) -> None:
    with pytest.raises(PlatformError) as caught:
        make(clock, errors={VendorError: translate}).call(READ, failing(VendorError(f"no album for {SECRET}")))

    assert caught.value.message == "VendorError: no album for ***"
    assert caught.value.hint == f"The plugin's table of errors made no error of ours of it, but this: {made}."
    assert isinstance(caught.value.__cause__, VendorError)
