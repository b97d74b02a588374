"""Label Studio: how it is started, and the data folder that spares each session its 396 migrations."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
from servers import LOOPBACK, Server, environment, free_ports

USER = "annotator@example.org"
PASSWORD = "for-tests-only"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
"""The user's legacy token."""
FIRST_PATIENCE = 900.0
"""Seconds in which a first start must be ready: it makes the database."""


def labelstudio(folder: Path) -> Server:
    """Return a Label Studio, not started, that has a user, a token, and no project.

    Args:
        folder: An empty folder for its data.
    """
    shutil.copytree(_template(), folder / "data")
    return _server(folder)


def remove_projects(server: Server) -> None:
    """Delete all projects of a running server."""
    headers = {"Authorization": f"Token {TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False) as client:
        for project in client.get("/api/projects/", params={"page_size": 1000}).json()["results"]:
            client.delete(f"/api/projects/{project['id']}/").raise_for_status()


def _template() -> Path:
    """Return a data folder whose migrations are done; made by a first start, kept with the environment."""
    kept = environment("labelstudio") / "template"
    if not kept.exists():
        making = kept.with_name("template.part")
        shutil.rmtree(making, ignore_errors=True)
        server = _server(making)
        server.patience = FIRST_PATIENCE
        with server:
            pass
        (making / "data").rename(kept)
    return kept


def _server(folder: Path) -> Server:
    (port,) = free_ports(1)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    url = f"http://{LOOPBACK}:{port}"
    who = ["--username", USER, "--password", PASSWORD, "--user-token", TOKEN, "--enable-legacy-api-token"]
    where = ["--data-dir", data, "--internal-host", LOOPBACK, "--port", str(port), "--host", url]
    return Server(
        name="labelstudio",
        command=[environment("labelstudio") / "bin" / "label-studio", "start", "-b", *where, *who],
        ports=(port,),
        folder=folder,
        health="/health",
        env={
            "LABEL_STUDIO_BASE_DATA_DIR": str(data),
            "DEBUG": "false",
            # Backends and webhooks of the tests listen on loopback, which it refuses to call by default.
            "SSRF_PROTECTION_ENABLED": "false",
            "ML_BLOCK_LOCAL_IP": "false",
        },
    )


if __name__ == "__main__":
    _template()
