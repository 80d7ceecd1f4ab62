"""Use cases: one module each, async, reaching the world through ports only."""
