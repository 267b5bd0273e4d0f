"""What stands in for AWS on one machine, and what starts it. Never part of production."""
