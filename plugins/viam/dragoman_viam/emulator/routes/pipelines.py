"""`viam.app.datapipelines.v1.DataPipelinesService`: queries that run again and again. They are kept, and do not run."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.filters import token_page
from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules, number

CRON_FIELDS = 5


class Pipelines(Routes):
    """The methods about pipelines and their runs, of which there are those that a test puts into the state."""

    service = "pipelines"

    def CreateDataPipeline(self, request: Any) -> Answer:
        """Make a pipeline, which is enabled; names are unique in an organisation."""
        self.state.check_organization(request.organization_id)
        self._free(request.name, request.organization_id)
        if len(request.schedule.split()) != CRON_FIELDS:
            raise invalid(f"{request.schedule!r} is no cron expression", "schedule")
        now = self.state.clock.now()
        standard = number("data", "TabularDataSourceType", "TABULAR_DATA_SOURCE_TYPE_STANDARD")
        made = modules()["pipelines"].DataPipeline(
            id=self.state.new_id(),
            organization_id=request.organization_id,
            name=request.name,
            mql_binary=request.mql_binary,
            schedule=request.schedule,
            enabled=True,
            created_on=now,
            updated_at=now,
            data_source_type=request.data_source_type or standard,
        )
        self.state.pipelines[made.id] = made
        return {"id": made.id}

    def GetDataPipeline(self, request: Any) -> Answer:
        """Return a pipeline."""
        return {"data_pipeline": self._found(request.id)}

    def ListDataPipelines(self, request: Any) -> Answer:
        """List all pipelines."""
        wanted = self.state.check_organization(request.organization_id)
        return {"data_pipelines": [held for held in self.state.pipelines.values() if held.organization_id == wanted]}

    def RenameDataPipeline(self, request: Any) -> Answer:
        """Rename a pipeline, also to its indexes."""
        held = self._found(request.id)
        if request.name != held.name:
            self._free(request.name, held.organization_id)
        for index in self.state.indexes[held.organization_id]:
            if index.pipeline_name == held.name:
                index.pipeline_name = request.name
        return self._changed(held, name=request.name)

    def EnableDataPipeline(self, request: Any) -> Answer:
        """Let a pipeline run."""
        return self._changed(self._found(request.id), enabled=True)

    def DisableDataPipeline(self, request: Any) -> Answer:
        """Let a pipeline rest."""
        return self._changed(self._found(request.id), enabled=False)

    def DeleteDataPipeline(self, request: Any) -> Answer:
        """Delete a pipeline, what is told of its runs, and the indexes of what it would have made."""
        held = self._found(request.id)
        key, indexes = held.id, self.state.indexes[held.organization_id]
        indexes[:] = [index for index in indexes if index.pipeline_name != held.name]
        del self.state.pipelines[key]
        self.state.pipeline_runs.pop(key, None)
        return {}

    def ListDataPipelineRuns(self, request: Any) -> Answer:
        """Return a page of the runs of a pipeline."""
        key = self._found(request.id).id
        runs, token = token_page(self.state, request, self.state.pipeline_runs.get(key, []))
        return {"pipeline_id": key, "runs": runs, "next_page_token": token}

    def _changed(self, held: Any, **fields: Any) -> Answer:
        for name, value in fields.items():
            setattr(held, name, value)
        held.updated_at.FromDatetime(self.state.clock.now())
        return {}

    def _found(self, key: str) -> Any:
        if key not in self.state.pipelines:
            raise missing("data pipeline", key)
        return self.state.pipelines[key]

    def _free(self, name: str, organization: str) -> None:
        if not name:
            raise invalid("a data pipeline needs a name", "name")
        held = self.state.pipelines.values()
        if any((one.name, one.organization_id) == (name, organization) for one in held):
            raise exists("data pipeline", name)
