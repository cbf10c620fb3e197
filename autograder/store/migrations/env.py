"""What Alembic runs: it migrates the connection that the store hands over, in that connection's transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from autograder.store.models import Base, UtcDateTime


def render_own_types(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our own column types as SQLAlchemy's: a migration must not change when the models do."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_own_types,
)
context.run_migrations()
