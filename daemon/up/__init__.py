"""``senex up`` and ``senex down``: one machine without containers, in the background or under systemd."""
