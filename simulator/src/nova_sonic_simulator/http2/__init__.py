"""HTTP/2 over TLS on h2 and asyncio."""
