"""Versions of senex: every schema there ever was, and one that is to come."""

from __future__ import annotations

import shutil
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

import sql
from senex.store.schema import shipped

_MIGRATION = """
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE decision ADD COLUMN of_{revision} text")
    op.execute("{more}")
"""


def _config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(Path(sql.__file__).parent))
    return found


def revisions() -> list[str]:
    """Every revision, oldest first."""
    return [one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def to(url: str, revision: str) -> None:
    """Bring a database to a revision, as the senex of that time did."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        settings = _config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
    engine.dispose()


def version_to_come(folder: Path, *migrations: str) -> Path:
    """A folder that, as the current one, is this version with as many migrations more; each also does what is said."""
    shutil.copytree(Path(sql.__file__).parent, folder / "sql")
    before = shipped()[0]
    for more in migrations:
        revision = f"{int(before) + 1:04d}"
        text = _MIGRATION.format(revision=revision, before=before, more=more)
        (folder / "sql" / "versions" / f"{revision}_to_come.py").write_text(text, encoding="utf-8")
        before = revision
    return folder
