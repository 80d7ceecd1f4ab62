"""One module per process of the daemon: reads its settings, runs, answers an exit code."""
