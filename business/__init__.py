"""The business as its staff describe it: what the assistant knows and says beyond the settings."""
