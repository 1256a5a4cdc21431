"""The request body that all operations share, hostile input first."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.kernel.errors import (
    Base64Error,
    BodyError,
    InvalidParameterError,
    MalformedJsonError,
    MissingParameterError,
    PictureSizeError,
    PictureTextTooLargeError,
)
from huiyan.recognition.model import PictureBytes, PictureUrl
from huiyan.recognition.wire import (
    MAX_PICTURE_TEXT_CHARS,
    parse_fields,
    parse_integer,
    parse_language,
    parse_number,
)

DEEP = 100_000


def picture(text: bytes) -> PictureBytes:
    source = parse_fields(b'{"image":"' + text + b'"}').source
    assert isinstance(source, PictureBytes)
    return source


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"1",
        b'"text"',
        b"[]",
        b'[{"image":"aGk="}]',
        b"{",
        b'{"image"',
        b'{"image":"aGk="',
        b'{"image":"aGk=}',
        b'{"image":"aGk=",}',
        b'{"image":"aGk="} trailing',
        b'{"image":"aGk="}{"image":"aGk="}',
        b"{'image':'aGk='}",
        b'{image:"aGk="}',
        b'{"image":aGk=}',
        b'{"image":"aGk=","threshold":NaN}',
        b'{"image":"aGk=","threshold":Infinity}',
        b'{"image":"aGk=","threshold":+1}',
        b'{"image":"aGk=","limit":01}',
        b'{"image":"aGk=","limit":0x10}',
        b'\xef\xbb\xbf{"image":"aGk="}',
        '{"image":"aGk="}'.encode("utf-16"),
        b"\x00",
        b"\xff\xfe\xfd",
        b'{"url":"\xff\xfe"}',
        b'{"url":"\\ud800"}',
        b'{"url":"\\u12"}',
        b'{"image":"a\nGk="}',
        b'{"image":"aGk=\x00"}',
        b"image=aGk%3D",
        b"<image>aGk=</image>",
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        parse_fields(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"image":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"url":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
        b'{"image":"aGk=","unknown":' + b"[" * DEEP + b"]" * DEEP + b"}",
    ],
    ids=range(7),
)
def test_deep_nesting_is_malformed_and_never_a_crash(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        parse_fields(body)


@pytest.mark.parametrize(
    ("name", "number"), [("limit", b"9" * 5000), ("threshold", b"1e999"), ("threshold", b"-1e400")]
)
def test_a_number_that_no_computer_holds_is_out_of_range(name: str, number: bytes) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_fields(b'{"image":"aGk=","%b":%b}' % (name.encode(), number))
    assert caught.value.parameter == name


@pytest.mark.parametrize("text", [b" ", b"\\n", b"\\r\\n "])
def test_an_image_of_white_space_is_missing(text: bytes) -> None:
    with pytest.raises(MissingParameterError):
        parse_fields(b'{"image":"%b"}' % text)


def test_escaped_slashes_do_not_make_a_picture_larger() -> None:
    text = b"//8/" * (10_485_760 // 4)
    body = b'{"image":"' + text.replace(b"/", b"\\/") + b'"}'
    assert len(parse_fields(body).source.data) == 7_864_320  # type: ignore[union-attr]


def test_an_unknown_field_may_hold_anything() -> None:
    body = b'{"scene":["recapture"],"zz":' + b"9" * 5000 + b',"deep":[[{"a":null}]],"image":"aGk="}'
    assert parse_fields(body).source == PictureBytes(b"hi")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"image":""}',
        b'{"url":""}',
        b'{"image":null}',
        b'{"image":"","url":""}',
        b'{"image":null,"url":null}',
        b'{"image":"","url":null,"threshold":60,"limit":10}',
        b'{"Image":"aGk="}',
        b'{"image ":"aGk="}',
    ],
)
def test_neither_picture_nor_url_is_a_missing_parameter(body: bytes) -> None:
    with pytest.raises(MissingParameterError):
        parse_fields(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"image":"aGk=","url":"http://example.com/a.jpg"}',
        b'{"image":"!","url":"http://example.com/a.jpg"}',
    ],
)
def test_both_picture_and_url_are_refused_before_either_is_looked_at(body: bytes) -> None:
    with pytest.raises(InvalidParameterError, match="image, url"):
        parse_fields(body)


@pytest.mark.parametrize("value", [b"true", b"false", b"0", b"1.5", b"[]", b"{}", b'["aGk="]'])
@pytest.mark.parametrize("name", ["image", "url"])
def test_a_picture_of_the_wrong_json_type_is_named(name: str, value: bytes) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_fields(b'{"' + name.encode() + b'":' + value + b"}")
    assert caught.value.parameter == name


@pytest.mark.parametrize(
    "body",
    [
        b'{"image":"","url":"http://example.com/a.jpg"}',
        b'{"image":null,"url":"http://example.com/a.jpg"}',
        b'{"url":"http:\\/\\/example.com\\/a.jpg"}',
    ],
)
def test_an_unused_picture_field_may_be_empty(body: bytes) -> None:
    assert parse_fields(body).source == PictureUrl("http://example.com/a.jpg")


def test_the_last_of_two_equal_names_counts() -> None:
    assert parse_fields(b'{"image":"!!","image":"aGk="}').source == PictureBytes(b"hi")


def test_white_space_around_tokens_is_json() -> None:
    assert parse_fields(b' \r\n{ "image" :\t"aGk=" } \n').source == PictureBytes(b"hi")


@pytest.mark.parametrize(
    "text",
    [
        b"aGk=",
        b"aG\\u006b=",
        b"\\u0061\\u0047\\u006b\\u003d",
        b"aG\\nk=",
        b"aG\\r\\nk=\\n",
        b"a G\\tk=",
    ],
)
def test_escapes_and_line_breaks_in_base64_are_accepted(text: bytes) -> None:
    assert picture(text).data == b"hi"


def test_escaped_slashes_in_base64_are_slashes() -> None:
    assert picture(b"\\/\\/8=").data == b"\xff\xff"


@pytest.mark.parametrize(
    "text",
    [
        b"a",
        b"aGk",
        b"aG=k",
        b"====",
        b"aGk=aGk=",
        b"_-8=",
        b"aG*k=",
        b"\xff\xfe\xfd\xfc",
        "图片".encode(),
        b"\\u56fe\\u7247",
        b"aGk=\\u0000",
        b"\\u00a0aGk=",
    ],
)
def test_what_is_not_base64_is_a_base64_error(text: bytes) -> None:
    with pytest.raises(Base64Error):
        picture(text)


@pytest.mark.parametrize(
    "text",
    [b"data:image/png;base64,aGk=", b"DATA:image/png;base64,aGk=", b"data:image\\/png;base64,aGk="],
)
def test_a_data_prefix_is_refused_and_the_text_says_so(text: bytes) -> None:
    with pytest.raises(Base64Error, match="data:"):
        picture(text)


def test_the_largest_picture_is_taken() -> None:
    data = bytes(7_864_320)
    text = base64.b64encode(data)
    assert len(text) == MAX_PICTURE_TEXT_CHARS
    assert picture(text).data == data


def test_one_group_of_base64_more_is_too_much_text() -> None:
    with pytest.raises(PictureTextTooLargeError):
        picture(b"A" * (MAX_PICTURE_TEXT_CHARS + 4))


def test_one_byte_more_than_a_picture_may_have_never_gets_through() -> None:
    text = base64.b64encode(bytes(7_864_320 + 1))
    with pytest.raises((PictureTextTooLargeError, PictureSizeError)):
        picture(text)


def test_too_much_text_is_told_before_it_is_decoded() -> None:
    with pytest.raises(PictureTextTooLargeError):
        picture(b"*" * (MAX_PICTURE_TEXT_CHARS + 1))


@pytest.mark.parametrize("value", [b'""', b"null"])
def test_an_empty_parameter_is_absent(value: bytes) -> None:
    fields = parse_fields(
        b'{"image":"aGk=","language":%b,"threshold":%b,"limit":%b}' % (value, value, value)
    )
    assert (fields.language, fields.threshold, fields.limit) == (None, None, None)


def test_zero_and_false_are_not_absent() -> None:
    fields = parse_fields(b'{"image":"aGk=","language":false,"threshold":0,"limit":0}')
    assert (fields.language, fields.threshold, fields.limit) == (False, 0, 0)


@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_come_back_from_their_base64(data: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(data).decode()}).encode()
    assert parse_fields(body).source == PictureBytes(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_own_errors(body: bytes) -> None:
    for text in (body, b'{"image":"' + body + b'"}', b'{"url":' + body + b"}"):
        try:
            parse_fields(text)
        except (BodyError, PictureSizeError):
            continue


@pytest.mark.parametrize("value", ["", "EN", "zh-cn", "fr", 1, True, ["en"], {"en": 1}])
def test_another_language_is_refused(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="language"):
        parse_language(value)


def test_the_language_is_chinese_unless_said() -> None:
    assert [parse_language(value) for value in (None, "zh", "en")] == ["zh", "zh", "en"]


@pytest.mark.parametrize(
    "value", ["60", "", True, False, [], {}, None, -0.001, 100.001, 10**400, float("nan")]
)
def test_what_is_no_number_in_range_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="threshold"):
        parse_number("threshold", value, 0, 100)


def test_numbers_may_be_integers_and_take_both_ends() -> None:
    assert [parse_number("threshold", value, 0, 100) for value in (0, 55.5, 100)] == [0, 55.5, 100]


@pytest.mark.parametrize("value", ["5", True, 5.0, 0, 151, -1, 10**400, [], None])
def test_what_is_no_integer_in_range_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="limit"):
        parse_integer("limit", value, 1, 150)


def test_integers_take_both_ends() -> None:
    assert [parse_integer("limit", value, 1, 150) for value in (1, 150)] == [1, 150]
