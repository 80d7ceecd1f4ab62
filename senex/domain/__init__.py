"""Pure trading rules: no I/O, no clock, no framework. A rule is given what it needs."""
