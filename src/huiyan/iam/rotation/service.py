"""Replacing the instance key while servers run.

Owns: the order of the steps, so that at every moment whoever reads the key file can open every
stored secret, and a process that is killed between any two steps leaves what the next run takes up.
Has no opinion on: who asks for it, and how it is shown.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from huiyan.iam.model import SealedSecret
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.rotation.key_file import KEY_BYTES, InstanceKeys, KeyFile
from huiyan.iam.rotation.repository import RotationRepository, StoredSecret
from huiyan.iam.vault import Vault, key_id_of
from huiyan.kernel.errors import InstanceKeyError
from huiyan.persistence.database import BUSY_TIMEOUT_S

SETTLE_S = BUSY_TIMEOUT_S + 2.0
"""A server looks for the new key before it seals, and may then wait this long to store the row."""

BATCH_ROWS = 100
_MOST_ROUNDS = 10

LastStep = Literal["prepare", "seal", "drop"]
"""How far a run goes: the new key opens; it seals, too; the old ones are gone."""

Stage = Literal["prepared", "written", "batch", "sealed", "settling", "dropped", "restored"]
"""What has just been done, in words for whoever watches."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a run did.

    Parameters
    ----------
    key_id : str
        The id of the instance key that seals now.
    resealed : int
        Secrets that were sealed anew.
    dropped_ids : tuple of str
        Ids of the instance keys that are gone now.
    remaining_ids : tuple of str
        Ids of the other instance keys that still open.
    is_from_file : bool
        Whether the keys stand in the key file; otherwise the operator has to change the setting.
    """

    key_id: str
    resealed: int
    dropped_ids: tuple[str, ...]
    remaining_ids: tuple[str, ...]
    is_from_file: bool


class SealedStore(Protocol):
    """Secrets of one kind, each stored with the id of the instance key that it is under."""

    def stored_key_ids(self) -> frozenset[str]:
        """Tell under which instance keys its secrets are."""
        ...

    def reseal(self, vault: Vault, *, most: int) -> int:
        """Seal anew some that are under other keys than the one that seals; 0 if none was left.

        All of them in one transaction or none.
        """
        ...


class _AccessKeys:
    """The secrets of access keys, as a kind like any other."""

    def __init__(self, repository: RotationRepository, identities: IdentityRepository) -> None:
        self._repository = repository
        self._identities = identities

    def stored_key_ids(self) -> frozenset[str]:
        return self._identities.stored_key_ids()

    def reseal(self, vault: Vault, *, most: int) -> int:
        def anew(stored: StoredSecret) -> SealedSecret:
            secret = vault.open(stored.access_key, stored.sealed)
            return vault.seal(stored.access_key, secret.decode())

        return self._repository.reseal(vault.key_id, anew, most=most)


class RotationService:
    """Replaces the instance key.

    Parameters
    ----------
    repository : RotationRepository
        Where secrets are stored.
    identities : IdentityRepository
        Tells under which keys they are.
    vault : Vault
        Opens and seals; follows the key file if there is one.
    key_file : KeyFile or None
        Where the keys stand; None if the environment gives them.
    pause : callable, optional
        Waits for so many seconds.
    others : sequence of SealedStore, optional
        What is stored under the instance key beside the secrets of access keys.
    """

    def __init__(  # noqa: PLR0913 -- all are needed, and none belongs to another
        self,
        repository: RotationRepository,
        identities: IdentityRepository,
        vault: Vault,
        key_file: KeyFile | None,
        pause: Callable[[float], None] = time.sleep,
        *,
        others: Sequence[SealedStore] = (),
    ) -> None:
        self._repository = repository
        self._stores: tuple[SealedStore, ...] = (_AccessKeys(repository, identities), *others)
        self._vault = vault
        self._key_file = key_file
        self._pause = pause

    def rotate(
        self, last_step: LastStep = "drop", watch: Callable[[Stage, int], None] = lambda *_: None
    ) -> Rotation:
        """Replace the key, or take up a replacement that was cut short.

        Parameters
        ----------
        last_step : {'prepare', 'seal', 'drop'}, default 'drop'
            How far to go. A key that an earlier run prepared is taken into use instead of a fresh
            one.
        watch : callable, optional
            Told of each stage with the number of secrets sealed anew so far.

        Returns
        -------
        Rotation
            What was done.

        Raises
        ------
        InstanceKeyError
            A key is missing or a secret was altered, the file cannot be replaced, somebody else
            rotates, or the environment gives the keys and not two of them.
        DatabaseError
            The database failed; run it again.
        """
        if self._key_file is None:
            return self._reseal_for_environment(last_step, watch)
        with self._key_file.locked():
            keys = self._key_file.get()
            self._vault.reload()
            self._vault.require(self._stored_key_ids())
            if last_step == "prepare":
                return self._prepare(self._key_file, keys, watch)
            if keys.prepared is not None or not keys.older:
                keys = self._write_new(self._key_file, keys)
            self._tell()
            watch("written", 0)
            done = self._reseal(watch, 0)
            if last_step == "seal":
                return self._rotation(keys, done, ())
            done, dropped = self._drop(self._key_file, keys, watch, done)
            return self._rotation(InstanceKeys(keys.sealing), done, dropped)

    def _prepare(
        self, file: KeyFile, keys: InstanceKeys, watch: Callable[[Stage, int], None]
    ) -> Rotation:
        if keys.prepared is None:
            keys = InstanceKeys(keys.sealing, keys.older, secrets.token_bytes(KEY_BYTES))
            file.replace(keys)
            self._tell()
        watch("prepared", 0)
        return self._rotation(keys, 0, ())

    def _write_new(self, file: KeyFile, keys: InstanceKeys) -> InstanceKeys:
        fresh = keys.prepared if keys.prepared is not None else secrets.token_bytes(KEY_BYTES)
        keys = InstanceKeys(fresh, (keys.sealing, *keys.older))
        file.replace(keys)
        return keys

    def _reseal(self, watch: Callable[[Stage, int], None], done: int) -> int:
        for store in self._stores:
            while moved := store.reseal(self._vault, most=BATCH_ROWS):
                done += moved
                watch("batch", done)
        watch("sealed", done)
        return done

    def _stored_key_ids(self) -> frozenset[str]:
        return frozenset().union(*(store.stored_key_ids() for store in self._stores))

    def _drop(
        self,
        file: KeyFile,
        keys: InstanceKeys,
        watch: Callable[[Stage, int], None],
        done: int,
    ) -> tuple[int, tuple[str, ...]]:
        """Take the old keys away once nothing needs them, and put them back if something does."""
        for _ in range(_MOST_ROUNDS):
            watch("settling", done)
            self._pause(SETTLE_S)
            before, done = done, self._reseal(watch, done)
            if done != before:
                continue
            file.replace(InstanceKeys(keys.sealing))
            self._tell()
            watch("dropped", done)
            if self._stored_key_ids() <= {key_id_of(keys.sealing)}:
                return done, tuple(key_id_of(key) for key in keys.older)
            file.replace(keys)
            self._tell()
            watch("restored", done)
        raise InstanceKeyError(
            "new secrets are still being sealed under an old instance key: some server does not "
            "see the new key file. Restart it, copy the file to every machine, and run this again"
        )

    def _reseal_for_environment(
        self, last_step: LastStep, watch: Callable[[Stage, int], None]
    ) -> Rotation:
        self._vault.require(self._stored_key_ids())
        others = tuple(sorted(self._vault.key_ids - {self._vault.key_id}))
        if not others or last_step == "prepare":
            raise InstanceKeyError(
                "HUIYAN_INSTANCE_KEY gives the instance key, so only you can change it: make a "
                "key (openssl rand -hex 32), set HUIYAN_INSTANCE_KEY to NEW,OLD for every server "
                "and for this command, restart the servers, and run this again"
            )
        done = self._reseal(watch, 0)
        return Rotation(self._vault.key_id, done, (), others, is_from_file=False)

    def _tell(self) -> None:
        """Take the file's keys at once, and have every server do so within a second."""
        self._vault.reload()
        self._repository.tell_processes()

    def _rotation(
        self, keys: InstanceKeys, resealed: int, dropped_ids: tuple[str, ...]
    ) -> Rotation:
        sealing, *others = (key_id_of(key) for key in keys.opening)
        return Rotation(sealing, resealed, dropped_ids, tuple(others), is_from_file=True)
