"""The second factor of staff logins: a time-based code (TOTP, RFC 6238) by django-otp, or a recovery code.

- `devices`: who has a second factor and who needs it; checks codes, sets devices up and removes them.
- `middleware`: a session that needs a second factor and has not shown it is nobody's, everywhere.
- `pages`: the staff page that asks for the code, sets a second factor up, and removes it.
- `admin`: supervisors see who has one, and reset it.
"""
