"""MLflow's tracking server, with its own users and passwords: how it is started."""

from __future__ import annotations

from pathlib import Path

import httpx
from servers import LOOPBACK, Server, environment, free_ports

USER = "admin"
PASSWORD = "for-tests-only-1"
# Without the cache, each request costs the tenths of a second that checking a password takes.
_ACCESS = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/access.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""


def mlflow(folder: Path) -> Server:
    """Return an MLflow, not started, with an empty database and artifact store below `folder`."""
    (port,) = free_ports(1)
    access = folder / "access.ini"
    access.write_text(_ACCESS.format(folder=folder, user=USER, password=PASSWORD), encoding="utf-8")
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"]
    where = ["--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    return Server(
        name="mlflow",
        command=[
            *(environment("mlflow") / "bin" / "mlflow", "server", "--app-name", "basic-auth"),
            *where,
            *stores,
        ],
        ports=(port,),
        folder=folder,
        health="/health",
        env={
            # Its job runner starts ten more processes, and leaves some behind.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_AUTH_CONFIG_PATH": str(access),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests-only",
        },
    )


def emptied(server: Server) -> None:
    """Delete the registered models of a running server; runs stay, where nothing lists them by model."""
    rest = server.url + "/api/2.0/mlflow/registered-models/"
    with httpx.Client(auth=(USER, PASSWORD), trust_env=False) as client:
        while found := client.get(rest + "search").raise_for_status().json().get("registered_models"):
            for model in found:
                client.request("DELETE", rest + "delete", json={"name": model["name"]}).raise_for_status()
