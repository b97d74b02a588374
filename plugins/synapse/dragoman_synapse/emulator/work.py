"""What plugins of an emulated Synapse do: train a model on ground truth, deploy, and predict.

The network is a small one: it remembers of every class the mean of its boxes and how often it occurs, and predicts
that. Its weights are JSON, so that what an inference answers depends on the model that it is asked of.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any

import msgspec

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import FieldErrors, check
from dragoman_synapse.emulator.jobs import Job, ServeApplication
from dragoman_synapse.emulator.records import Event, Model
from dragoman_synapse.emulator.tenant import Tenant

Json = dict[str, Any]
SPLITS = {"train": "train", "valid": "validation", "test": "test"}
TICKET, POLL = "__synapse_deferred__", "__synapse_poll__"


def train(tenant: Tenant, job: Job) -> Json:
    """Train and return the result of the job; the model is made as the SDK's training action makes it."""
    params = job.params
    version = tenant.version(params["dataset"])
    given = (params.get("hyperparameters") or [{}])[0]
    epochs = int(given.get("epochs", 1))
    wanted = {SPLITS[name] for name in params.get("splits") or SPLITS if name == "train"}
    weights = _learned([event for event in version.events if event.category in wanted])
    for epoch in range(1, epochs + 1):
        job.logs.append(f"epoch {epoch}/{epochs} loss {1 / (epoch + 1):.4f}")
    job.metrics = {"record": {"steps": {"train": {"loss": 1 / (epochs + 1), "epoch": epochs}}}}
    model = tenant.add_model(
        name=f"{params.get('name') or f'train_{job.id}'}_{uuid.uuid4().hex[:8]}",
        description=params.get("description") or "",
        configuration={"hyperparameter": given},
        plugin=job.plugin.code,
        version=job.release.version,
        checkpoint=None if params.get("checkpoint") is None else int(params["checkpoint"]),
        dataset_version=version.id,
        file=tenant.media.add("model.zip", msgspec.json.encode(weights)),
    )
    job.logs.append(f"model {model.id} registered")
    return {"model_id": model.id}


def deploy(tenant: Tenant, job: Job) -> Json:
    """Let the plugin answer inferences."""
    for held in tenant.applications.values():
        if held.job == job.id:
            held.status = "RUNNING"
    return {}


def announce(tenant: Tenant, job: Job) -> ServeApplication:
    """List the application of a deployment that has begun, and return it."""
    assert job.agent is not None
    made = ServeApplication(
        id=tenant.new_id(), plugin=job.plugin.code, agent=job.agent, job=job.id, created=tenant.now()
    )
    tenant.applications[made.id] = made
    return made


def infer(tenant: Tenant, plugin: Any, params: Json) -> Json:
    """Answer an inference: predictions, or the envelope of a deferred one."""
    check(params, json=dict)
    body = params.get("json") or {}
    if POLL in body:
        return _polled(tenant, plugin, str(body[POLL]))
    result = _predicted(tenant.model(params.get("model", "")), _threshold(body))
    if not plugin.infer_seconds:
        return result
    ticket = f"t{len(plugin.tickets) + 1}"
    plugin.tickets[ticket] = (tenant.now(), result)
    return {TICKET: True, "status": "pending", "ticket": ticket}


def _threshold(body: Json) -> float:
    try:
        return float(body.get("threshold") or 0.0)
    except (TypeError, ValueError):
        raise FieldErrors(threshold="A valid number is required.") from None


def _polled(tenant: Tenant, plugin: Any, ticket: str) -> Json:
    if ticket not in plugin.tickets:
        return {TICKET: True, "status": "not_found", "ticket": ticket}
    if plugin.fail_with:
        return {TICKET: True, "status": "failed", "error": plugin.fail_with}
    begun, result = plugin.tickets[ticket]
    if (tenant.now() - begun).total_seconds() < plugin.infer_seconds:
        return {TICKET: True, "status": "pending", "ticket": ticket}
    del plugin.tickets[ticket]
    return result


def _learned(events: list[Event]) -> Json:
    """Return class to mean box and share of the pieces of data that have one."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    seen: dict[str, set[int]] = defaultdict(set)
    for event in events:
        for media, made in (event.data.get("annotations") or {}).items():
            data = {one["id"]: one for one in (event.data.get("annotationsData") or {}).get(media, [])}
            for one in made:
                at = data.get(one["id"], {}).get("coordinate")
                if one["tool"] == "bounding_box" and at:
                    name = one["classification"]["class"]
                    boxes[name].append([at["x"], at["y"], at["width"], at["height"]])
                    seen[name].add(event.unit.id)
    return {
        name: {
            "box": [round(sum(side) / len(found), 3) for side in zip(*found, strict=True)],
            "score": round(len(seen[name]) / len(events), 4),
        }
        for name, found in boxes.items()
    }


def _predicted(model: Model, threshold: float) -> Json:
    """Return predictions in the second form of annotations."""
    if model.file is None:
        raise ApiError(400, f"Model {model.id} has no file.")
    try:
        weights = msgspec.json.decode(model.file.read(), type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        weights = {}
    found = [
        {
            "id": f"p{number}",
            "classification": name,
            "attrs": [{"name": "score", "value": learned["score"]}],
            "data": learned["box"],
        }
        for number, (name, learned) in enumerate(sorted(weights.items()))
        if learned["score"] >= threshold
    ]
    return {
        "classification": {"bounding_box": [one["classification"] for one in found]},
        "images": [{"bounding_box": found}],
    }
