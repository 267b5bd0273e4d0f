"""Tests of the maintenance commands on the DynamoDB stand-in."""
