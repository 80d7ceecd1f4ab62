"""Tier 1 of the proof (RELIABILITY): services, store, SDK, broker and the sockets between, in one process.

Everything between senex and Postgres and between senex and its broker passes a
line that can be cut, held or garbled at any message. Nothing of senex is
replaced but three ports: the clock and the quotes are the simulator's own, and
nobody listens to the publisher's hints.
"""
