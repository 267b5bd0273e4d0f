"""Encoders and decoders of what a browser and the server send each other. Pure.

`messages` defines the messages between a connection and a call. Each wire converts them to frames
and back: `binary` (subprotocol `sonic.audio.v1`) for the voice page and the terminal client,
`legacy` (no subprotocol) for clients of the earlier system. `client` is the other side of the
binary wire. `docs/wire.md` describes both wires with examples.
"""
