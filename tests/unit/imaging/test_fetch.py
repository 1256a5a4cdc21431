import http.server
import threading
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

import pytest

from huiyan.imaging.address import IpAddress
from huiyan.imaging.fetch import Fetcher, FetchPolicy
from huiyan.kernel.errors import DownloadError, DownloadTooLargeError, RefusedUrlError

LOOPBACK = (ip_network("127.0.0.0/8"),)
PICTURE = b"\x89PNG and so on" * 1000


class ScriptedResolver:
    """Gives each name's answers in turn, the last one for ever."""

    def __init__(self, answers: Mapping[str, list[list[str]]]) -> None:
        self._answers = {name: list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    def resolve(self, host: str, timeout_s: float) -> tuple[IpAddress, ...]:
        assert timeout_s > 0
        self.asked.append(host)
        answers = self._answers[host]
        texts = answers.pop(0) if len(answers) > 1 else answers[0]
        return tuple(ip_address(text) for text in texts)


class Site(http.server.ThreadingHTTPServer):
    """Serves ``/picture`` and redirects ``/to?URL``; remembers what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers))
        path, _, query = self.path.partition("?")
        if path == "/picture":
            self._answer(200, PICTURE)
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(PICTURE), 999):
                piece = PICTURE[start : start + 999]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/count":
            left = int(query)
            self._answer(302, b"", f"/count?{left - 1}" if left > 1 else "/picture")
        elif path.startswith("/to"):
            self._answer(int(path[3:] or 302), b"moved", query)
        elif path == "/empty":
            self._answer(200, b"")
        elif path == "/status":
            self._answer(int(query), b"no")
        elif path == "/cookie":
            self._answer(302, b"", "/picture", {"Set-Cookie": "a=b"})

    def _answer(
        self,
        status: int,
        body: bytes,
        location: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Keep the tests quiet."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _fetcher(site: Site, answers: Mapping[str, list[list[str]]] | None = None) -> Fetcher:
    policy = FetchPolicy(
        ports=frozenset({80, 443, site.server_port}), allowed_networks=LOOPBACK, timeout_s=3
    )
    return Fetcher(policy, resolver=ScriptedResolver(answers or {"a.test": [["127.0.0.1"]]}))


def _url(site: Site, rest: str, host: str = "a.test") -> str:
    return f"http://{host}:{site.server_port}{rest}"


@pytest.mark.parametrize("path", ["/picture", "/chunked"])
def test_a_picture_is_fetched(site: Site, path: str) -> None:
    assert _fetcher(site).fetch(_url(site, path)) == PICTURE


def test_a_literal_address_is_fetched_without_a_look_up(site: Site) -> None:
    resolver = ScriptedResolver({})
    policy = FetchPolicy(ports=frozenset({site.server_port}), allowed_networks=LOOPBACK)
    url = _url(site, "/picture", "127.0.0.1")
    assert Fetcher(policy, resolver=resolver).fetch(url) == PICTURE
    assert resolver.asked == []


def test_the_request_names_the_host_and_carries_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    _fetcher(site).fetch(_url(site, "/picture?a=%2F图#part"))
    [(path, headers)] = site.requests
    assert path == "/picture?a=%2F%E5%9B%BE"
    assert headers == {
        "host": f"a.test:{site.server_port}",
        "user-agent": "huiyan",
        "accept": "image/*, */*;q=0.1",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_cookies_are_not_sent_back(site: Site) -> None:
    assert _fetcher(site).fetch(_url(site, "/cookie")) == PICTURE
    assert "cookie" not in site.requests[1][1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_each_name_checked_anew(site: Site, status: int) -> None:
    resolver = ScriptedResolver({"a.test": [["127.0.0.1"]], "b.test": [["127.0.0.1"]]})
    policy = FetchPolicy(ports=frozenset({site.server_port}), allowed_networks=LOOPBACK)
    target = _url(site, "/picture", "b.test")
    assert Fetcher(policy, resolver=resolver).fetch(_url(site, f"/to{status}?{target}")) == PICTURE
    assert resolver.asked == ["a.test", "b.test"]
    assert site.requests[1][1]["host"] == f"b.test:{site.server_port}"


def test_five_redirects_are_followed(site: Site) -> None:
    assert _fetcher(site).fetch(_url(site, "/count?5")) == PICTURE


def test_six_redirects_are_too_many(site: Site) -> None:
    with pytest.raises(DownloadError, match="more than 5 times"):
        _fetcher(site).fetch(_url(site, "/count?6"))
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/",
        "//10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://inner.test/",
        "http://0x7f.1/",
        "http://user:word@a.test/",
        "http://a.test:22/",
        "file:///etc/passwd",
        "gopher://a.test/",
        "http://[/",
        "http://a.test\\@10.0.0.1/",
        "/" + "a" * 9000,
    ],
)
def test_a_redirect_to_a_refused_place_is_refused(site: Site, location: str) -> None:
    answers = {"a.test": [["127.0.0.1"]], "inner.test": [["10.1.2.3"]]}
    with pytest.raises(RefusedUrlError) as caught:
        _fetcher(site, answers).fetch(_url(site, f"/to?{location}"))
    assert "10.1.2.3" not in caught.value.detail


def test_a_redirect_to_nowhere_is_a_download_error(site: Site) -> None:
    with pytest.raises(DownloadError, match="without saying where"):
        _fetcher(site).fetch(_url(site, "/to?"))


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 500, 503])
def test_any_other_status_is_a_download_error_that_tells_it(site: Site, status: int) -> None:
    with pytest.raises(DownloadError, match=str(status)):
        _fetcher(site).fetch(_url(site, f"/status?{status}"))


def test_an_empty_body_is_a_download_error(site: Site) -> None:
    with pytest.raises(DownloadError, match="empty"):
        _fetcher(site).fetch(_url(site, "/empty"))


def test_a_name_is_resolved_once_and_the_checked_address_is_used(site: Site) -> None:
    resolver = ScriptedResolver({"a.test": [["127.0.0.1"], ["10.0.0.1"]]})
    policy = FetchPolicy(ports=frozenset({site.server_port}), allowed_networks=LOOPBACK)
    assert Fetcher(policy, resolver=resolver).fetch(_url(site, "/picture")) == PICTURE
    assert resolver.asked == ["a.test"]


def test_a_name_that_turns_private_between_hops_is_refused(site: Site) -> None:
    fetcher = _fetcher(site, {"a.test": [["127.0.0.1"], ["10.0.0.1"]]})
    with pytest.raises(RefusedUrlError):
        fetcher.fetch(_url(site, "/count?1"))
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["127.0.0.1", "10.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8", "::ffff:127.0.0.1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "224.0.0.1"],
    ],
)
def test_one_bad_address_refuses_the_name_and_is_not_told(site: Site, addresses: list[str]) -> None:
    with pytest.raises(RefusedUrlError) as caught:
        _fetcher(site, {"a.test": [addresses]}).fetch(_url(site, "/picture"))
    assert not any(address in str(caught.value) for address in addresses)
    assert site.requests == []


def test_a_dead_first_address_leaves_time_for_the_next(site: Site) -> None:
    fetcher = _fetcher(site, {"a.test": [["127.0.0.2", "127.0.0.1"]]})
    assert fetcher.fetch(_url(site, "/picture")) == PICTURE


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "box.local", "x.internal", "metadata", "instance-data"]
)
def test_local_and_metadata_names_are_refused_before_any_look_up(host: str) -> None:
    resolver = ScriptedResolver({})
    with pytest.raises(RefusedUrlError):
        Fetcher(FetchPolicy(), resolver=resolver).fetch(f"http://{host}/a.jpg")
    assert resolver.asked == []


def test_a_local_name_passes_only_into_an_allowed_network(site: Site) -> None:
    answers = {"box.internal": [["127.0.0.1"], ["8.8.8.8"]]}
    fetcher = _fetcher(site, answers)
    assert fetcher.fetch(_url(site, "/picture", "box.internal")) == PICTURE
    with pytest.raises(RefusedUrlError):
        fetcher.fetch(_url(site, "/picture", "box.internal"))


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_other_ports_are_refused_and_the_text_names_the_good_ones(port: int) -> None:
    resolver = ScriptedResolver({})
    with pytest.raises(RefusedUrlError, match="80 or 443"):
        Fetcher(FetchPolicy(), resolver=resolver).fetch(f"http://a.test:{port}/")
    assert resolver.asked == []


class Storage:
    """Our own object storage, holding what it was given."""

    def __init__(self, objects: Mapping[str, bytes]) -> None:
        self._objects = objects
        self.asked: list[str] = []

    def find(self, url: str) -> bytes | None:
        self.asked.append(url)
        return self._objects.get(url)


def test_our_own_objects_are_read_without_the_network() -> None:
    url = "http://bucket.obs.local:9000/a.jpg"
    fetcher = Fetcher(FetchPolicy(), reader=Storage({url: PICTURE}), resolver=ScriptedResolver({}))
    assert fetcher.fetch(url) == PICTURE


def test_a_malformed_url_never_reaches_our_storage() -> None:
    storage = Storage({})
    with pytest.raises(RefusedUrlError):
        Fetcher(FetchPolicy(), reader=storage).fetch("file:///etc/passwd")
    assert storage.asked == []


def test_our_storage_is_not_asked_for_the_target_of_a_redirect(site: Site) -> None:
    secret = "http://bucket.obs.internal/secret.jpg"
    storage = Storage({secret: b"secret"})
    policy = FetchPolicy(ports=frozenset({80, site.server_port}), allowed_networks=LOOPBACK)
    resolver = ScriptedResolver({"a.test": [["127.0.0.1"]], "bucket.obs.internal": [["8.8.8.8"]]})
    fetcher = Fetcher(policy, reader=storage, resolver=resolver)
    url = _url(site, f"/to?{secret}")
    with pytest.raises(RefusedUrlError):
        fetcher.fetch(url)
    assert storage.asked == [url]


def test_our_own_objects_keep_the_limits_too() -> None:
    fetcher = Fetcher(FetchPolicy(max_bytes=3), reader=Storage({"http://a/": b"1234"}))
    with pytest.raises(DownloadTooLargeError):
        fetcher.fetch("http://a/")
    fetcher = Fetcher(FetchPolicy(), reader=Storage({"http://a/": b""}))
    with pytest.raises(DownloadError, match="empty"):
        fetcher.fetch("http://a/")


def test_one_fetcher_serves_many_threads(site: Site) -> None:
    fetcher = _fetcher(site)
    results: list[bytes] = []

    def work() -> None:
        results.append(fetcher.fetch(_url(site, "/picture")))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [PICTURE] * 16
