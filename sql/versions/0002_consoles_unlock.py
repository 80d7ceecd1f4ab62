"""Consoles unlock"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # whether this is the verifier of an operator's passphrase, for a console, which cannot read it
    op.execute(
        """
        CREATE FUNCTION operator_knows(who text, given bytea) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
            SELECT coalesce((SELECT verifier = given FROM operator WHERE name = who), false)
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION operator_knows(text, bytea)")
