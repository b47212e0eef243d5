"""The version that an alias of MLflow names, read from its SQLite file without loading MLflow.

What belongs here: one query, for commands that only compare MLflow's word with the ledger's; the
import of MLflow takes several seconds. What does not: anything that is written, and any other
store. The layout is MLflow's own: it is read only where its revision is the one that this query
was written for, and in every other case MLflow itself is asked.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

REVISION = "dc11669786a5"
"""Of the schema of MLflow 3.17."""

_VERSION = """
SELECT a.version FROM registered_model_aliases AS a
JOIN model_versions AS v ON (v.workspace, v.name, v.version) = (a.workspace, a.name, a.version)
WHERE a.workspace = 'default' AND a.name = ? AND a.alias = ?
AND v.current_stage != 'Deleted_Internal'
"""
_WORKSPACES = "SELECT count(*) FROM registered_models WHERE workspace != 'default'"
_TAGS = """
SELECT key, value FROM model_version_tags WHERE workspace = 'default' AND name = ? AND version = ?
"""


def alias_tags(tracking_uri: str, model: str, alias: str) -> list[Mapping[str, str]] | None:
    """The tags of the version that ``alias`` names, as a list of one; empty where it names none,
    and where there is no file yet, which is not made.

    Returns None where that cannot be said without MLflow: the store is no SQLite file, it does not
    answer, its layout is another, or it has workspaces. It is opened for reading only.
    """
    file = Path(tracking_uri.removeprefix("sqlite:///"))
    if not tracking_uri.startswith("sqlite:///"):
        return None
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.execute("BEGIN")  # all of one state
            revisions = database.execute("SELECT version_num FROM alembic_version").fetchall()
            if revisions != [(REVISION,)] or database.execute(_WORKSPACES).fetchone() != (0,):
                return None
            found = database.execute(_VERSION, (model, alias)).fetchone()
            if found is None:
                return []
            return [dict(database.execute(_TAGS, (model, found[0])).fetchall())]
    except sqlite3.Error:
        return None
