"""Headers of the HTTP/2 frames that are written without h2."""

import pytest
from hyperframe.frame import DataFrame, WindowUpdateFrame

from voice.sonic.http2_frames import HEADER_BYTES, data_header, window_update

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("size_bytes", [0, 1, 300, 16_384])
def test_data_header_equals_that_of_hyperframe(size_bytes: int) -> None:
    frame = DataFrame(stream_id=5, data=bytes(size_bytes))
    assert data_header(5, size_bytes) == frame.serialize()[:HEADER_BYTES]


@pytest.mark.parametrize("stream_id", [0, 5])
def test_window_update_equals_that_of_hyperframe(stream_id: int) -> None:
    frame = WindowUpdateFrame(stream_id=stream_id, window_increment=70_000)
    assert window_update(stream_id, 70_000) == frame.serialize()
