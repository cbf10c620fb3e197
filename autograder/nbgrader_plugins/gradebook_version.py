"""Whether this version of nbgrader can read a gradebook: asked before anything is done, since it ends in SQL errors."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

VERSION_TABLE = "alembic_version"


def gradebook_problem(db_url: str) -> str:
    """A sentence with the next step if the gradebook is of another version; empty if not, or if there is none yet."""
    url = make_url(db_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).exists()):
        return ""
    config = Config()
    config.set_main_option("script_location", ALEMBIC_DIR.replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    engine = create_engine(url)
    name = url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            versions = []
            if VERSION_TABLE in tables:
                versions = [row[0] for row in connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))]
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return f"The gradebook {name} cannot be read: {cause}."
    finally:
        engine.dispose()
    needed = scripts.get_current_head()
    if not tables or versions == [needed]:
        return ""
    found = versions[0] if versions else "none"
    if versions and found not in {script.revision for script in scripts.walk_revisions()}:
        return (
            f"The gradebook {name} was made by a newer nbgrader (its tables are at {found}, and this one knows "
            f"{needed}). Install that version."
        )
    return (
        f"The gradebook {name} was made by an older nbgrader (its tables are at {found}, and {needed} is needed). "
        "Keep a copy of it, run `nbgrader db upgrade` in the course's folder, and start again: nothing was changed."
    )
