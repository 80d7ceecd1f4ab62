"""Everything on this machine, simulated: services, simulator, daemon, and the console on top."""
