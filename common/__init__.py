"""Shared foundations of all packages. No domain knowledge: it imports none of them."""
