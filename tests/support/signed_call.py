"""Signing requests the way the vendor's clients do, written apart from the server's own code."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Account:
    access_key: str
    secret_key: str
    project_ids: Mapping[str, str]

    @property
    def project_id(self) -> str:
        return self.project_ids["cn-north-4"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_code(self) -> str:
        return str(self.json["error_code"])

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


@dataclass
class SignedRequest:
    """One request; ``headers`` holds what is sent, signature included."""

    account: Account
    host: str
    path: str
    body: bytes = b""
    method: str = "POST"
    query: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    content_type: str | None = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        moment = self.at or datetime.now(UTC)
        headers = {"Host": self.host, "X-Sdk-Date": moment.strftime("%Y%m%dT%H%M%SZ")}
        if self.content_type is not None:
            headers["Content-Type"] = self.content_type
        headers |= self.extra
        names = sorted(headers, key=str.lower)
        signed = ";".join(name.lower() for name in names)
        lines = "".join(f"{name.lower()}:{headers[name].strip()}\n" for name in names)
        path = "/".join(quote(unquote(part), safe="-_.~") for part in self.path.split("/"))
        digest = hashlib.sha256(self.body).hexdigest()
        canonical = f"{self.method}\n{path.rstrip('/')}/\n{self.query}\n{lines}\n{signed}\n{digest}"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"SDK-HMAC-SHA256\n{headers['X-Sdk-Date']}\n{hashed}"
        key = self.account.secret_key.encode()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = (
            f"SDK-HMAC-SHA256 Access={self.account.access_key}, SignedHeaders={signed}, "
            f"Signature={signature}"
        )
        return headers

    @property
    def target(self) -> str:
        return self.path + (f"?{self.query}" if self.query else "")

    def wire(self, *lines: str, declare_body: bool = True) -> bytes:
        """Give the request as bytes for a raw socket; ``lines`` are further headers."""
        head = [f"{self.method} {self.target} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        head += lines
        if declare_body:
            head.append(f"Content-Length: {len(self.body)}")
            return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body
        return "\r\n".join(head).encode() + b"\r\n\r\n"


def send(connection: http.client.HTTPConnection, request: SignedRequest) -> Answer:
    connection.request(request.method, request.target, request.body, request.headers)
    return read_answer(connection.getresponse())


def read_answer(reply: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in reply.getheaders()}
    return Answer(reply.status, headers, reply.read())


def connect(
    port: int, timeout_s: float = 30.0, context: ssl.SSLContext | None = None
) -> http.client.HTTPConnection:
    if context is not None:
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
