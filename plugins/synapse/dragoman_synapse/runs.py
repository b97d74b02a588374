"""Runs of a plugin: what trains, deploys and predicts on Synapse is a plugin on an agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from dragoman.errors import InvalidData, NotFound, PlatformError, Timeout
from dragoman_synapse.client import SynapseClient
from dragoman_synapse.notes import Json
from dragoman_synapse.settings import SynapseSettings

DEFERRED, POLL = "__synapse_deferred__", "__synapse_poll__"
"""Keys of the envelope of an inference that takes longer, and of the question for its result."""
RUNNING = ("RUNNING",)
BROKEN = ("DEPLOY_FAILED", "UNHEALTHY", "UNAVAILABLE")
"""States of a serve application that answers, and of one that never will."""


class Runs:
    """Runs the plugin that the settings name.

    Args:
        client: Sends the requests.
        settings: Name plugin, release and agent, and say how long to wait.
        sleep: Waits that many seconds.
    """

    def __init__(self, client: SynapseClient, settings: SynapseSettings, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._settings = settings
        self._sleep = sleep
        self._agent = settings.agent

    @property
    def plugin(self) -> str:
        """Code of the plugin.

        Raises:
            InvalidData: The settings name none.
        """
        if self._settings.plugin is None:
            raise InvalidData(
                "No plugin is set, and on Synapse plugins train and predict.",
                hint="Connect with plugin=..., the code of an installed one.",
                field="plugin",
            )
        return self._settings.plugin

    @property
    def agent(self) -> int:
        """Id of the agent: the one of the settings, else the first that is connected.

        Raises:
            NotFound: None is connected.
        """
        if self._agent is None:
            agents = self._client.get("agents/")["results"]
            connected = [agent for agent in agents if str(agent.get("status") or "").lower() == "connected"]
            if not connected:
                raise NotFound("No agent is connected, and plugins run on agents.", hint="Connect with agent=...")
            self._agent = int(connected[0]["id"])
        return self._agent

    def start(self, action: str, params: Json) -> Any:
        """Run an action of the plugin and return what Synapse answers: a job, or the result itself."""
        body = {"agent": self.agent, "action": action, "params": params, "language": self._settings.language}
        if self._settings.plugin_version:
            body["version"] = self._settings.plugin_version
        return self._client.post(f"plugins/{self.plugin}/run/", body)

    def ask(self, model: int, question: Json) -> Any:
        """Return what a deployed plugin answers for a model; one that takes longer is asked again until it is done.

        Raises:
            PlatformError: The plugin failed, or lost the question.
            Timeout: It has not answered in time.
        """
        answer = self._infer(model, question)
        waited = time.monotonic() + self._settings.job_timeout
        rest = self._settings.poll_seconds
        while isinstance(answer, dict) and answer.get(DEFERRED) is True:
            if answer.get("status") != "pending":
                reason = answer.get("error") or "it has lost the question"
                raise PlatformError(f"The inference of model {model} failed: {reason}.")
            if time.monotonic() >= waited:
                raise Timeout(f"The inference of model {model} was not done in {self._settings.job_timeout:g} s.")
            self._sleep(rest)
            rest = min(rest * 1.5, 10.0)
            answer = self._infer(model, {POLL: answer.get("ticket")})
        return answer

    def _infer(self, model: int, question: Json) -> Any:
        return self.start("inference", {"model": model, "method": "post", "json": question})

    def applications(self) -> list[Json]:
        """Return the serve applications of the plugin on its agent."""
        params = {"plugin_code": self.plugin, "job__agent": self.agent}
        found: list[Json] = self._client.get("serve_applications/", params)["results"]
        return found

    def wait_until_served(self) -> Json:
        """Return the serve application of the plugin once it answers.

        Raises:
            PlatformError: It was not brought up.
            Timeout: It is not up in time.
        """
        until = time.monotonic() + self._settings.job_timeout
        while True:
            applications = self.applications()
            for held in applications:
                if held.get("status") in RUNNING:
                    return held
            broken = [held for held in applications if held.get("status") in BROKEN]
            if broken and len(broken) == len(applications):
                raise PlatformError(f"The plugin {self.plugin} was not deployed: {broken[0]['status']}.")
            if time.monotonic() >= until:
                raise Timeout(f"The plugin {self.plugin} was not deployed in {self._settings.job_timeout:g} s.")
            self._sleep(self._settings.poll_seconds)
