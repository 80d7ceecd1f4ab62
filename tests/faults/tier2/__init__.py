"""Tier 2 of the proof: the daemon's real processes, SIGKILLed once at every message of two stories.

The messages after which the world is another (commits, requests to the broker
and its answers) that the worker exchanges are counted; then a story is played
once for each of them, and the worker's whole family is killed right before it.
Books and broker are compared as in tier 1.
"""
