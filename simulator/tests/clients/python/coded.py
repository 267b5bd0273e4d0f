"""The customer's speech for the clients: numbers coded in the audio, as README.md describes them."""

import struct


def _checksum(number):
    crc = 0xFFFF
    for shift in range(15, -1, -1):
        carry = crc >> 15 ^ number >> shift & 1
        crc = crc << 1 & 0xFFFF ^ (0x1021 if carry else 0)
    return crc


def speech(*numbers):
    """Return PCM at 16 kHz: the numbers, then silence."""
    pcm = b""
    for number in numbers:
        bits = f"{0b10110010:08b}{number:016b}{_checksum(number):016b}"
        up, down = struct.pack("<h", 12000) * 24, struct.pack("<h", -12000) * 24
        pcm += b"".join(up + down if bit == "1" else down + up for bit in bits) + bytes(1920)
    return pcm + bytes(2 * 16000 // 2)


def chunks(pcm, size=1024):
    """Yield the audio in pieces of 32 ms."""
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size].ljust(size, b"\0")
