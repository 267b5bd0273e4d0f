"""Django's stock admin over records from services instead of SQL tables."""
