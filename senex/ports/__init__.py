"""Protocols through which services reach the world."""
