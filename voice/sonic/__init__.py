"""The Nova Sonic protocol: a pure core (events, codec, protocol) and the shell that does I/O."""
