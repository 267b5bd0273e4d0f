"""One-tap links of an appointment: whoever has one may confirm, cancel or move that appointment.

A link is signed and stored nowhere. `domain` says what it is bound to and what it allows, `tokens` signs it,
`services` acts for who opens it, and `views` are its pages.
"""
