import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from live_server import LiveServer
from made_pictures import jpeg

PATIENCE_S = 1.0
"""How long the tested server waits for heads, bodies and idle connections."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    settings = {
        "HUIYAN_HEADER_TIMEOUT_S": str(PATIENCE_S),
        "HUIYAN_BODY_TIMEOUT_S": str(PATIENCE_S),
        "HUIYAN_KEEP_ALIVE_S": "1",
        "HUIYAN_LOG_LEVEL": "warning",
    }
    live = LiveServer(tmp_path_factory.mktemp("hostile"), settings=settings)
    for _ in range(30):
        assert live.tag(jpeg(400, 300)).status == 200
    yield live
    live.stop()


@pytest.fixture
def unharmed(server: LiveServer) -> Iterator[Callable[[], None]]:
    """Check after the test (or when called) that the server works on and has not grown."""
    main = psutil.Process(server.process.pid)
    before = _state(main)

    def check() -> None:
        assert server.is_running, server.log
        assert server.tag(jpeg(400, 300)).status == 200
        assert server.get("/readyz").status == 200
        after = _settled(main, before)
        assert after["files"] <= before["files"] + 2, (before, after)
        assert after["threads"] <= before["threads"] + 64, (before, after)
        assert after["rss_mib"] <= before["rss_mib"] + 160, (before, after)
        assert _holds_no_call(server)

    yield check
    check()


def _state(process: psutil.Process) -> dict[str, float]:
    return {
        "files": process.num_fds(),
        "threads": process.num_threads(),
        "rss_mib": process.memory_info().rss / 2**20,
    }


def _holds_no_call(server: LiveServer) -> bool:
    """Wait for the calls of clients that left: the networks look at their pictures to the end."""
    for _ in range(100):
        if b"huiyan_calls_in_hand 0.0" in server.get("/metrics").body:
            return True
        time.sleep(0.1)
    return False


def _settled(process: psutil.Process, before: dict[str, float]) -> dict[str, float]:
    """Give connections that are being closed their time."""
    for _ in range(40):
        state = _state(process)
        if state["files"] <= before["files"] + 2:
            break
        time.sleep(0.1)
    return _state(process)
