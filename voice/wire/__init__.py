"""What travels between browser and server, as pure encoders and decoders.

`messages` are the words of the conversation between a connection and a call; each wire turns
frames into them and back: `binary` (subprotocol `sonic.audio.v1`) for our own page and terminal
client, `workshop` (no subprotocol) for clients of the earlier system. `docs/wire.md` describes
both with examples.
"""
