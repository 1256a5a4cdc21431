"""A capacity that several parties share, so that none can take it all.

Owns: the rule by which a party may take more, and the count of what each holds. Has no opinion on:
what is shared, who the parties are, and what a refusal means.

The rule: whoever holds something may take more only while it then holds at most `SHARE_OF_FREE`
times what is left free; whoever holds nothing may take what is free. So a party that is alone has
at most eight ninths, *k* greedy ones come to leave ``1 / (1 + 8 k)``, the last piece is kept for a
newcomer, and what comes back goes to those who hold little until all hold alike.

Notes
-----
The bound moves with the load, so nobody has to say in advance how many parties there are:
Choudhury and Hahne, "Dynamic queue length thresholds", doi:10.1109/90.664262.
"""

from __future__ import annotations

from collections.abc import Hashable

SHARE_OF_FREE = 8
"""How many times what is left free one party may hold."""


class Shares:
    """Counts who holds what of a capacity; not thread-safe.

    Parameters
    ----------
    capacity : int
        What there is to hold in all, at least 1.
    """

    __slots__ = ("_capacity", "_held", "_used")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: dict[Hashable, int] = {}
        self._used = 0

    @property
    def used(self) -> int:
        """What all hold together."""
        return self._used

    def fits(self, party: Hashable, amount: int, own: int = 0) -> bool:
        """Tell whether a party may take more.

        Parameters
        ----------
        party : Hashable
            Who asks.
        amount : int
            How much more, at least 0.
        own : int
            What the party holds already for the very thing that needs more, at least 0.

        Returns
        -------
        bool
            Whether it may. A thing that is alone always may, however large it is.
        """
        if self._used == own:
            return True
        free = self._capacity - self._used - amount
        if free < 0:
            return False
        held = self._held.get(party, 0)
        return held == own or held + amount <= SHARE_OF_FREE * free

    def take(self, party: Hashable, amount: int) -> None:
        """Count what a party takes, whether it fits or not.

        Parameters
        ----------
        party : Hashable
            Who takes it.
        amount : int
            How much, at least 0.
        """
        if amount:
            self._held[party] = self._held.get(party, 0) + amount
            self._used += amount

    def give_back(self, party: Hashable, amount: int) -> None:
        """Count what a party gives back; who holds nothing is forgotten.

        Parameters
        ----------
        party : Hashable
            Who took it.
        amount : int
            How much, at most what it holds.
        """
        if amount:
            left = self._held[party] - amount
            if left:
                self._held[party] = left
            else:
                del self._held[party]
            self._used -= amount
