"""Calls: the engine that decides what happens in them, their audio, and the asyncio shell around both.

- `engine`: pure; events in, commands out.
- `audio`: the buffers that audio passes, and the detection of speech.
- `runtime`, `session`: the shell of one call.
- `registry`, `active_call`: the calls of a process.
- `recorder`, `restoration`: what is stored of a call, and how it continues from that.
"""
