"""Hosts that stall, flood, lie or break off: each ends in its error, in time."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from huiyan.imaging.address import IpAddress
from huiyan.imaging.fetch import Fetcher, FetchPolicy
from huiyan.imaging.resolve import SystemResolver
from huiyan.kernel.errors import DownloadError, DownloadTooLargeError, RefusedUrlError

TIMEOUT_S = 0.4
GRACE_S = 1.2
MAX_BYTES = 200_000
PICTURE = b"\xff\xd8 and so on"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

Behaviour = Callable[[socket.socket, threading.Event], None]


class Peer:
    """A host on loopback that treats each connection as it is told."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(2)
            with connection, suppress(OSError):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if self._tls is None:
            self._behave(connection, self._stop)
            return
        with self._tls.wrap_socket(connection, server_side=True) as secured:
            self._behave(secured, self._stop)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def begin(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Peer:
        peers.append(Peer(behave, tls))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.close()


class Loopback:
    """Resolves every name to this machine."""

    def resolve(self, host: str, timeout_s: float) -> tuple[IpAddress, ...]:
        assert host
        assert timeout_s > 0
        return (ip_address("127.0.0.1"),)


def _fetch(
    port: int,
    scheme: str = "http",
    host: str = "a.test",
    context: ssl.SSLContext | None = None,
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    policy = FetchPolicy(
        ports=frozenset({port}),
        allowed_networks=(ip_network("127.0.0.0/8"),),
        timeout_s=timeout_s,
        max_bytes=MAX_BYTES,
    )
    fetcher = Fetcher(policy, resolver=Loopback(), tls_context=context or _no_trust())
    begin_s = time.monotonic()
    try:
        return fetcher.fetch(f"{scheme}://{host}:{port}/a.jpg")
    finally:
        assert time.monotonic() - begin_s < timeout_s + GRACE_S


def _no_trust() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _read_request(connection: socket.socket) -> None:
    seen = b""
    while b"\r\n\r\n" not in seen:
        data = connection.recv(65536)
        if not data:
            return
        seen += data


def _say(*parts: bytes) -> Behaviour:
    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        _read_request(connection)
        for part in parts:
            connection.sendall(part)

    return behave


def _say_and_hang(*parts: bytes) -> Behaviour:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        _say(*parts)(connection, stop)
        stop.wait(2)

    return behave


def _drip(start: bytes, drop: bytes, pause_s: float = 0.02) -> Behaviour:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        _read_request(connection)
        connection.sendall(start)
        while not stop.wait(pause_s):
            connection.sendall(drop)

    return behave


def _flood(start: bytes, drop: bytes) -> Behaviour:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        _read_request(connection)
        connection.sendall(start)
        while not stop.is_set():
            connection.sendall(drop)

    return behave


def test_a_plain_answer_arrives(start: Callable[..., Peer]) -> None:
    answer = HEAD + b"Content-Length: %d\r\n\r\n" % len(PICTURE)
    assert _fetch(start(_say(answer, PICTURE)).port) == PICTURE


def test_a_body_that_ends_with_the_connection_arrives(start: Callable[..., Peer]) -> None:
    assert _fetch(start(_say(b"HTTP/1.0 200 OK\r\n\r\n", PICTURE)).port) == PICTURE


def test_chunks_with_extensions_and_trailers_arrive(start: Callable[..., Peer]) -> None:
    body = b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert _fetch(start(_say(CHUNKED, body)).port) == b"abcde"


def test_bytes_behind_the_stated_length_are_ignored(start: Callable[..., Peer]) -> None:
    assert _fetch(start(_say(HEAD + b"Content-Length: 3\r\n\r\nabcdef")).port) == b"abc"


@pytest.mark.parametrize(
    "behave",
    [
        _say_and_hang(),
        _drip(b"", b"H"),
        _drip(HEAD, b"X-A: b\r\n"),
        _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _drip(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
        _drip(CHUNKED, b"1\r\nx\r\n"),
        _drip(CHUNKED + b"1;", b"x"),
        _drip(CHUNKED + b"0\r\n", b"A: b\r\n"),
        _drip(HEAD + b"\r\n", b"x"),
        _say_and_hang(HEAD + b"Content-Length: 10\r\n\r\nabc"),
        _say_and_hang(CHUNKED + b"5\r\nab"),
    ],
    ids=[
        "silence",
        "status line",
        "headers",
        "interim responses",
        "body of stated length",
        "chunks",
        "chunk extension",
        "trailers",
        "body without end",
        "stops in the body",
        "stops in a chunk",
    ],
)
def test_a_slow_host_is_given_up_in_time(start: Callable[..., Peer], behave: Behaviour) -> None:
    with pytest.raises(DownloadError, match=r"too slow.*within 0.4 s"):
        _fetch(start(behave).port)


def test_redirects_share_one_deadline(start: Callable[..., Peer]) -> None:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        _read_request(connection)
        stop.wait(TIMEOUT_S * 0.45)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(DownloadError, match="too slow"):
        _fetch(start(behave).port)


def test_a_port_that_never_accepts_is_given_up_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        queue = [socket.socket() for _ in range(4)]
        for waiting in queue:
            waiting.settimeout(0)
            waiting.connect_ex(("127.0.0.1", port))
        with pytest.raises(DownloadError):
            _fetch(port)
        for waiting in queue:
            waiting.close()


def test_a_closed_port_is_a_download_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DownloadError, match="takes no connection"):
        _fetch(port)


def test_a_slow_name_server_is_given_up_in_time() -> None:
    release = threading.Event()

    def hang(_host: str) -> list[str]:
        release.wait(2)
        return []

    fetcher = Fetcher(
        FetchPolicy(timeout_s=0.1),
        resolver=SystemResolver(look_up=hang),
        tls_context=_no_trust(),
    )
    begin_s = time.monotonic()
    with pytest.raises(DownloadError, match="in time"):
        fetcher.fetch("http://a.test/")
    assert time.monotonic() - begin_s < GRACE_S
    release.set()


@pytest.mark.parametrize(
    "behave",
    [
        _flood(HEAD + b"\r\n", b"x" * 65536),
        _flood(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        _say_and_hang(HEAD + b"Content-Length: 200001\r\n\r\n"),
        _say_and_hang(HEAD + b"Content-Length: 99999999999999999999\r\n\r\n"),
        _say(CHUNKED, b"FFFFFFFFFFFF\r\n" + b"x" * 300_000),
    ],
    ids=["endless", "endless chunks", "stated", "stated absurdly", "one absurd chunk"],
)
def test_too_large_a_body_is_refused(start: Callable[..., Peer], behave: Behaviour) -> None:
    with pytest.raises(DownloadTooLargeError, match="200000 bytes"):
        _fetch(start(behave).port)


def test_a_body_of_exactly_the_cap_passes(start: Callable[..., Peer]) -> None:
    body = b"x" * MAX_BYTES
    assert _fetch(start(_say(HEAD + b"Content-Length: 200000\r\n\r\n", body)).port) == body


@pytest.mark.parametrize(
    "behave",
    [
        _flood(HEAD, b"X-Header: " + b"a" * 1000 + b"\r\n"),
        _flood(HEAD + b"X-Header: ", b"a" * 65536),
        _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _flood(b"", b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 9000 + b"\r\n\r\n"),
        _flood(CHUNKED + b"0\r\n", b"X-Trailer: a\r\n"),
        _flood(CHUNKED + b"1;", b"a" * 65536),
        _flood(CHUNKED, b"1\r\nx\r\n" * 10_000),
    ],
    ids=[
        "headers",
        "one header",
        "interim responses",
        "large interim responses",
        "trailers",
        "chunk extension",
        "tiny chunks",
    ],
)
def test_floods_around_the_body_end_soon(start: Callable[..., Peer], behave: Behaviour) -> None:
    with pytest.raises(DownloadError, match=r"far more|tiny pieces|proper HTTP"):
        _fetch(start(behave).port, timeout_s=10)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"\x00" * 5000,
        b"<html>hello</html>\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail ready\r\n",
        b"+PONG\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: three\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 10\r\n\r\nabc",
        HEAD + b"Content-Length: 10\r\n\r\n",
        HEAD + b"X: y",
        HEAD + b" folded: before any header\r\n\r\n",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"5\r\nabcde\r\n",
        CHUNKED + b"zz\r\nabc",
        CHUNKED + b"-1\r\nabc",
        CHUNKED + b"0\r\n\r\n",
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n",
    ],
)
def test_broken_answers_are_download_errors(start: Callable[..., Peer], answer: bytes) -> None:
    with pytest.raises(DownloadError) as caught:
        _fetch(start(_say(answer)).port)
    assert caught.value.detail


def test_a_reset_connection_is_a_download_error(start: Callable[..., Peer]) -> None:
    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        _read_request(connection)
        connection.sendall(HEAD)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()

    with pytest.raises(DownloadError):
        _fetch(start(behave).port)


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP", b"br", b"deflate", b"identity, gzip", b"x"])
def test_a_compressed_body_is_refused_unread(start: Callable[..., Peer], coding: bytes) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(bomb))
    with pytest.raises(DownloadError, match="compress"):
        _fetch(start(_say(HEAD + head, bomb)).port)


def test_nothing_is_left_open_after_failures(start: Callable[..., Peer]) -> None:
    port = start(_say(HEAD + b"Content-Length: 10\r\n\r\nabc")).port
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(DownloadError):
            _fetch(port)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


class Authority:
    """Signs certificates for the tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._certificate = self._sign(self._name, self._key, None, timedelta(days=1))
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.trust.load_verify_locations(
            cadata=self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        )

    def certify(self, host: str, lasts: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._sign(name, key, host, lasts)
        path = self._folder / f"{host}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        host: str | None,
        lasts: timedelta,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host is not None:
            alternative = (
                x509.IPAddress(IPv4Address(host))
                if host.replace(".", "").isdigit()
                else x509.DNSName(host)
            )
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


ANSWER = HEAD + b"Content-Length: %d\r\n\r\n" % len(PICTURE) + PICTURE


@pytest.mark.parametrize("host", ["a.test", "127.0.0.1"])
def test_https_is_checked_by_name_and_told_the_name(
    start: Callable[..., Peer], authority: Authority, host: str
) -> None:
    names: list[str | None] = []
    context = authority.certify(host)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    port = start(_say(ANSWER), context).port
    assert _fetch(port, "https", host, authority.trust) == PICTURE
    assert names == [host if host == "a.test" else None]


def test_a_certificate_of_an_unknown_authority_is_refused(
    start: Callable[..., Peer], authority: Authority
) -> None:
    port = start(_say(ANSWER), authority.certify("a.test")).port
    with pytest.raises(DownloadError, match="not trusted"):
        _fetch(port, "https")


def test_a_certificate_for_another_name_is_refused(
    start: Callable[..., Peer], authority: Authority
) -> None:
    port = start(_say(ANSWER), authority.certify("b.test")).port
    with pytest.raises(DownloadError, match="not trusted"):
        _fetch(port, "https", "a.test", authority.trust)


def test_an_expired_certificate_is_refused(
    start: Callable[..., Peer], authority: Authority
) -> None:
    port = start(_say(ANSWER), authority.certify("a.test", timedelta(days=-1))).port
    with pytest.raises(DownloadError, match="expired"):
        _fetch(port, "https", "a.test", authority.trust)


def test_plain_http_on_an_https_port_is_a_download_error(start: Callable[..., Peer]) -> None:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(ANSWER)
        stop.wait(1)

    with pytest.raises(DownloadError, match="TLS"):
        _fetch(start(behave).port, "https")


@pytest.mark.parametrize("drop", [b"", b"\x16"], ids=["silence", "a byte now and then"])
def test_a_slow_tls_handshake_is_given_up_in_time(start: Callable[..., Peer], drop: bytes) -> None:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        # A record that announces 16 KiB of handshake and never completes.
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not stop.wait(0.02):
            connection.sendall(drop)

    with pytest.raises(DownloadError, match="too slow"):
        _fetch(start(behave).port, "https")


def test_a_slow_body_over_tls_is_given_up_in_time(
    start: Callable[..., Peer], authority: Authority
) -> None:
    port = start(_drip(CHUNKED, b"1\r\nx\r\n"), authority.certify("a.test")).port
    with pytest.raises(DownloadError, match="too slow"):
        _fetch(port, "https", "a.test", authority.trust)


def test_a_redirect_from_https_to_http_is_refused(
    start: Callable[..., Peer], authority: Authority
) -> None:
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://a.test/\r\nContent-Length: 0\r\n\r\n"
    port = start(_say(moved), authority.certify("a.test")).port
    with pytest.raises(RefusedUrlError, match="https to http"):
        _fetch(port, "https", "a.test", authority.trust)
