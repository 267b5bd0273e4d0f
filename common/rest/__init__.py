"""What all REST views share: envelope, errors, parsers, tokens, throttles, OpenAPI. Knows no domain."""
