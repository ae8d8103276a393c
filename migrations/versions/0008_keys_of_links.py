"""By which key a link was made: it dies with that, also when the name gets another."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("download_links", sa.Column("key_id", sa.String(16)))


def downgrade() -> None:
    op.drop_column("download_links", "key_id")
