"""Faults on demand: what can go wrong at a broker, set by ``POST /faults`` or ``--faults FILE``."""
