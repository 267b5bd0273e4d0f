"""How well and how fast the simulator understands two voices that are not its own."""
