from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from huiyan.monitoring.prometheus import Metrics, forget_dead_processes


def samples(text: bytes) -> dict[str, float]:
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_nothing_has_happened_yet() -> None:
    assert samples(Metrics().render()) == {"huiyan_calls_in_hand": 0.0}


def test_calls_are_counted_by_outcome_and_timed() -> None:
    metrics = Metrics()
    metrics.count_call("tagging", "v2", 200, "", 0.015)
    metrics.count_call("tagging", "v2", 200, "", 0.5)
    metrics.count_call("tagging", "v2", 400, "AIS.0011", 0.001)
    seen = samples(metrics.render())
    assert seen["huiyan_calls_total error_code= interface=tagging status=200 version=v2"] == 2
    assert (
        seen["huiyan_calls_total error_code=AIS.0011 interface=tagging status=400 version=v2"] == 1
    )
    assert seen["huiyan_call_duration_seconds_count interface=tagging"] == 3
    assert seen["huiyan_call_duration_seconds_bucket interface=tagging le=0.02"] == 2
    assert seen["huiyan_call_duration_seconds_sum interface=tagging"] == pytest.approx(0.516)


def test_refusals_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.count_refused("APIGW.0101", 404)
    seen = samples(metrics.render())
    assert seen["huiyan_refused_requests_total error_code=APIGW.0101 status=404"] == 1


def test_calls_in_hand_rise_and_fall() -> None:
    metrics = Metrics()
    metrics.show_in_hand(5)
    metrics.show_in_hand(2)
    assert samples(metrics.render())["huiyan_calls_in_hand"] == 2


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.count_refused("APIGW.0101", 404)
    assert "APIGW.0101" not in other.render().decode()


PROGRAM = textwrap.dedent(
    """
    import os, sys
    from huiyan.monitoring.prometheus import Metrics, forget_process
    metrics = Metrics()
    metrics.count_call("tagging", "v2", 200, "", 0.01)
    metrics.show_in_hand(3)
    if sys.argv[1] == "ends":
        forget_process(os.getpid())
    print(metrics.render().decode())
    """
)


def test_processes_add_up_and_one_that_ended_holds_no_calls(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(how: str) -> dict[str, float]:
        command = [sys.executable, "-c", PROGRAM, how]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        return samples(done.stdout)

    calls = "huiyan_calls_total error_code= interface=tagging status=200 version=v2"
    assert run("stays")[calls] == 1
    second = run("ends")
    assert second[calls] == 2
    assert second["huiyan_calls_in_hand"] == 3
    assert run("stays")["huiyan_calls_in_hand"] == 6


TIDYING = textwrap.dedent(
    """
    from huiyan.monitoring.prometheus import Metrics, forget_dead_processes
    metrics = Metrics()
    metrics.show_in_hand(20)
    forget_dead_processes()
    print(metrics.render().decode())
    """
)


def test_what_killed_processes_held_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(*arguments: str) -> dict[str, float]:
        command = [sys.executable, "-c", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        return samples(done.stdout)

    assert run(PROGRAM, "stays")["huiyan_calls_in_hand"] == 3
    (of_dead,) = tmp_path.glob("gauge_live*.db")
    of_living = of_dead.with_name(f"gauge_livesum_{os.getpid()}.db")
    of_living.write_bytes(of_dead.read_bytes())
    seen = run(TIDYING)
    assert seen["huiyan_calls_in_hand"] == 3 + 20
    assert seen["huiyan_calls_total error_code= interface=tagging status=200 version=v2"] == 1
    assert not of_dead.exists()
    assert of_living.exists()


def test_a_server_of_one_process_has_nobody_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    forget_dead_processes()
