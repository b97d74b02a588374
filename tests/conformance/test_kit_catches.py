"""The conformance kit against adapters that are broken on purpose: each kind of fault is caught by the test for it.

Every case changes the template plugin (`examples/plugin-template`) in one place.
"""

from __future__ import annotations

from unittest.mock import ANY

import pytest

from dragoman.conformance.vendors import needed_modules
from dragoman.plugins import installed

HEADER = """
import dataclasses
import msgspec
from dragoman import EXACT, Box, FidelityTable, Gap, Label, conformance, facet, interface
from dragoman.calls.pipeline import Page
from dragoman.fidelity import approximate, dropped, stored
from dragoman.plugins import installed
from dragoman_acme.adapter import AcmeAdapter
from dragoman_acme.codec import ROWS
from dragoman_acme.datasets import AcmeDatasets
from dragoman_acme.labels import AcmeLabels

class Acme(conformance.Subject):
    platform = "acme"
"""
FOOTER = """
platforms = installed().platforms
platforms["acme"] = dataclasses.replace(platforms["acme"], adapter=f"{__name__}:Broken")
"""
CLASSES = "\n".join(
    f"class Test{name}(Acme, conformance.Base{name}): ..."
    for name in ("Contract", "Datasets", "Labels", "Fidelity", "Failures", "Secrets")
)

BROKEN = {
    "an operation that nobody declared": (
        "class Quiet(AcmeLabels):\n    _export = Gap.undeclared()\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Quiet)\n",
        "test_every_operation_is_translated_or_explained",
    ),
    "a gap without a reason": (
        "class Curt(AcmeLabels):\n    _export = Gap.impossible('no')\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Curt)\n",
        "test_every_operation_is_translated_or_explained",
    ),
    "a gap before something that works": (
        "class Broken(AcmeAdapter):\n    labels = facet(AcmeLabels, gap=Gap.impossible('It cannot be done.'))\n",
        "test_no_gap_hides_a_translation",
    ),
    "a gap where the core composes": (
        "class Modest(AcmeDatasets):\n    _splits = Gap.impossible('Acme counts no splits.')\n"
        "class Broken(AcmeAdapter):\n    datasets = facet(Modest)\n",
        "test_no_gap_stands_where_the_core_could_compose",
    ),
    "a translation with another signature": (
        "class Odd(AcmeLabels):\n    def _read(self, dataset): ...\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Odd)\n",
        "test_translations_take_what_the_facet_passes",
    ),
    "a public method of the plugin's own": (
        "class Own(AcmeLabels):\n    def read(self, dataset, **more): return iter(())\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Own)\n",
        "test_public_methods_are_the_core_s",
    ),
    "a name that is not the platform's": (
        "class Broken(AcmeAdapter):\n    name = 'other'\n",
        "test_the_adapter_has_the_platform_s_name",
    ),
    "a last page that is never asked for": (
        "class Hasty(AcmeLabels):\n    def _read(self, *asked):\n"
        "        return Page(list(super()._read(*asked).items), None)\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Hasty)\n",
        "test_every_page_size_reads_every_label_once",
    ),
    "a page that comes twice": (
        "class Stuttering(AcmeDatasets):\n    def _read_items(self, *asked):\n"
        "        page = super()._read_items(*asked)\n        return Page([*page.items, *page.items], page.next)\n"
        "class Broken(AcmeAdapter):\n    datasets = facet(Stuttering)\n",
        "test_every_page_size_reads_every_item_once",
    ),
    "a rejected row that is called created": (
        "class Cheerful(AcmeLabels):\n    def _write(self, dataset, rows, update):\n"
        "        results = super()._write(dataset, rows, update)\n"
        "        return [msgspec.structs.replace(result, status='created') for result in results]\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Cheerful)\n",
        "test_a_row_on_an_item_that_is_not_there_is_rejected",
    ),
    "rows that are added again when they are sent again": (
        "class Doubling(AcmeLabels):\n    count = 0\n    def _write(self, dataset, rows, update):\n"
        "        Doubling.count += 1\n"
        "        fresh = [msgspec.structs.replace(row, id=f'{row.id}{self.count}') for row in rows]\n"
        "        return super()._write(dataset, fresh, update)\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Doubling)\n",
        "test_writing_twice_adds_nothing",
    ),
    "failures that are not bound": (
        "class Broken(AcmeAdapter):\n    errors = {}\n",
        "test_every_kind_of_failure_is_one_of_our_errors",
    ),
    "a wait that is not passed on": (
        "from dragoman.errors import RateLimited\nimport httpx\n"
        "class Broken(AcmeAdapter):\n    errors = {httpx.HTTPStatusError: lambda error: RateLimited('slow down')}\n",
        "test_a_wait_that_is_asked_for_is_kept",
    ),
    "a geometry that is declared exact and is rounded": (
        "class Rough(AcmeLabels):\n    def _write(self, dataset, rows, update):\n"
        "        def rough(row):\n"
        "            box = row.geometry\n"
        "            if not isinstance(box, Box):\n                return row\n"
        "            return msgspec.structs.replace(row, geometry=Box(round(box.x), box.y, box.width, box.height))\n"
        "        return super()._write(dataset, [rough(row) for row in rows], update)\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Rough)\n",
        "test_labels_keep_what_the_table_says[box]",
    ),
    "a geometry that is declared lossy and is not": (
        "class Broken(AcmeAdapter):\n"
        "    label_fidelity = FidelityTable({**ROWS.geometries, 'box': approximate('rounded')}, ROWS.fields)\n",
        "test_labels_keep_what_the_table_says[box]",
    ),
    "a geometry that is declared dropped and works": (
        "class Broken(AcmeAdapter):\n"
        "    label_fidelity = FidelityTable({**ROWS.geometries, 'whole': dropped('no tags')}, ROWS.fields)\n",
        "test_what_is_declared_dropped_would_be_lost_indeed[whole]",
    ),
    "metadata that are lost without a word": (
        "class Forgetful(AcmeLabels):\n    def _write(self, dataset, rows, update):\n"
        "        return super()._write(dataset, [msgspec.structs.replace(r, metadata={}) for r in rows], update)\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Forgetful)\n",
        "test_fields_of_labels_survive_as_the_table_says[metadata]",
    ),
    "a key in the repr": (
        "class Broken(AcmeAdapter):\n"
        "    def __repr__(self): return f'<acme {self.settings.token.get_secret_value()}>'\n",
        "test_a_wrong_key_is_refused_and_not_shown",
    ),
    "a key in the log": (
        "import logging\nclass Broken(AcmeAdapter):\n"
        "    def request(self, *asked, **more):\n"
        "        logging.getLogger('acme').debug(self.settings.token.get_secret_value())\n"
        "        return super().request(*asked, **more)\n",
        "test_right_credentials_are_not_shown_either",
    ),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit needs no other plugin of pytest; loading them takes half of an inner run."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, chosen: str = "") -> pytest.RunResult:
    """Run the tests in pytester's folder, in a process of their own.

    pytester forgets the modules that a run in this process imports. A library that is imported a second time has its
    errors a second time too, which code that remembers the first ones does not catch.
    """
    return pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "-k", chosen)


@pytest.mark.parametrize("fault", BROKEN)
def test_the_fault_is_caught_by_the_test_for_it(fault: str, pytester: pytest.Pytester) -> None:
    code, catcher = BROKEN[fault]
    pytester.makepyfile(test_broken=f"{HEADER}\n{code}\n{CLASSES}\n{FOOTER}")
    result = run(pytester, catcher.partition("[")[0])
    failed = [line for line in result.outlines if line.startswith("FAILED")]
    assert any(catcher in line for line in failed), result.stdout.str()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("test_writing_twice_adds_nothing = None", "removes the kit test"),
        ("def test_writing_twice_adds_nothing(self): ...", r"without @overrides"),
        ("@conformance.overrides('')\n    def test_writing_twice_adds_nothing(self): ...", "needs a reason"),
        ("@conformance.overrides('why not')\n    def test_of_my_own(self): ...", "overrides nothing"),
    ],
)
def test_kit_tests_are_not_removed_and_replaced_only_with_a_reason(
    body: str, complaint: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_tampered=f"{HEADER}\nclass TestLabels(Acme, conformance.BaseLabels):\n    {body}")
    result = run(pytester)
    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.re_match_lines([f".*{complaint}.*"])


def test_what_is_missing_is_said_in_a_sentence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_broken=f"{HEADER}\n"
        "class Odd(AcmeLabels):\n    _export = Gap.undeclared()\n    def _read(self, dataset): ...\n"
        "class Broken(AcmeAdapter):\n    labels = facet(Odd)\n"
        f"{CLASSES}\n{FOOTER}"
    )
    result = run(pytester, "translated_or_explained or takes_what or take_what")
    result.stdout.re_match_lines_random(
        [
            r".*neither a translation nor a Gap: labels\.export",
            r".*Odd\._read\(self, dataset\) is passed 4 arguments, by position: too many positional arguments",
        ]
    )


def test_a_platform_without_classifications_may_keep_answers_beside_its_boxes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_boxes=f"{HEADER}\n"
        "class Broken(AcmeAdapter):\n    label_fidelity = FidelityTable({'box': EXACT}, ROWS.fields)\n"
        f"{CLASSES}\n{FOOTER}"
    )
    assert run(pytester, "fields_of_labels").parseoutcomes() == {"passed": 4, "deselected": ANY}


def test_settings_of_no_prefix_are_caught(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_settings=f"{HEADER}\n"
        "from dragoman.settings import PlatformSettings\n"
        "class Bare(PlatformSettings):\n    token: str\n"
        f"{CLASSES}\nplatforms = installed().platforms\n"
        "platforms['acme'] = dataclasses.replace(platforms['acme'], settings=f'{__name__}:Bare')\n"
    )
    result = run(pytester, "variables_of_the_platform")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.re_match_lines([".*may be somebody else's"])


def test_what_a_plugin_needs_is_heavy_though_an_extra_of_the_core_has_it() -> None:
    needed = needed_modules(installed().platform("acme"))
    assert "httpx" in needed
    assert not needed & {"dragoman", "dragoman_acme", "msgspec", "pydantic"}


def test_a_kit_class_that_is_left_out_is_missed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_partial=f"{HEADER}\nclass TestContract(Acme, conformance.BaseContract): ...")
    result = run(pytester, "kit_is_whole")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.re_match_lines([r".*BaseLabels.*"])


def test_a_plugin_that_imports_another_vendor_is_caught(pytester: pytest.Pytester) -> None:
    package = pytester.mkpydir("leaning")
    (package / "adapter.py").write_text(
        "from dragoman_acme.adapter import AcmeAdapter\n"
        "class Broken(AcmeAdapter):\n    def close(self):\n        import nucleus\n"
    )
    pytester.makepyfile(
        test_leaning=f"{HEADER}\nclass TestContract(Acme, conformance.BaseContract): ...\n"
        "platforms = installed().platforms\n"
        "platforms['acme'] = dataclasses.replace(platforms['acme'], adapter='leaning.adapter:Broken')\n"
    )
    result = run(pytester, "imports_no_other_vendor")
    result.stdout.re_match_lines([r".*imports .*nucleus.*"])
    assert result.parseoutcomes()["failed"] == 1
