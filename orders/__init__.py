"""Orders: what customers bought, and how far it has come."""
