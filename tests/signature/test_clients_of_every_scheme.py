"""The vendor's own client, told to sign otherwise, against a verifier behind a real HTTP server."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from huiyan.iam.signing.verification import find_signature, verify
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import AuthenticationError
from huiyan.web.request import raw_request, receive_body

AK = "TESTAK0000000000IRS1"
SK = "testSKabcdefghijklmnopqrstuvwxyz01234567"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def told(request: Request) -> JSONResponse:
    try:
        signed = find_signature(raw_request(request, await receive_body(request, 10_000)))
        assert signed is not None
        verification = verify(signed, SK.encode(), SystemClock())
    except AuthenticationError as error:
        return JSONResponse({"error_code": "refused", "error_msg": error.detail}, 401)
    names = b";".join(sorted(verification.signed_headers)).decode()
    group = {"id": signed.scheme.name, "description": names}
    group["name"] = signed.credential.scope.decode()
    return JSONResponse({"group": group}, 201)


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    request.getfixturevalue("official_home")
    app = Starlette(routes=[Route("/{path:path}", told, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def create_group(url: str, algorithm: str, secret: str = SK, *, is_derived: bool = False) -> Any:
    from huaweicloudsdkcore.auth.credentials import GlobalCredentials  # noqa: PLC0415 - HOME first
    from huaweicloudsdkcore.http.http_config import HttpConfig  # noqa: PLC0415 - HOME first
    from huaweicloudsdkcore.signer.algorithm import (  # noqa: PLC0415 - HOME first
        SigningAlgorithm,
    )
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 - HOME first
    from huaweicloudsdkiam.v3.iam_client import IamClient  # noqa: PLC0415 - HOME first

    credentials = GlobalCredentials(AK, secret, "0a1b").with_security_token("a-token")
    if is_derived:
        credentials.with_derived_predicate(lambda _request: True)
        credentials._process_derived_auth_params("iam", "cn-north-4")
    config = HttpConfig(signing_algorithm=SigningAlgorithm[algorithm])
    builder = IamClient.new_builder().with_credentials(credentials).with_http_config(config)
    option = model.KeystoneCreateGroupOption(name="审计 a+b", description="é")
    body = model.KeystoneCreateGroupRequestBody(option)
    return (
        builder.with_endpoint(url)
        .build()
        .keystone_create_group(model.KeystoneCreateGroupRequest(body))
        .group
    )


@pytest.mark.parametrize(
    ("algorithm", "is_derived", "scheme"),
    [
        ("HMAC_SHA256", False, "SDK-HMAC-SHA256"),
        ("HMAC_SM3", False, "SDK-HMAC-SM3"),
        ("HMAC_SHA256", True, "V11-HMAC-SHA256"),
    ],
)
def test_the_official_client_is_understood_in_every_scheme(
    url: str, algorithm: str, *, is_derived: bool, scheme: str
) -> None:
    from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 - HOME first
        ClientRequestException,
    )

    group = create_group(url, algorithm, is_derived=is_derived)
    assert group.id == scheme
    assert {"host", "user-agent", "x-sdk-date", "x-security-token"} <= set(
        group.description.split(";")
    )
    day = f"{datetime.now(UTC):%Y%m%d}"
    assert group.name in {"", f"{day}/globe/iam", f"{day}/cn-north-4/iam"}
    assert bool(group.name) == is_derived
    with pytest.raises(ClientRequestException, match="canonicalRequest:POST"):
        create_group(url, algorithm, SK[::-1], is_derived=is_derived)


@pytest.mark.parametrize("algorithm", ["ECDSA_P256_SHA256", "SM2_SM3"])
def test_the_official_client_is_told_which_schemes_to_use(url: str, algorithm: str) -> None:
    from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 - HOME first
        ClientRequestException,
    )

    with pytest.raises(ClientRequestException, match="is not supported; use SDK-HMAC-SHA256 or"):
        create_group(url, algorithm)
