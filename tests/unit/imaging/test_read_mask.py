from __future__ import annotations

import io

import pytest
from PIL import Image

from huiyan.imaging.read_mask import decode_mask
from huiyan.kernel.errors import DamagedPictureError


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedPictureError):
        decode_mask(data)


def test_light_places_are_the_subject() -> None:
    picture = Image.new("L", (3, 2), 127)
    picture.putpixel((2, 1), 128)
    file = io.BytesIO()
    picture.save(file, "PNG")
    assert decode_mask(file.getvalue()).tolist() == [[False] * 3, [False, False, True]]
