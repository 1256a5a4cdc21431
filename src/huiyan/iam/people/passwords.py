"""Passwords: which are good enough, and how they are kept.

Owns: the rules for passwords, and the hash that is stored instead of one. Has no opinion on: whose
a password is, how often it may be tried, and where its hash is stored.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import argon2

from huiyan.kernel.errors import InvalidParameterError, QueueFullError, WeakPasswordError

LEAST_CHARACTERS = 6
MOST_CHARACTERS = 32
LEAST_CLASSES = 2

_AT_ONCE = 2
_PATIENCE_S = 10.0


def check_password(
    password: str,
    user_name: str,
    email: str = "",
    phone: str = "",
    parameter: str = "user.password",
) -> None:
    """See that a password meets the rules.

    Parameters
    ----------
    password : str
        The password; never part of an error's text.
    user_name : str
        Whose it becomes.
    email, phone : str, default ''
        The user's, which a password must not hold.
    parameter : str, default 'user.password'
        The field as the caller wrote it.

    Raises
    ------
    InvalidParameterError
        Its length or its characters are not allowed.
    WeakPasswordError
        It is too easily guessed.

    Notes
    -----
    ``docs/wire.md``, section "Passwords". Printable ASCII only, so that no keyboard or client that
    composes characters in another way turns it into other bytes.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise InvalidParameterError(
            parameter, f"must have {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters"
        )
    if not password.isascii() or not password.isprintable():
        raise InvalidParameterError(
            parameter, "must hold letters, digits and special characters of ASCII only"
        )
    classes = (str.isdigit, str.isupper, str.islower, lambda character: not character.isalnum())
    if sum(any(map(belongs, password)) for belongs in classes) < LEAST_CLASSES:
        raise WeakPasswordError(
            f"the password must hold characters of {LEAST_CLASSES} of four kinds: "
            "digits, upper-case letters, lower-case letters, special characters"
        )
    lowered, name = password.casefold(), user_name.casefold()
    if lowered in {name, name[::-1]}:
        raise WeakPasswordError("the password must not be the user name, nor that spelled backward")
    if any(told and told.casefold() in lowered for told in (email, phone)):
        raise WeakPasswordError("the password must not hold the email address or telephone number")


@dataclass(frozen=True, slots=True)
class HashCost:
    """What one hash of a password costs, by design.

    The defaults are OWASP's recommendation for argon2id with the least memory that still makes
    guessing on graphics cards dear: a log-in is a matter of some ten milliseconds, and the few that
    run at once stay within some tens of MiB on a machine whose memory the networks need.

    Parameters
    ----------
    memory_kib : int
        Memory, in KiB.
    passes : int
        Passes over it.
    lanes : int
        Threads.
    """

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class PasswordHasher:
    """Makes what is stored instead of a password, and compares with it; argon2id.

    Only a few computations run at once in a process, whoever asks for them: each is costly on
    purpose, so that many at once would starve everything else of memory and cores.

    Parameters
    ----------
    cost : HashCost, default HashCost()
        What a new hash costs.
    """

    def __init__(self, cost: HashCost | None = None) -> None:
        cost = cost or HashCost()
        self._argon2 = argon2.PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            type=argon2.Type.ID,
        )
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._decoy = self.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """Make what is stored instead of a password.

        Parameters
        ----------
        password : str
            The password.

        Returns
        -------
        str
            The hash with its salt and cost, in argon2's own notation.

        Raises
        ------
        QueueFullError
            Too many computations were wanted at once.
        """
        with self._slot():
            return self._argon2.hash(_encode(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether a password is the one that was stored.

        Parameters
        ----------
        stored : str or None
            From ``hash``; None where there is no such user or no password: then the same work is
            done in vain, so that the time tells nothing.
        password : str
            What was given.

        Returns
        -------
        bool
            Whether it is; never for None, nor for what is no hash.

        Raises
        ------
        QueueFullError
            Too many computations were wanted at once.
        """
        given = _encode(password)
        with self._slot():
            if stored is not None:
                try:
                    return self._argon2.verify(stored, given)
                except argon2.exceptions.InvalidHashError:
                    pass
                except argon2.exceptions.VerificationError:
                    return False
            try:
                self._argon2.verify(self._decoy, given)
            except argon2.exceptions.VerificationError:
                return False
            return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether a hash was made at another cost than new ones are.

        Parameters
        ----------
        stored : str
            From ``hash``; the password was found to fit it.

        Returns
        -------
        bool
            Whether it is time to store a new one.
        """
        return self._argon2.check_needs_rehash(stored)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_PATIENCE_S):
            raise QueueFullError("too many passwords are being checked")
        try:
            yield
        finally:
            self._slots.release()


def _encode(password: str) -> bytes:
    """Encode any text, also what is no proper Unicode: it is a wrong password, not a fault."""
    return password.encode("utf-8", "surrogatepass")
