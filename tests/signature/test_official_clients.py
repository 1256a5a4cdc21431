"""The vendor's own IAM client and self-completion, unchanged, against our routes on loopback."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from migrated import open_migrated
from starlette.applications import Starlette

from huiyan.iam.assembly import open_identity
from huiyan.iam.bootstrap import first_start
from huiyan.iam.http import call_routes
from huiyan.iam.model import FirstStart
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REGIONS = ("cn-north-4", "cn-east-3")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[str, FirstStart]]:
    request.getfixturevalue("official_home")
    folder: Path = tmp_path_factory.mktemp("iam")
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    repository, vault = IdentityRepository(database), Vault(bytes(32))
    made = first_start(repository, vault, REGIONS, SystemClock())
    assert made is not None
    parts = open_identity(database, vault, SystemClock(), REGIONS)
    app = Starlette(routes=call_routes(parts.operations, parts.desk, lambda *_told: None))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", made
    server.should_exit = True
    thread.join()
    database.close()


def client_of(url: str, made: FirstStart, secret: str | None = None) -> Any:
    from huaweicloudsdkcore.auth.credentials import GlobalCredentials  # noqa: PLC0415 - HOME first
    from huaweicloudsdkiam.v3.iam_client import IamClient  # noqa: PLC0415 - HOME first

    key = made.key
    credentials = GlobalCredentials(key.access_key, secret or key.secret_key, made.account.id)
    return IamClient.new_builder().with_credentials(credentials).with_endpoint(url).build()


def test_the_iam_client_lists_projects_and_domains(server: tuple[str, FirstStart]) -> None:
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 - HOME first

    url, made = server
    client = client_of(url, made)
    listed = client.keystone_list_projects(
        model.KeystoneListProjectsRequest(name="cn-east-3", enabled=True, page=1, per_page=10)
    )
    assert [project.id for project in listed.projects] == [made.projects[1].id]
    assert listed.projects[0].enabled is True
    own = client.keystone_list_auth_projects(model.KeystoneListAuthProjectsRequest())
    assert {project.id for project in own.projects} == {project.id for project in made.projects}
    one = client.keystone_show_project(model.KeystoneShowProjectRequest(made.projects[0].id))
    assert one.project.name == "cn-north-4"
    domains = client.keystone_list_auth_domains(model.KeystoneListAuthDomainsRequest())
    assert [(domain.id, domain.name) for domain in domains.domains] == [(made.account.id, "huiyan")]


def test_the_client_shows_code_message_and_request_id(server: tuple[str, FirstStart]) -> None:
    from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 - HOME first
        ClientRequestException,
    )
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 - HOME first

    url, made = server
    with pytest.raises(ClientRequestException) as raised:
        client_of(url, made, "wrong").keystone_list_auth_domains(
            model.KeystoneListAuthDomainsRequest()
        )
    assert raised.value.status_code == 401
    assert "verify aksk signature fail" in raised.value.error_msg
    assert len(raised.value.request_id) == 32


def test_clients_built_by_region_complete_themselves(
    server: tuple[str, FirstStart], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 - HOME first
        BasicCredentials,
        GlobalCredentials,
    )

    url, made = server
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", url)
    http_client = client_of(url, made)._http_client
    basic = BasicCredentials(made.key.access_key, made.key.secret_key)
    basic.process_auth_params(http_client, "cn-east-3")
    assert basic.project_id == made.projects[1].id
    everywhere = GlobalCredentials(made.key.access_key, made.key.secret_key)
    everywhere.process_auth_params(http_client, "cn-north-4")
    assert everywhere.domain_id == made.account.id


@pytest.mark.parametrize("name", ["图 +&=;", "a%2Bb", "~_-.*", "a/b?c#d", " "])
def test_a_name_with_any_characters_is_signed_and_understood(
    server: tuple[str, FirstStart], name: str
) -> None:
    from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 - HOME first
        ClientRequestException,
    )
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 - HOME first

    client = client_of(*server)
    listed = client.keystone_list_projects(model.KeystoneListProjectsRequest(name=name))
    assert listed.projects == []
    with pytest.raises(ClientRequestException) as raised:
        client.keystone_show_project(model.KeystoneShowProjectRequest(name))
    assert raised.value.status_code == 404
