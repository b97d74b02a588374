"""The few GraphQL texts that the plugin sends itself, through the SDK's `client.execute`.

Each stands for an SDK method that waits in fixed sleeps, hides the reason of a failure, or does not exist (`STATUS`).
Operation names and variables are the SDK's own, so that the platform sees no difference.
"""

from __future__ import annotations

REGISTER_ROWS = """mutation createMEAModelRunDataRowRegistrationTaskPyApi(
    $modelRunId: ID!, $dataRowIds: [ID!], $globalKeys: [ID!]) {
  createMEAModelRunDataRowRegistrationTask(
    where: {id: $modelRunId}, data: {dataRowIds: $dataRowIds, globalKeys: $globalKeys})}"""

REGISTER_PROJECT = """mutation createMEAModelRunProjectLabelRegistrationTaskPyApi($modelRunId: ID!, $projectId: ID!) {
  createMEAModelRunProjectLabelRegistrationTask(where: {modelRunId: $modelRunId, projectId: $projectId})}"""

ROWS_STATUS = """query MEADataRowRegistrationTaskStatusPyApi($where: WhereUniqueIdInput!) {
  MEADataRowRegistrationTaskStatus(where: $where) {status errorMessage}}"""

LABELS_STATUS = """query MEALabelRegistrationTaskStatusPyApi($where: WhereUniqueIdInput!) {
  MEALabelRegistrationTaskStatus(where: $where) {status errorMessage}}"""

ASSIGN_SPLIT = """mutation assignDataSplitPyApi($modelRunId: ID!, $data: CreateAssignDataRowsToDataSplitTaskInput!) {
  createAssignDataRowsToDataSplitTask(modelRun: {id: $modelRunId}, data: $data)}"""

SPLIT_STATUS = """query assignDataRowsToDataSplitTaskStatusPyApi($id: ID!) {
  assignDataRowsToDataSplitTaskStatus(where: {id: $id}) {status errorMessage}}"""

RUN_ROWS = """query modelRunPyApi($modelRunId: ID!, $from: String, $first: Int) {
  annotationGroups(where: {modelRunId: {id: $modelRunId}}, after: $from, first: $first) {
    nodes {dataSplit labelId modelRunId id dataRow {id globalKey externalId rowData mediaAttributes}}
    pageInfo {endCursor}}}"""

STATUS = """query trainingPipelinePyApi($where: WhereUniqueIdInput!) {
  trainingPipeline(where: $where) {status errorMessage metadata}}"""
"""Not in the SDK; the vendor's own tests send it, with the run's id and to the experimental endpoint."""

DATASET_ROWS = """query DatasetDataRowsPyApi($id: ID!, $from: ID, $first: Int, $where: DatasetDataRowWhereInput) {
  datasetDataRows(id: $id, from: $from, first: $first, where: $where) {
    nodes {id externalId globalKey rowData mediaAttributes metadataFields {schemaId name value kind}}
    pageInfo {hasNextPage startCursor}}}"""

FAILED_ROWS = """query FailedDataRowImportsPyApi($taskId: ID!, $first: Int, $from: String) {
  failedDataRowImports(data: {taskId: $taskId, first: $first, from: $from}) {
    after total results {message spec {externalId globalKey}}}}"""

BY_GLOBAL_KEY = """query getDataRowsForGlobalKeysPyApi($globalKeys: [ID!]!) {
  dataRowsForGlobalKeys(where: {ids: $globalKeys}) {jobId}}"""

BY_GLOBAL_KEY_RESULT = """query getDataRowsForGlobalKeysResultPyApi($jobId: ID!) {
  dataRowsForGlobalKeysResult(jobId: {id: $jobId}) {
    jobStatus data {fetchedDataRows {id} notFoundGlobalKeys accessDeniedGlobalKeys}}}"""

PROCESSED = """query CheckAllDataRowsHaveBeenProcessedPyApi($globalKeys: [ID!]) {
  queryAllDataRowsHaveBeenProcessed(globalKeys: $globalKeys) {allDataRowsHaveBeenProcessed}}"""

EXPORT_HEADER = """query GetExportMetadataHeaderPyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!) {
  task(where: $where) {exportMetadataHeader(streamType: $streamType) {totalSize totalLines}}}"""

EXPORT_FILE = """query GetExportFileFromOffsetPyApi(
    $where: WhereUniqueIdInput, $streamType: TaskStreamType!, $offset: UInt64!) {
  task(where: $where) {exportFileFromOffset(streamType: $streamType, offset: $offset) {
    offsets {start end} lines {start end} file}}}"""
