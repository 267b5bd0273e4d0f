"""What happens in the sessions: a journal, a page that shows it, and scenes recorded from it."""
