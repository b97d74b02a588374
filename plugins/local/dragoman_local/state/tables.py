"""The tables, as SQL. `seq` orders rows by age and joins them; ids are for users.

Control objects are kept whole as JSON in `body`; the other columns repeat what is searched or must be unique.
"""

VERSION = 3
"""Kept in `PRAGMA user_version`. Raise it with every change of the tables."""

TABLES = """
CREATE TABLE models (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT UNIQUE,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    created_at TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE datasets (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
);
CREATE TABLE ontologies (
    dataset INTEGER PRIMARY KEY REFERENCES datasets ON DELETE CASCADE,
    body TEXT NOT NULL
);
CREATE TABLE items (
    seq INTEGER PRIMARY KEY,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    key TEXT NOT NULL,
    split TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (dataset, key)
);
CREATE INDEX items_in_order ON items (dataset, seq);
CREATE TABLE versions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    training TEXT,
    body TEXT NOT NULL
);
CREATE INDEX versions_of_model ON versions (model, seq);
CREATE TABLE labels (
    seq INTEGER PRIMARY KEY,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (dataset, id)
);
CREATE INDEX labels_in_order ON labels (dataset, seq);
CREATE INDEX labels_of_item ON labels (item);
CREATE TABLE predictions (
    seq INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (version, dataset, id)
);
CREATE INDEX predictions_in_order ON predictions (dataset, version, seq);
CREATE INDEX predictions_of_item ON predictions (item);
CREATE TABLE trainings (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    status TEXT NOT NULL,
    cancel INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    pid INTEGER,
    request TEXT NOT NULL,
    progress TEXT NOT NULL,
    version TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX trainings_by_status ON trainings (status, seq);
CREATE TABLE training_items (
    training TEXT NOT NULL,
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    split TEXT NOT NULL,
    PRIMARY KEY (training, item)
) WITHOUT ROWID;
CREATE INDEX training_items_of_item ON training_items (item);
CREATE TABLE attachments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    body TEXT NOT NULL
);
CREATE INDEX attachments_of_dataset ON attachments (dataset, seq);
CREATE TABLE evaluations (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    body TEXT NOT NULL
);
CREATE INDEX evaluations_of_version ON evaluations (version);
CREATE INDEX evaluations_of_dataset ON evaluations (dataset);
"""
