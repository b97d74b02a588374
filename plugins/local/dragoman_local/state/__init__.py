"""The state of the local backend in one SQLite file. All SQL is in this package; the facets see schema objects.

`database` opens the file and runs transactions, `tables` defines it, `catalog` holds what is named (models, versions,
datasets, ontologies), `rows` what comes in bulk (items, labels, predictions), `jobs` the trainings, `attachments` what
serves which dataset, `evaluations` what was measured.
"""

from dragoman_local.state.attachments import Attachments
from dragoman_local.state.catalog import Catalog
from dragoman_local.state.database import Database
from dragoman_local.state.evaluations import Evaluations
from dragoman_local.state.jobs import Engine, Job, JobRequest, Jobs, Splits
from dragoman_local.state.rows import Annotations, Items, label_rows, prediction_rows

__all__ = [
    "Annotations",
    "Attachments",
    "Catalog",
    "Database",
    "Engine",
    "Evaluations",
    "Items",
    "Job",
    "JobRequest",
    "Jobs",
    "Splits",
    "label_rows",
    "prediction_rows",
]
