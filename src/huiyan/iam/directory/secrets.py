"""Opening the secrets of the access keys for the directory.

Owns: which secrets have been opened already, and what happens to one that does not open. Has no
opinion on: how secrets are sealed, and when the directory is read.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from huiyan.iam.model import SealedSecret
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccessKey

_log = structlog.get_logger(__name__)


class SecretOpener(Protocol):
    """What opens secrets; the vault itself is one."""

    def open(self, access_key: AccessKey, sealed: SealedSecret) -> bytes | None:
        """Open a secret, give None for a key to leave out, or raise ``InstanceKeyError``."""
        ...


class KnownSecrets:
    """Opens secrets for one reading; what the reading before has opened is not decrypted again.

    It holds what this reading asked for, and so never more than the directory does.

    Parameters
    ----------
    vault : Vault
        Opens the others.
    before : KnownSecrets, optional
        Of the reading before.
    """

    def __init__(self, vault: Vault, before: KnownSecrets | None = None) -> None:
        self._vault = vault
        self._before = {} if before is None else before._opened  # noqa: SLF001 - its own class
        self._opened: dict[AccessKey, tuple[SealedSecret, bytes]] = {}

    def open(self, access_key: AccessKey, sealed: SealedSecret) -> bytes:
        """Open a secret.

        Parameters
        ----------
        access_key : AccessKey
            The AK it was sealed for.
        sealed : SealedSecret
            As stored.

        Returns
        -------
        bytes
            The SK as UTF-8.

        Raises
        ------
        InstanceKeyError
            It does not open.
        """
        known = self._before.get(access_key)
        if known is None or known[0] != sealed:
            known = (sealed, self._vault.open(access_key, sealed))
        self._opened[access_key] = known
        return known[1]


class ReadableSecrets:
    """Opens the secrets that can be opened, and says loudly which cannot.

    One damaged row must not keep the process from learning that other keys, people and rights are
    withdrawn.

    Parameters
    ----------
    known : KnownSecrets
        Opens them.
    vault : Vault
        Whose keys open.
    """

    def __init__(self, known: KnownSecrets, vault: Vault) -> None:
        self._known = known
        self._vault = vault
        self._lost_ids: set[str] = set()
        self.has_unreadable = False

    def open(self, access_key: AccessKey, sealed: SealedSecret) -> bytes | None:
        """Open a secret.

        Parameters
        ----------
        access_key : AccessKey
            The AK it was sealed for.
        sealed : SealedSecret
            As stored.

        Returns
        -------
        bytes or None
            The SK as UTF-8; None if it does not open.
        """
        key_id = sealed.instance_key_id
        # Looking for an instance key reads its file: once a reading is enough.
        if key_id not in self._lost_ids:
            try:
                return self._known.open(access_key, sealed)
            except InstanceKeyError as error:
                detail = error.detail
                if key_id not in self._vault.key_ids:
                    self._lost_ids.add(key_id)
        else:
            detail = f"the instance key with id {key_id} is not here"
        self.has_unreadable = True
        _log.error("key_unreadable", access_key=access_key, detail=detail)
        return None
