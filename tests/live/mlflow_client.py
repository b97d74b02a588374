"""What MLflow's own client does with a server, run in its own environment: `mlflow_client.py COMMAND ...`.

`log NAME` trains nothing, and logs and registers a model of that name. `read NAME VERSION FOLDER` downloads a version's
files and prints what the client knows of it. Both print one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mlflow


class Echo(mlflow.pyfunc.PythonModel):
    """A model that answers what it is asked."""

    def predict(self, context: Any, model_input: list[str], params: Any = None) -> list[str]:
        return model_input


def log(name: str) -> dict[str, Any]:
    mlflow.set_experiment("of the client")
    with mlflow.start_run() as run:
        mlflow.log_param("lr", 0.1)
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        # Left to itself, the client finds out what the model requires by loading it in a further process.
        mlflow.pyfunc.log_model(name="echo", python_model=Echo(), registered_model_name=name, pip_requirements=[])
    return {"run": run.info.run_id}


def read(name: str, version: str, folder: str) -> dict[str, Any]:
    client = mlflow.MlflowClient()
    found = client.get_model_version(name, version)
    run = client.get_run(found.run_id)
    files = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=folder))
    return {
        "files": sorted(path.name for path in files.iterdir()),
        "folder": str(files),
        "metrics": run.data.metrics,
        "params": run.data.params,
        "features": json.loads(client.get_registered_model(name).tags["dragoman.features"]),
    }


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    print(json.dumps({"log": log, "read": read}[command](*arguments)))
