import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

from huiyan.kernel.ids import AccountId
from huiyan.metering.repository import UseRepository
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate
from huiyan.persistence.query import Scope

ACCOUNT = AccountId("a" * 32)

PROGRAM = textwrap.dedent(
    """
    import os, sys, threading
    from datetime import UTC, datetime
    from huiyan.kernel.ids import new_request_id
    from huiyan.metering.model import UseRecord
    from huiyan.metering.repository import UseRepository
    from huiyan.metering.service import GroupCommitMeter
    from huiyan.persistence.database import open_database

    meter = GroupCommitMeter(UseRepository(open_database(sys.argv[1])))

    def record():
        while True:
            use = UseRecord(
                new_request_id(), datetime.now(UTC), "a" * 32, "p" * 32, "r", "u" * 32, "AK",
                "tagging", "v2", True, None, 200, 100, 10, 10, 1,
            )
            meter.record(use)
            os.write(1, use.request_id.encode() + b"\\n")

    for _ in range(8):
        threading.Thread(target=record).start()
    """
)


def run_and_kill(url: str, seconds: float) -> set[str]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline()]
        reading = threading.Thread(target=seen.extend, args=(process.stdout,))
        reading.start()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        reading.join()
    return {line.decode().strip() for line in seen if len(line) == 33}


def assert_all_there(database: Database, told: set[str]) -> None:
    stored = UseRepository(database).list_uses(Scope(ACCOUNT), limit=1_000_000)
    ids = [use.request_id for use in stored]
    assert len(ids) == len(set(ids))
    assert told <= set(ids)
    # What was written and not yet told is at most one record a thread, a round.
    assert len(ids) <= len(told) + 8 * ROUNDS


ROUNDS = 3


def test_whatever_was_told_is_recorded_once_after_a_kill(
    database_url: str, database: Database
) -> None:
    told: set[str] = set()
    for _ in range(ROUNDS):
        fresh = run_and_kill(database_url, random.uniform(0.02, 0.5))
        assert fresh
        told |= fresh
        assert_all_there(database, told)


def test_two_processes_share_a_database(database_url: str, database: Database) -> None:
    told: list[set[str]] = []
    both = [
        threading.Thread(target=lambda: told.append(run_and_kill(database_url, 0.4)))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert_all_there(database, set().union(*told))


def test_recording_goes_on_after_the_server_came_back(postgresql: Any) -> None:
    url = postgresql.create()
    database = open_database(url)
    migrate(database)
    repository = UseRepository(database)
    assert repository.count_uses(Scope(ACCOUNT)) == 0
    with database.reading() as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    killer = open_database(url)
    with killer.reading() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({own})")
    killer.close()
    assert repository.count_uses(Scope(ACCOUNT)) == 0
    database.close()
