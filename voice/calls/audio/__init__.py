"""The audio path of a call: bytes in, bytes out. The engine learns only where speech begins and ends."""
