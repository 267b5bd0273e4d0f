"""The browser client: the page on which a customer calls, and its static files."""
