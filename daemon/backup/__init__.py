"""Backups of the database: taken, received, sealed, restored, proved to restore.

A backup is a folder that may be a mount, the same whether senex or the script in the
Postgres image (``containers/backup``) writes it; ``folder`` has its layout.
"""
