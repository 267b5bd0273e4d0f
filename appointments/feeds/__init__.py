"""Calendar feeds: the appointments of one professional, for the calendar of their phone or computer.

The address of a feed is secret: whoever knows it reads the feed, without an account. `addresses` makes it,
`services` reads the appointments, `calendars` writes them as iCalendar (RFC 5545), and `views` serves them.
"""
