"""The same operations through three interfaces (REST, admin, voice) of one running site."""
