"""What identity providers have granted, for jobs, links and sessions that outlive a token."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "access_grants",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("data_centers", sa.JSON, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_access_grants_name", "access_grants", ["name"])
    op.create_index("ix_access_grants_until", "access_grants", ["until"])


def downgrade() -> None:
    op.drop_table("access_grants")
