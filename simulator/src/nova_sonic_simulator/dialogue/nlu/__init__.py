"""Natural language understanding: from what the customer said to intents and slots."""
