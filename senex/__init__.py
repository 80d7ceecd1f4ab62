"""senex: a terminal-first trading console for sellers of option premium."""

__version__ = "0.1.0"
