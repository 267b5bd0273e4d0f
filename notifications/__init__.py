"""E-mails to customers: an outbox in DynamoDB, and the worker that sends what is in it.

A business area adds messages to its own transactions and renders their text when they are sent.
"""
