"""The page of a study: what it says, that it needs nothing else, and that it works in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dragoman import Box, Item, Label, Mask, Prediction, Whole
from dragoman.conformance.difficult import png
from dragoman.evaluate import study
from dragoman.evaluate.compare import compare
from dragoman.evaluate.page import page

CHROMIUM = shutil.which("chromium")
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def shown(tmp_path: Path) -> str:
    """A page about boxes on two images: `a` is right, on `b` a dog is called a cat and a box is of nothing."""
    image = tmp_path / "b.png"
    image.write_bytes(png(1))
    labels = [
        Label("a", "cat", Box(1, 1, 9, 9)),
        Label("b", "dog", Box(2, 2, 9, 9)),
        Label("b", NASTY, Box(20, 2, 9, 9)),
    ]
    said = [
        Prediction("a", "cat", Box(1, 1, 9, 9), confidence=0.9),
        Prediction("b", "cat", Box(2, 2, 9, 9), confidence=0.8),
        Prediction("b", "cat", Box(40, 2, 9, 9), confidence=0.3),
    ]
    slices = {"day": ["a"], "night": ["b"]}
    first = study(labels, said, version="v2", dataset="street", slices=slices)
    other = study(labels, said[1:], version="v1", dataset="street")
    items = {"b": Item("b", uri=str(image), width=64, height=48)}
    return page(first, comparisons=compare([first, other], draws=20), items=items)


def test_it_says_what_was_found(shown: str) -> None:
    assert "v2" in shown
    assert "3 labels, 3 predictions" in shown
    assert "v1 against v2" in shown
    assert "1 wrong feature, 1 false positive" in shown
    assert '<image href="data:image/png;base64,' in shown
    assert 'viewBox="0 0 64.0 48.0"' in shown
    assert "<title>said cat 0.30</title>" in shown
    assert re.findall(r'class="label missed" [^>]*><title>([^<]*)', shown) == [
        "&lt;script&gt;alert(1)&lt;/script&gt;, missed"
    ]


def test_it_says_what_another_version_does_differently(shown: str) -> None:
    rows = [re.sub(r"<[^>]*>|\s+", " ", row).split() for row in re.findall(r"<tr.*?</tr>", shown, re.DOTALL)]

    assert any(row[:2] == ["cat", "-1.000"] and row[3] == "to" for row in rows)
    assert ["a", "+1"] in rows


def test_it_says_what_was_left_out() -> None:
    labels = [Label("a", "cat", Box(1, 1, 9, 9))]
    said = [
        Prediction("a", "cat", Box(1, 1, 9, 9), confidence=0.9),
        Prediction("a", "cat", Whole()),
        Prediction("elsewhere", "cat", Box(1, 1, 9, 9), confidence=0.9),
    ]
    first, other = (
        study(labels, rows, version=name, dataset="d", items={"a"}) for name, rows in (("v1", said), ("v2", said[:1]))
    )

    shown = " ".join(page(first, comparisons=compare([first, other], draws=5)).split())
    assert "1 of another kind that were not evaluated; 1 rows on other items were left out" in shown
    assert "Left out of v1 and v2: 1 and 0 predictions of another kind, 1 and 0 rows on other items." in shown
    assert "eft out" not in page(other, comparisons=compare([other, other], draws=5))


def test_what_comes_from_the_data_is_text_and_nothing_else(shown: str) -> None:
    assert NASTY not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_it_needs_no_network(shown: str) -> None:
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", shown)
    assert "default-src 'none'" in shown


def test_regions_are_drawn_as_outlines() -> None:
    square = Mask(4, 4, (5, 2, 2, 2, 5))
    found = study([Label("a", "cat", square)], [], version="v", dataset="d")

    assert 'class="label missed" d="M' in page(found)


def test_classifications_show_what_was_taken_for_what() -> None:
    labels = [Label(item, "cat", Whole()) for item in "ab"]
    said = [Prediction("a", "cat", Whole(), confidence=0.5), Prediction("b", "dog", Whole(), confidence=0.9)]

    shown = " ".join(page(study(labels, said, version="v", dataset="d")).split())
    assert "b is cat, said dog with 0.90" in shown
    assert "Surest mistakes" in shown


PROBE = """
<script>
{
const seen = selector => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).length;
const count = () => [seen("#features [data-feature]"), seen("#examples figure")].join(" ");
const box = document.getElementById("feature"), select = document.getElementById("status");
const told = [count()];
box.value = "CAT"; box.dispatchEvent(new Event("input")); told.push(count());
box.value = "nobody"; box.dispatchEvent(new Event("input")); told.push(count());
box.value = ""; box.dispatchEvent(new Event("input"));
select.value = "false_positive"; select.dispatchEvent(new Event("change")); told.push(count());
document.body.insertAdjacentHTML("beforeend", "<p>probe: " + told.join(", ") + "</p>");
}
</script>
"""
"""Works the page's controls and writes down how many features and examples are to be seen after each."""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_it_works_in_a_browser_without_an_error(shown: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(shown.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")

    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-quic",
            "--disable-sync",
            "--no-first-run",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert re.findall(r"probe: ([^<]*)", done.stdout)[-1] == "3 1, 1 1, 0 0, 3 1"
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
