"""Voice calls: gateway, call engine, Nova Sonic sessions, tools and the browser client."""
