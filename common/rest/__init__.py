"""REST: envelope, errors, parsers, tokens, throttles and the OpenAPI document. Knows no domain."""
