"""What the simulator's tests share."""

from hypothesis import settings

# A busy machine is no counterexample; pytest-timeout notices a test that hangs.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
