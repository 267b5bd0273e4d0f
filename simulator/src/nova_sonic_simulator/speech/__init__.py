"""Speech recognition, endpointing and text to speech."""
