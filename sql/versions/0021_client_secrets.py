"""The application's secret may be kept beside the token of its grant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("broker_login", sa.Column("client_secret", sa.LargeBinary, nullable=True))


def downgrade() -> None:
    op.drop_column("broker_login", "client_secret")
