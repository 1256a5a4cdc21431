import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from huiyan.iam.signing.verification import Verification, find_signature, verify
from huiyan.iam.signing.window import parse_date
from huiyan.web.request import RawRequest

AK = "TESTAK0000000000IRS1"
SK = "testSKabcdefghijklmnopqrstuvwxyz01234567"
DATE = "20260331T081500Z"

Sign = Callable[..., RawRequest]
Check = Callable[..., Verification]


class StoppedClock:
    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        return self._instant

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def official_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The official client writes into the home folder when it is imported."""
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    if before is not None:
        os.environ["HOME"] = before


@pytest.fixture(scope="module")
def sign(request: pytest.FixtureRequest) -> Sign:
    """Sign with the official credentials and give what they would put on the wire."""
    request.getfixturevalue("official_home")
    from huaweicloudsdkcore.auth.credentials import BasicCredentials  # noqa: PLC0415 - see above
    from huaweicloudsdkcore.sdk_request import SdkRequest  # noqa: PLC0415 - see above
    from huaweicloudsdkcore.signer.algorithm import (  # noqa: PLC0415 - see above
        SigningAlgorithm,
    )

    algorithms = {
        "SDK-HMAC-SHA256": SigningAlgorithm.HMAC_SHA256,
        "SDK-HMAC-SM3": SigningAlgorithm.HMAC_SM3,
        "SDK-ECDSA-P256-SHA256": SigningAlgorithm.ECDSA_P256_SHA256,
        "SDK-SM2-SM3": SigningAlgorithm.SM2_SM3,
    }

    def sign_request(  # noqa: PLR0917 - each part of a request has a default
        scheme: str = "SDK-HMAC-SHA256",
        method: str = "POST",
        path: str = "/v2/0a1b/image/tagging",
        query: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b'{"image": "iVBORw0KGgo="}',
        secret: str = SK,
        date: str = DATE,
        region: str = "cn-north-4",
        token: str | None = None,
    ) -> RawRequest:
        request = SdkRequest(
            method=method,
            host="image.cn-north-4.example.test",
            resource_path=path,
            query_params=query or [],
            header_params={
                **(headers or {"Content-Type": "application/json;charset=utf-8"}),
                "X-Sdk-Date": date,
            },
            body=body,
            signing_algorithm=algorithms.get(scheme),
        )
        credentials = BasicCredentials(AK, secret, "0a1b")
        credentials.security_token = token
        if scheme == "V11-HMAC-SHA256":
            credentials.with_derived_predicate(lambda _request: True)
            credentials._process_derived_auth_params("image", region)
        signed = credentials.sign_request(request)
        target, _, raw_query = signed.uri.partition("?")
        return RawRequest(
            method=method,
            raw_path=target.encode(),
            raw_query=raw_query.encode(),
            headers=tuple(
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in signed.header_params.items()
            ),
            body=body,
            client_address="192.0.2.1",
        )

    return sign_request


@pytest.fixture(scope="module")
def check() -> Check:
    """Verify a request at the instant that the signing fixture signs for."""

    def check_request(
        request: RawRequest, secret: str = SK, at: datetime | None = None
    ) -> Verification:
        signed = find_signature(request)
        assert signed is not None
        clock = StoppedClock(at or parse_date(DATE.encode()))
        return verify(signed, secret.encode(), clock)

    return check_request
