"""Signed webhooks (Standard Webhooks): endpoints, deliveries in DynamoDB, and their worker.

A business area adds its events to its own transactions. A delivery is one event for one endpoint.
"""
