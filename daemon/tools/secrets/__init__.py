"""``senex secrets``: look whether every secret is in order, and give new ones in place of the old.

Rotation expands, then contracts: the new secret works beside the old one, the files are
rewritten, the daemon's processes end and start with what they now say
(``daemon.secret_files``), and only when nobody uses the old one any more it is taken away.
Whoever is interrupted runs it again: what is in force stands in Postgres, Redis and the files.
"""
