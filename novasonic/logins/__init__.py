"""Logins with a password: limited per account and address, bounded in what they cost.

- `limits`: counts failed logins in SQL, beside the accounts, so that all processes share them.
- `backends`: the authentication backend that asks the limits before it checks a password.
- `forms`: the login form, which says why a login is refused.
- `views`: the login page of the browsable API.
- `middleware`: turns a refusal into status 429 and remembers browsers that have logged in.
"""
