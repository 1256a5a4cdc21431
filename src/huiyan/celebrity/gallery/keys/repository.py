"""The data keys of galleries, as secrets of the installation.

Owns: every statement about them, so that they follow a change of the instance key. Has no opinion
on: what is encrypted under a data key.
"""

from __future__ import annotations

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.rows.repository import state_of
from huiyan.iam.vault import Vault
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.persistence.database import Database
from huiyan.persistence.gallery_schema import GALLERY
from huiyan.persistence.query import Scope, select_everywhere, update_in


class GalleryKeys:
    """Tells under which instance keys data keys are, and seals them anew.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored_key_ids(self) -> frozenset[str]:
        """Tell under which instance keys data keys are stored.

        Returns
        -------
        frozenset of str
            Ids of instance keys.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_everywhere("the instance key opens the data keys of all", GALLERY)
            .where(GALLERY.c.instance_key_id.is_not(None))
            .with_only_columns(GALLERY.c.instance_key_id)
            .distinct()
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(query).scalars())

    def reseal(self, vault: Vault, *, most: int) -> int:
        """Seal anew some data keys that are under other instance keys, all or none.

        Parameters
        ----------
        vault : Vault
            Opens and seals.
        most : int
            How many in this transaction.

        Returns
        -------
        int
            How many were looked at; 0 if none is left.

        Raises
        ------
        InstanceKeyError
            One does not open.
        DatabaseError
            The database failed.
        """
        gallery = GALLERY.c
        cipher = GalleryCipher(vault)
        query = (
            select_everywhere("the instance key seals the data keys of all", GALLERY)
            .where(gallery.instance_key_id.is_not(None), gallery.instance_key_id != vault.key_id)
            .order_by(gallery.project_id)
            .limit(most)
        )
        with self._database.writing() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                state = state_of(row)
                fresh = cipher.reseal(state)
                scope = Scope(AccountId(row.account_id), ProjectId(row.project_id))
                connection.execute(
                    update_in(scope, GALLERY)
                    .where(
                        gallery.id == state.id,
                        gallery.instance_key_id == state.instance_key_id,
                    )
                    .values(sealed_key=fresh.ciphertext, instance_key_id=fresh.instance_key_id)
                )
        return len(rows)
