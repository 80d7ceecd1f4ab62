"""Markets that are not simulated: another environment's, live, or a day of it that was recorded."""
