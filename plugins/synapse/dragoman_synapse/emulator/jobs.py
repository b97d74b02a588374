"""Plugins, agents and jobs of an emulated Synapse. What a job does is in `work`; here is when it does it.

A job is done when its time on the clock is over and its state was asked `Settings.job_polls` times since in vain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dragoman_synapse.emulator.media import Stored

Json = dict[str, Any]
PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED = "PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"
ENDED = (STOPPED, SUCCEEDED, FAILED)


@dataclass(kw_only=True)
class Agent:
    """A machine that runs plugins."""

    id: int
    name: str
    token: str
    status: str = "connected"
    url: str | None = None

    def to_json(self) -> Json:
        """Return it as the first interface shows it; the SDK reads the token out of the address of the script."""
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "status": self.status,
            "node_install_script": f"agents/{self.token}/node_install_script/",
        }


@dataclass(kw_only=True)
class Release:
    """A published version of a plugin."""

    id: int
    version: str
    config: Json = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    debug: bool = False
    file: Stored | None = None
    created: datetime


@dataclass(kw_only=True)
class Plugin:
    """An installed plugin and its releases; what is run is the latest of them.

    Args:
        hyperparameters: The names that its training knows.
        train_seconds: How long a training takes on the clock.
        deploy_seconds: How long a deployment takes.
        infer_seconds: How long an inference takes; one that takes any time is deferred.
        fail_with: What lets its jobs fail, if anything.
    """

    id: int
    code: str
    name: str = ""
    category: str = "neural_net"
    description: str = ""
    created: datetime
    releases: list[Release] = field(default_factory=list)
    hyperparameters: tuple[str, ...] = ("epochs", "batch_size", "learning_rate", "image_size")
    train_seconds: float = 0.0
    deploy_seconds: float = 0.0
    infer_seconds: float = 0.0
    fail_with: str | None = None
    tickets: dict[str, tuple[datetime, Json]] = field(default_factory=dict)
    """Deferred inferences: when each was begun, and its result."""

    def to_json(self) -> Json:
        """Return it as the first interface shows it."""
        return {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "category": self.category,
            "description": self.description,
            "latest_version": self.releases[-1].version if self.releases else None,
        }


@dataclass(kw_only=True)
class ServeApplication:
    """A deployed plugin that answers inferences."""

    id: int
    plugin: str
    agent: int
    job: str
    status: str = "DEPLOYING"
    data: Json = field(default_factory=dict)
    """What Ray says of it, as the plugin has reported it."""
    created: datetime

    def to_json(self) -> Json:
        """Return it as both interfaces show it."""
        return {
            "id": self.id,
            "plugin_code": self.plugin,
            "agent": self.agent,
            "job": self.job,
            "status": self.status,
            "data": self.data,
            "created": self.created.isoformat(),
        }


Work = Callable[["Job"], Json]


@dataclass(kw_only=True)
class Job:
    """One run of a plugin's action. `work` is gone once it was done, and never there if others do it."""

    id: str
    number: int
    """Under which the record of a training is kept."""
    action: str
    plugin: Plugin
    release: Release
    agent: int | None
    params: Json
    created: datetime
    seconds: float
    polls_left: int
    work: Work | None
    status: str = PENDING
    logs: list[str] = field(default_factory=list)
    progress: Json = field(default_factory=dict)
    told: bool = False
    """Whether the plugin has reported its progress; nobody else does then."""
    metrics: Json = field(default_factory=dict)
    result: Json = field(default_factory=dict)
    meta: Json = field(default_factory=dict)
    completed: datetime | None = None

    def look(self, now: datetime) -> None:
        """Be looked at: go on, and be done if it is time."""
        if self.status in ENDED or self.work is None:
            return
        spent = (now - self.created).total_seconds()
        if spent >= self.seconds:
            if self.polls_left <= 0:
                self.finish(now)
                return
            self.polls_left -= 1
        if self.status == PENDING:
            self.status = RUNNING
            self.logs.append(f"{self.action}: started")
        self._show(min(spent / self.seconds, 0.99) if self.seconds else 0.5, max(self.seconds - spent, 0.0))

    def finish(self, now: datetime) -> None:
        """Do the work now."""
        work, self.work = self.work, None
        assert work is not None
        self.completed = now
        if self.plugin.fail_with:
            self.status, self.result = FAILED, {"error": self.plugin.fail_with}
            self.logs.append(f"{self.action}: {self.plugin.fail_with}")
            return
        try:
            self.result = work(self)
        except Exception as error:
            # A plugin that stumbles over what it was given fails its job, not the one who looks at it.
            self.status, self.result = FAILED, {"error": str(error)}
            self.logs.append(f"{self.action}: {error}")
            return
        self.status = SUCCEEDED
        self._show(1.0, 0.0)
        self.logs.append(f"{self.action}: done")

    def stop(self, now: datetime) -> None:
        """End it without its work."""
        self.status, self.work, self.completed = STOPPED, None, now
        self.logs.append(f"{self.action}: stopped")

    def _show(self, share: float, left: float) -> None:
        if self.told:
            return
        percent = round(100 * share, 1)
        step = {"percent": percent, "time_remaining": left, "proportion": 100, "order": 1}
        self.progress = {
            "record": {"steps": {self.action: step}},
            "current_progress": {
                "overall": percent,
                "step": self.action,
                "percent": percent,
                "time_remaining": left,
            },
        }

    def to_json(self) -> Json:
        """Return it as both interfaces show it."""
        return {
            "id": self.id,
            "status": self.status,
            "action": self.action,
            "params": self.params,
            "agent": self.agent,
            "plugin_release_id": self.release.id,
            "plugin_release": {
                "id": self.release.id,
                "version": self.release.version,
                "plugin_id": self.plugin.id,
                "plugin": {"id": self.plugin.id, "code": self.plugin.code},
            },
            "progress_record": self.progress,
            "metrics_record": self.metrics,
            "result": self.result,
            "meta": self.meta,
            "queue": self.meta.get("queue"),
            "error": {"error_type": "execution_error", "message": str(self.result)} if self.status == FAILED else None,
            "is_active": self.status not in ENDED,
            "created": self.created.isoformat(),
            "modified": (self.completed or self.created).isoformat(),
            "completed": self.completed.isoformat() if self.completed else None,
        }
