"""Loss and recovery: what a drill destroys, restores and measures."""
