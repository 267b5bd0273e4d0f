"""The same verbs through three doors: REST, staff admin and voice, on one running site."""
