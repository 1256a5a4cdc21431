import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from huiyan.web.request import RawRequest

AK = "TESTAK0000000000IRS1"
SK = "testSKabcdefghijklmnopqrstuvwxyz01234567"

Sign = Callable[..., RawRequest]


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
    """Sign with the official signer and give what it would put on the wire."""
    request.getfixturevalue("official_home")
    from huaweicloudsdkcore.auth.credentials import BasicCredentials  # noqa: PLC0415 - see above
    from huaweicloudsdkcore.sdk_request import SdkRequest  # noqa: PLC0415 - see above
    from huaweicloudsdkcore.signer.signer import Signer  # noqa: PLC0415 - see above

    def sign_request(  # noqa: PLR0917 - each part of a request has a default
        method: str = "POST",
        path: str = "/v2/0a1b/image/tagging",
        query: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b'{"image": "iVBORw0KGgo="}',
        secret: str = SK,
    ) -> RawRequest:
        request = SdkRequest(
            method=method,
            host="image.cn-north-4.example.test",
            resource_path=path,
            query_params=query or [],
            header_params=dict(headers or {"Content-Type": "application/json;charset=utf-8"}),
            body=body,
        )
        signed = Signer(BasicCredentials(AK, secret, "0a1b")).sign(request)
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
