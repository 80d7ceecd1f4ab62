"""Repositories: SQL on one side, domain values on the other. Rows stay in here."""
