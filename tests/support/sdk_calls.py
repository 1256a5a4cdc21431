"""Calls through the vendor's Python client; importing this imports (and lets write) the client."""

from __future__ import annotations

import base64
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import (
    ClientRequestException,
    SdkException,
    ServiceResponseException,
)
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkimage.v2 import ImageClient, ImageTaggingReq, RunImageTaggingRequest
from huaweicloudsdkimage.v2.region.image_region import ImageRegion
from signed_call import Account

__all__ = [
    "BasicCredentials",
    "ClientRequestException",
    "GlobalCredentials",
    "HttpConfig",
    "ImageClient",
    "SdkException",
    "ServiceResponseException",
    "client_by_endpoint",
    "client_by_region",
    "tag",
    "tag_url",
]


def client_by_endpoint(account: Account, url: str, project_id: str | None) -> Any:
    credentials = BasicCredentials(account.access_key, account.secret_key, project_id)
    return ImageClient.new_builder().with_credentials(credentials).with_endpoint(url).build()


def client_by_region(account: Account, region: str) -> Any:
    credentials = BasicCredentials(account.access_key, account.secret_key)
    builder = ImageClient.new_builder().with_credentials(credentials)
    return builder.with_region(ImageRegion.value_of(region)).build()


def tag(client: Any, picture: bytes, **fields: Any) -> Any:
    image = base64.b64encode(picture).decode("ascii")
    return run(client, image=image, **fields)


def tag_url(client: Any, url: str, **fields: Any) -> Any:
    return run(client, url=url, **fields)


def run(client: Any, **fields: Any) -> Any:
    return client.run_image_tagging(RunImageTaggingRequest(body=ImageTaggingReq(**fields)))
