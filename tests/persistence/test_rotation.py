"""Replacing the instance key: nothing is ever out of reach, whenever a process dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from huiyan.iam.bootstrap import first_start, new_key
from huiyan.iam.model import IssuedKey, NewKey, SealedSecret
from huiyan.iam.repository import IdentityRepository, insert_key
from huiyan.iam.rotation.key_file import InstanceKeys, KeyFile
from huiyan.iam.rotation.repository import RotationRepository
from huiyan.iam.rotation.service import SETTLE_S, RotationService, Stage
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault, key_id_of, open_vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccountId, UserId
from huiyan.persistence.database import BUSY_TIMEOUT_S, Database, open_database
from huiyan.persistence.schema import ACCESS_KEY

# Forks a process for each line it reads: that one rotates, and dies at the moment of that number.
ROTATE = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from huiyan.iam.repository import IdentityRepository
    from huiyan.iam.rotation.key_file import KeyFile
    from huiyan.iam.rotation.repository import RotationRepository
    from huiyan.iam.rotation import service
    from huiyan.iam.vault import open_vault
    from huiyan.persistence.database import open_database

    url, path = sys.argv[1], Path(sys.argv[2])
    service.BATCH_ROWS = 3
    left = 0

    def moment(*_):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def around(owner, name):
        deed = getattr(owner, name)
        def told(*arguments, **named):
            moment()
            answer = deed(*arguments, **named)
            moment()
            return answer
        setattr(owner, name, told)

    around(KeyFile, "replace")
    around(os, "replace")
    around(RotationRepository, "tell_processes")
    around(RotationRepository, "reseal")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            left = int(line)
            database = open_database(url)
            identities = IdentityRepository(database)
            vault = open_vault(None, path, identities.stored_key_ids())
            service.RotationService(
                RotationRepository(database), identities, vault, KeyFile(path), pause=moment
            ).rotate()
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)
    """
)


class House:
    """An installation with some keys, whose secrets are known to the test."""

    def __init__(self, database: Database, url: str, path: Path, secrets: int = 7) -> None:
        self.database, self.url, self.file = database, url, KeyFile(path)
        self.identities = IdentityRepository(database)
        vault = self.vault()
        made = first_start(self.identities, vault, ("cn-north-4",), SystemClock())
        assert made is not None
        self.account_id, self.user_id = made.account.id, made.owner.id
        self.known = {made.key.access_key: made.key.secret_key}
        for _ in range(secrets):
            self.issue(vault)
        with database.writing() as connection:
            last = list(self.known)[-1]
            stopped = update(ACCESS_KEY).where(ACCESS_KEY.c.access == last)
            connection.execute(stopped.values(status="inactive"))

    def vault(self) -> Vault:
        return open_vault(None, self.file.path, self.identities.stored_key_ids())

    def issue(self, vault: Vault) -> IssuedKey:
        key = new_key()
        self.store(vault, key)
        return key

    def store(self, vault: Vault, key: IssuedKey) -> None:
        sealed = vault.seal(key.access_key, key.secret_key)
        row = NewKey(key.access_key, UserId(self.user_id), sealed, "")
        with self.database.changing() as connection:
            insert_key(connection, AccountId(self.account_id), row, datetime.now(UTC))
        self.known[key.access_key] = key.secret_key

    def rotation(self, pause: Callable[[float], None] = lambda _: None) -> RotationService:
        return RotationService(
            RotationRepository(self.database),
            self.identities,
            self.vault(),
            self.file,
            pause=pause,
        )

    def assert_all_open(self, vault: Vault) -> None:
        with self.database.reading() as connection:
            rows = connection.execute(select(ACCESS_KEY)).all()
        opened = {
            row.access: vault.open(
                row.access, SealedSecret(bytes(row.secret_ciphertext), row.instance_key_id)
            ).decode()
            for row in rows
        }
        assert opened == self.known


@pytest.fixture
def house(database: Database, database_url: str, tmp_path: Path) -> House:
    return House(database, database_url, tmp_path / "instance.key")


def test_every_secret_is_under_the_new_key_and_the_old_one_is_gone(house: House) -> None:
    old = house.file.get().sealing
    before = house.identities.revision()
    done = house.rotation().rotate()
    keys = house.file.get()
    assert keys == InstanceKeys(keys.sealing)
    assert keys.sealing != old
    assert done.key_id == key_id_of(keys.sealing)
    assert (done.resealed, done.dropped_ids, done.remaining_ids) == (8, (key_id_of(old),), ())
    assert house.identities.stored_key_ids() == {done.key_id}
    assert house.identities.revision() > before
    house.assert_all_open(house.vault())
    with pytest.raises(InstanceKeyError):
        house.assert_all_open(Vault(old))


def test_at_every_stage_servers_old_and_new_open_every_secret(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.iam.rotation.service.BATCH_ROWS", 3)
    running = house.vault()
    server = IdentityService(house.identities, house.vault(), SystemClock())
    stages: list[Stage] = []

    def look(stage: Stage, _resealed: int) -> None:
        stages.append(stage)
        house.assert_all_open(house.vault())
        house.assert_all_open(running)
        server.refresh()
        secrets = {key: usable.secret.decode() for key, usable in server.directory.keys.items()}
        assert secrets.items() <= house.known.items()
        assert len(secrets) == len(house.known) - 1
        house.issue(running)

    house.rotation().rotate(watch=look)
    assert stages[:4] == ["written", "batch", "batch", "batch"]
    assert stages[-1] == "dropped"
    house.assert_all_open(running)
    assert running.key_ids == {key_id_of(house.file.get().sealing)}


def test_whoever_is_killed_at_any_moment_leaves_what_the_next_run_takes_up(house: House) -> None:
    command = [sys.executable, "-c", ROTATE, house.url, str(house.file.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None

        def is_killed_at(moment: int) -> bool:
            print(moment, file=nursery.stdin, flush=True)
            status = int(nursery.stdout.readline())
            assert status in {0, signal.SIGKILL}
            house.assert_all_open(house.vault())
            return status != 0

        # Starting anew takes a server's connections longer: there every third moment must do.
        moment, stride = 0, 1 if house.url.startswith("sqlite") else 3
        while is_killed_at(moment):
            is_killed_at(moment // 2)
            house.rotation().rotate()
            keys = house.file.get()
            assert keys == InstanceKeys(keys.sealing)
            assert house.identities.stored_key_ids() == {key_id_of(keys.sealing)}
            house.assert_all_open(house.vault())
            moment += stride
        nursery.stdin.close()
    assert moment >= 19
    assert [found.name for found in house.file.path.parent.glob("instance.key*")] == [
        "instance.key"
    ]


def test_a_rotation_cut_short_is_taken_up_with_its_own_new_key(house: House) -> None:
    house.rotation().rotate("seal")
    cut_short = house.file.get()
    assert len(cut_short.older) == 1
    house.rotation().rotate()
    assert house.file.get() == InstanceKeys(cut_short.sealing)


def test_a_secret_stored_late_under_the_old_key_is_found_before_the_key_is_dropped(
    house: House,
) -> None:
    old = Vault(house.file.get().sealing)
    late = iter([old, old])

    def pause(seconds: float) -> None:
        assert seconds == SETTLE_S > BUSY_TIMEOUT_S
        vault = next(late, None)
        if vault is not None:
            house.issue(vault)

    done = house.rotation(pause=pause).rotate()
    assert done.resealed == 10
    house.assert_all_open(house.vault())


def test_a_secret_stored_at_the_last_moment_brings_the_old_key_back(house: House) -> None:
    old = Vault(house.file.get().sealing)
    stages: list[Stage] = []

    def watch(stage: Stage, _resealed: int) -> None:
        stages.append(stage)
        if stages.count("dropped") == 1 and stage == "dropped":
            house.issue(old)

    house.rotation().rotate(watch=watch)
    assert stages.count("restored") == 1
    assert stages[-1] == "dropped"
    house.assert_all_open(house.vault())
    assert house.file.get().older == ()


def test_a_server_that_never_learns_keeps_the_old_key_alive_and_is_told_of(house: House) -> None:
    old = Vault(house.file.get().sealing)
    rotation = house.rotation(pause=lambda _: house.issue(old))
    with pytest.raises(InstanceKeyError, match="does not see the new key file"):
        rotation.rotate()
    assert len(house.file.get().older) == 1
    house.assert_all_open(house.vault())


def test_servers_that_make_keys_all_the_while_lose_none(house: House) -> None:
    done = threading.Event()

    def serve() -> None:
        vault = house.vault()
        while not done.is_set():
            house.issue(vault)

    serving = threading.Thread(target=serve)
    serving.start()
    for _ in range(2):
        house.rotation(pause=lambda _: time.sleep(0.2)).rotate()
    done.set()
    serving.join()
    house.assert_all_open(house.vault())
    assert house.file.get().older == ()


def test_several_machines_change_over_step_by_step(house: House, tmp_path: Path) -> None:
    other_path = tmp_path / "other" / "instance.key"
    other_path.parent.mkdir()

    def carry() -> None:
        draft = other_path.with_suffix(".new")
        draft.touch(0o600)
        draft.write_bytes(house.file.path.read_bytes())
        draft.replace(other_path)

    carry()
    other = open_vault(None, other_path, house.identities.stored_key_ids())
    house.rotation().rotate("prepare")
    carry()
    for step in ("prepare", "prepare"):
        assert house.rotation().rotate(step).resealed == 0
    assert house.issue(house.vault())
    house.assert_all_open(other)
    house.rotation().rotate("seal")
    house.assert_all_open(other)
    house.issue(other)
    house.assert_all_open(house.vault())
    carry()
    house.rotation().rotate()
    house.issue(other)
    house.assert_all_open(other)
    house.assert_all_open(house.vault())
    carry()
    house.assert_all_open(other)
    assert len(house.file.get().opening) == 1


def test_an_altered_secret_stops_the_rotation_and_nothing_is_lost(house: House) -> None:
    victim = next(iter(house.known))
    with house.database.writing() as connection:
        connection.execute(
            update(ACCESS_KEY)
            .where(ACCESS_KEY.c.access == victim)
            .values(secret_ciphertext=b"x" * 60)
        )
    with pytest.raises(InstanceKeyError, match=f"{victim} was altered: restore"):
        house.rotation().rotate()
    assert len(house.file.get().older) == 1


def test_keys_of_the_environment_are_left_to_the_operator(house: House, tmp_path: Path) -> None:
    old = house.file.get().sealing
    only = tmp_path / "elsewhere"

    def rotate(configured: str) -> object:
        vault = open_vault(configured, only, house.identities.stored_key_ids())
        return RotationService(
            RotationRepository(house.database), house.identities, vault, None, lambda _: None
        ).rotate()

    with pytest.raises(InstanceKeyError, match="HUIYAN_INSTANCE_KEY to NEW,OLD"):
        rotate(old.hex())
    new = bytes(range(32))
    done = rotate(f"{new.hex()},{old.hex()}")
    assert getattr(done, "resealed", 0) == 8
    assert getattr(done, "remaining_ids", ()) == (key_id_of(old),)
    house.assert_all_open(Vault(new))
    assert house.file.get().sealing == old
    assert not only.exists()


def test_a_key_whose_secrets_nobody_can_open_is_asked_for_before_anything_changes(
    house: House,
) -> None:
    key = house.file.get()
    house.issue(Vault(bytes(32)))
    with pytest.raises(InstanceKeyError, match=key_id_of(bytes(32))):
        RotationService(
            RotationRepository(house.database),
            house.identities,
            Vault(key.sealing, source=house.file),
            house.file,
        ).rotate()
    assert house.file.get() == key


def test_an_empty_database_gets_a_new_key_all_the_same(database: Database, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "instance.key")
    identities = IdentityRepository(database)
    vault = open_vault(None, file.path, identities.stored_key_ids())
    before = vault.key_id
    RotationService(RotationRepository(database), identities, vault, file, lambda _: None).rotate()
    assert vault.key_id != before


def test_the_key_that_a_process_opened_with_is_read_again_in_another_database(
    house: House,
) -> None:
    again = open_database(house.url)
    house.rotation().rotate()
    identities = IdentityRepository(again)
    assert open_vault(None, house.file.path, identities.stored_key_ids()).key_id in (
        identities.stored_key_ids()
    )
    again.close()
