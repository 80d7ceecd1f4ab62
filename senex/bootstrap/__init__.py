"""Composition roots: the only places that build collaborators."""
