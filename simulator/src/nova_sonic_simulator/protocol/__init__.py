"""Nova Sonic's protocol, without I/O: frames, signatures, events, rules."""
