import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.target import Target, parse_target
from huiyan.kernel.errors import RefusedUrlError

REFUSED = [
    "",
    " ",
    "example.com",
    "//example.com/a.jpg",
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://example.com/a.jpg",
    "gopher://example.com:70/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "http:example.com",
    "http:/example.com",
    "http://",
    "http:///a.jpg",
    "http://:80/a.jpg",
    "http://?a",
    "http://user@example.com/",
    "http://user:word@example.com/",
    "http://@example.com/",
    "http://8.8.8.8@127.0.0.1/",
    "http://example.com:80@10.0.0.1/",
    "http://example.com\\@10.0.0.1/",
    "http:\\\\10.0.0.1\\",
    "http://exam\tple.com/",
    "http://example.com/\n",
    "http://example.com/\r\nHost: other",
    " http://example.com/",
    "http://example.com/a b.jpg",
    "http://example.com/\x00",
    "http://example.com\x7f/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:999999/",
    "http://example.com:-1/",
    "http://example.com:+80/",
    "http://example.com:８０/",
    "http://example.com:80:80/",
    "http://example.com:/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0X7F.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.01/",
    "http://0x7f.0.0.1/",
    "http://127.0.0.0x1/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://example.1/",
    "http://1.2.3.0x/",
    "http://127.0.0.1./",
    "http://example.com./",
    "http://.example.com/",
    "http://example..com/",
    "http://./",
    "http://-example.com/",
    "http://example-.com/",
    "http://exa$mple.com/",
    "http://127.0.0.１/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://ｌｏｃａｌｈｏｓｔ/",
    "http://localhost。/",
    "http://ex\u00adample.com/",
    "http://ex\u200dample.com/",
    "http://%31%32%37.0.0.1/",
    "http://example%2ecom/",
    "http://example.com%00.other.com/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1/",
    "http://::1]/",
    "http://[::1]x/",
    "http://x[::1]/",
    "http://[::1]:x/",
    "http://[]/",
    "http://[127.0.0.1]/",
    "http://[v1.a]/",
    "http://[::127.1]/",
    "http://::1/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 127 + "com/",
    "http://" + "图" * 300 + "/",
    "http://example.com/\ud800",
    "http://\ud800.com/",
    "http://example.com/" + "a" * 8192,
]


@pytest.mark.parametrize("url", REFUSED, ids=[ascii(url)[:48] for url in REFUSED])
def test_hostile_and_odd_spellings_are_refused(url: str) -> None:
    with pytest.raises(RefusedUrlError) as caught:
        parse_target(url)
    assert caught.value.detail


@pytest.mark.parametrize(
    ("url", "host", "port", "request_target", "host_header"),
    [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("HTTPS://EXAMPLE.com/A.jpg", "example.com", 443, "/A.jpg", "example.com"),
        ("http://example.com?a=b", "example.com", 80, "/?a=b", "example.com"),
        ("http://example.com/a?b#c", "example.com", 80, "/a?b", "example.com"),
        ("http://example.com:8080/", "example.com", 8080, "/", "example.com:8080"),
        ("https://example.com:443/", "example.com", 443, "/", "example.com"),
        ("http://a_b.example/", "a_b.example", 80, "/", "a_b.example"),
        ("http://intranet/", "intranet", 80, "/", "intranet"),
        ("http://8.8.8.8/", "8.8.8.8", 80, "/", "8.8.8.8"),
        ("http://[2606:4700:0::1111]:81/", "2606:4700::1111", 81, "/", "[2606:4700::1111]:81"),
        ("http://例子.中国/图.jpg", "xn--fsqu00a.xn--fiqs8s", 80, "/%E5%9B%BE.jpg", None),
        ("http://h.example/%2F%e5?Signature=a%2Bb%3D&k=图", "h.example", 80, None, None),
        ("http://h.example/a//b/../c;p=1", "h.example", 80, "/a//b/../c;p=1", None),
        ('http://h.example/"<>`{|}', "h.example", 80, "/%22%3C%3E%60%7B%7C%7D", None),
    ],
)
def test_plain_urls_are_read(
    url: str, host: str, port: int, request_target: str | None, host_header: str | None
) -> None:
    target = parse_target(url)
    assert (target.host, target.port) == (host, port)
    assert request_target is None or target.request_target == request_target
    assert host_header is None or target.host_header == host_header


def test_escapes_of_signed_urls_stay_as_they_are() -> None:
    target = parse_target("http://h.example/%2F%e5?Signature=a%2Bb%3D&k=图")
    assert target.request_target == "/%2F%e5?Signature=a%2Bb%3D&k=%E5%9B%BE"


def test_a_url_of_8192_characters_is_still_read() -> None:
    start = "http://example.com/"
    assert parse_target(start + "a" * (8192 - len(start))).port == 80


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "http://[", "http://a/"]))
def test_any_text_is_read_or_refused(text: str, prefix: str) -> None:
    try:
        target = parse_target(prefix + text)
    except RefusedUrlError:
        return
    assert isinstance(target, Target)
    line = f"{target.host_header} {target.request_target}"
    assert line.isascii()
    assert line.isprintable()
    assert line.count(" ") == 1
