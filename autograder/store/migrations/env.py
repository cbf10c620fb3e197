"""What Alembic runs: it migrates the connection it is handed, in that connection's transaction."""

from alembic import context

from autograder.store.models import Base, UtcDateTime


def plainly(kind: str, item: object, _context) -> str | bool:
    """How a new migration names a type of ours: one written today must not change with the models."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=plainly,
)
context.run_migrations()
