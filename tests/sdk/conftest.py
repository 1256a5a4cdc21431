"""The vendor's own client, unchanged, and a server process for it to talk to."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer

SAMPLES = ("chelsea", "coffee", "astronaut", "rocket", "china", "flower")


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(scope="session")
def photographs(model_store: Any) -> dict[str, Path]:
    """The store's sample photographs that are there; at least one, or the tests are skipped."""
    from huiyan.kernel.errors import OperatorError  # noqa: PLC0415 -- beside its use

    found = {}
    for name in SAMPLES:
        try:
            found[name] = Path(model_store.path(model_store.card(f"sample-{name}")))
        except OperatorError:
            continue
    if not found:
        pytest.skip("no sample photograph in the store; run: huiyan models pull --samples")
    return found


@pytest.fixture(scope="session")
def files(photographs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server on loopback with the photographs; gives its address."""
    folder = tmp_path_factory.mktemp("files")
    for name, path in photographs.items():
        (folder / f"{name}{path.suffix}").write_bytes(path.read_bytes())
    (folder / "huge.jpg").write_bytes(b"\xff\xd8\xff" + bytes(8_000_000))
    (folder / "page.html").write_text("<html></html>")
    handler = partial(QuietFiles, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def server(files: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {
        "HUIYAN_FETCH_ALLOWED_NETWORKS": '["127.0.0.1/32"]',
        "HUIYAN_FETCH_PORTS": f"[80, 443, {files.rsplit(':', 1)[1]}]",
        "HUIYAN_LOG_LEVEL": "warning",
    }
    live = LiveServer(tmp_path_factory.mktemp("sdk"), settings=settings)
    yield live
    live.stop()


@pytest.fixture(scope="module")
def sdk(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The vendor's modules, imported with HOME moved aside: importing them writes there."""
    pytest.importorskip("huaweicloudsdkimage", reason="the vendor's client is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in [name for name in os.environ if name.startswith("HUAWEICLOUD_SDK_")]:
            patch.delenv(name)
        patch.setenv("HUAWEICLOUD_SDK_REGION_IMAGE_CN_NORTH_4", server.url)
        patch.setenv("HUAWEICLOUD_SDK_REGION_IMAGE_CN_EAST_3", server.url)
        patch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", server.url)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import sdk_calls  # noqa: PLC0415 -- imports the vendor's client
        yield sdk_calls


@pytest.fixture
def client(sdk: Any, server: LiveServer) -> Any:
    """The vendor's client of the first account, in its first project."""
    return sdk.client_by_endpoint(server.account, server.url, server.account.project_id)


@pytest.fixture
def chelsea(photographs: dict[str, Path]) -> bytes:
    return photographs["chelsea"].read_bytes()
