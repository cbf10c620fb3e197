"""regrades: new verdicts for many attempts at once, and what they replaced"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "regrades",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("verdicts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["undoes"], ["regrades.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "regraded_verdicts",
        sa.Column("verdict_id", sa.Integer(), nullable=False),
        sa.Column("before_id", sa.Integer(), nullable=False),
        sa.Column("regrade_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdicts.id"]),
        sa.ForeignKeyConstraint(["before_id"], ["verdicts.id"]),
        sa.ForeignKeyConstraint(["regrade_id"], ["regrades.id"]),
        sa.PrimaryKeyConstraint("verdict_id"),
    )
    op.create_index("ix_regraded_verdicts_regrade_id", "regraded_verdicts", ["regrade_id"])
