"""The demo, step by step: images, training, prediction, evaluation, migration, verification."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from dragoman.adapter import Adapter
from dragoman.cli.migrate import save_outcomes
from dragoman.cli.show import Bars, as_json, bars, out, table
from dragoman.connecting import connect
from dragoman.errors import Unavailable
from dragoman.migrate import Applied, Migration, Scope, Verification
from dragoman.schema import Dataset, Evaluation, Feature, Model, Ontology, Task, Training, Version
from dragoman_demo.digits import CANVAS, FEATURES, PLAIN, Sample, write_canvases, write_digits
from dragoman_demo.drawing import draw

SOURCE, TARGET = "local", "nucleus"
DRAWN = 9
"""Held-out images in the picture."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What one task of the demo made on the source."""

    dataset: Dataset
    model: Model
    version: Version
    evaluation: Evaluation


def run(folder: Path, *, canvases: int, digits: int, epochs: int, seed: int, as_json: bool) -> bool:
    """Run the demo in a new folder under `folder`, print what moved, and return whether all of it arrived."""
    started = time.monotonic()
    home = folder / datetime.now().strftime("%Y%m%d-%H%M%S")
    images = {name: home / "images" / name for name in ("canvases", "digits")}
    for path in images.values():
        path.mkdir(parents=True)
    source = connect(SOURCE, root=home / "state")
    bar = Bars().track
    with source, _emulated(TARGET) as target:
        boxes = bar(write_canvases(images["canvases"], canvases, seed), "draw canvases", canvases)
        detector = _train(
            source,
            "digit canvases",
            Task.OBJECT_DETECTION,
            boxes,
            {"epochs": epochs, "seed": seed, "image_size": CANVAS},
        )
        plain = bar(write_digits(images["digits"], digits), "draw digits", digits)
        classifier = _train(source, "plain digits", Task.CLASSIFICATION, plain, {"seed": seed, "image_size": PLAIN})
        picture = _picture(source, detector, home / "predictions.png")
        moved = [_migrate(source, target, trained, home) for trained in (detector, classifier)]
    ok = all(verification.ok and applied.ok for applied, verification in moved)
    _show([detector, classifier], moved, picture, time.monotonic() - started, ok, json_wanted=as_json)
    return ok


# -- on the source ----------------------------------------------------------------------------------------------------


def _train(source: Adapter, name: str, task: Task, samples: Any, parameters: dict[str, Any]) -> Trained:
    """Store the samples, train a version on them, predict on the held-out ones, evaluate."""
    dataset = _store(source, name, list(samples), "box" if task is Task.OBJECT_DETECTION else "whole")
    model = source.models.create(f"{name} model", task=task, features=FEATURES)
    # Of few images not all digits may be seen, which is no reason to stop a demonstration.
    parameters = {"unseen_features": "allow", **parameters}
    job = _wait(source, source.training.submit(model, dataset=dataset, parameters=parameters), f"train on {name}")
    version = source.versions.get(job.version or "")
    held_out = [item for item in source.datasets.read_items(dataset) if item.split == "test"]
    confidence = 0.05 if task is Task.OBJECT_DETECTION else 0.0
    predictions = source.inference.predict(version, held_out, confidence=confidence)
    if task is Task.CLASSIFICATION:
        predictions = _best_per_item(predictions)
    shown = Bars().track(predictions, f"predict {name}")
    source.predictions.write(shown, version=version, dataset=dataset).raise_for_problems()
    return Trained(dataset, model, version, source.evaluations.evaluate(version, dataset=dataset, split="test"))


def _best_per_item(predictions: Iterator[Any]) -> Iterator[Any]:
    for _, group in groupby(predictions, key=lambda prediction: prediction.item):
        yield max(group, key=lambda prediction: prediction.confidence or 0.0)


def _store(source: Adapter, name: str, samples: list[Sample], geometry: str) -> Dataset:
    dataset = source.datasets.create(name)
    features = tuple(Feature(name=feature, geometries=(geometry,)) for feature in FEATURES)
    source.ontologies.create(Ontology(name=name, features=features), dataset=dataset)
    source.datasets.write_items((sample.item for sample in samples), dataset=dataset).raise_for_problems()
    labels = (label for sample in samples for label in sample.labels)
    source.labels.write(labels, dataset=dataset).raise_for_problems()
    return source.datasets.get(dataset)


def _wait(source: Adapter, job: Training, description: str) -> Training:
    with bars() as progress:
        task = progress.add_task(description, total=None, note="")

        def show(now: Training) -> None:
            loss = "" if now.progress.loss is None else f"loss {now.progress.loss:.3f}"
            progress.update(task, completed=now.progress.step, total=now.progress.steps or None, note=loss)

        return source.training.wait(job, on_progress=show)


def _picture(source: Adapter, trained: Trained, path: Path) -> Path:
    items = [item for item in source.datasets.read_items(trained.dataset) if item.split == "test"][:DRAWN]
    keys = [item.key for item in items]
    rows = source.predictions.read(trained.version, dataset=trained.dataset, items=keys)
    sure = [row for row in rows if (row.confidence or 0.0) >= 0.3]
    draw(items, {key: [row for row in sure if row.item == key] for key in keys}, path)
    return path


# -- to the target ----------------------------------------------------------------------------------------------------


@contextmanager
def _emulated(platform: str) -> Iterator[Adapter]:
    """Start the platform's emulator as a process of its own and connect to it through the real SDK."""
    command = [sys.executable, "-m", "dragoman", "emulate", platform, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise Unavailable(f"The emulator of {platform} did not start.", hint="`dragoman doctor` says why.")
        ready = json.loads(line)
        with connect(platform, endpoint=ready["url"], **ready["credentials"]) as target:
            yield target
    finally:
        process.terminate()
        process.wait()


def _migrate(source: Adapter, target: Adapter, trained: Trained, home: Path) -> tuple[Applied, Verification]:
    scope = Scope(dataset=trained.dataset.id, model=trained.model.id, version=trained.version.id)
    migration = Migration(source, target, scope, progress=Bars())
    plan = migration.plan()
    name = trained.dataset.name.replace(" ", "-")
    plan.save(home / f"{name}.plan.json")
    applied = migration.apply(plan)
    save_outcomes(applied, home / f"{name}.outcomes.ndjson")
    return applied, migration.verify(plan, media=True)


# -- the end ----------------------------------------------------------------------------------------------------------


def _show(
    trained: list[Trained],
    moved: list[tuple[Applied, Verification]],
    picture: Path,
    seconds: float,
    ok: bool,
    *,
    json_wanted: bool,
) -> None:
    rows = [
        (one.dataset.name, kind, report.counts["created"] if report else count["same"], count["same"], _bad(count))
        for one, (applied, verification) in zip(trained, moved, strict=True)
        for kind, count in ((kind, verification.counts(kind)) for kind in verification.same)
        for report in (applied.reports.get(kind),)  # type: ignore[call-overload]  # a kind that was no rows has none
    ]
    if json_wanted:
        as_json(
            {
                "ok": ok,
                "seconds": round(seconds, 1),
                "metrics": {one.dataset.name: one.evaluation.metrics for one in trained},
                "moved": [
                    dict(zip(("dataset", "what", "written", "same", "different"), row, strict=True)) for row in rows
                ],
                "picture": str(picture),
            }
        )
        return
    for one in trained:
        values = ", ".join(f"{name} {value:.3f}" for name, value in one.evaluation.metrics.items())
        out.print(f"{one.model.name}: {values} on held-out images")
    table(f"Moved from {SOURCE} to {TARGET} (emulated)", ["dataset", "what", "written#", "same#", "different#"], rows)
    out.print(f"{'Everything arrived and was verified' if ok else 'NOT everything arrived'} in {seconds:.0f} s.")
    out.print(f"Predicted boxes: {picture}", soft_wrap=True)


def _bad(count: dict[str, int]) -> int:
    return sum(value for verdict, value in count.items() if verdict != "same")
