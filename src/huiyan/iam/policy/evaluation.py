"""Whether a call may go on: roles, policies and a narrowing policy weighed against each other.

Owns: how Allow and Deny of several roles add up. Has no opinion on: who holds which role, where a
role is valid, and which action a route needs.

The rules:

1. A Deny in a policy of version 1.1 beats every Allow.
2. A Deny in a role of version 1.0 takes away from the same role only, so that the Deny of
   ``identity`` in Tenant Guest leaves the rights of Security Administrator alone.
3. What nothing allows is refused.
4. A narrowing policy only takes away: it must allow the call too, and its Deny refuses.

The order of roles and statements has no say; of several statements that would decide alike, the
reason names the one whose role comes first in the alphabet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import Pattern

from huiyan.iam.policy.condition import CompiledCondition, compile_condition
from huiyan.iam.policy.matching import ActionMatcher, compile_actions, compile_resources
from huiyan.iam.policy.model import AccessRequest, Decision, Effect, Policy, Role

_KEPT_POLICIES = 1024
"""Prepared policies kept in memory: 1.5 KiB each as people write them, 200 KiB at the very most."""
_KEPT_NARROWINGS = 128
"""The same for narrowing policies, which cost nobody anything to make: they have a memory of their
own, so that no number of them drives out the policies of every account."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A request in the forms that statements are compared with."""

    request: AccessRequest
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """A statement, ready for comparison."""

    number: int
    actions: ActionMatcher
    resources: Pattern[str] | None
    conditions: tuple[CompiledCondition, ...]
    is_deny: bool

    def applies(self, question: _Question) -> bool:
        if not self.actions.fits(question.action):
            return False
        if self.resources is not None and not self.resources.fullmatch(question.resource):
            return False
        context = question.request.context
        if self.is_deny:
            return all(condition.holds(context) is not False for condition in self.conditions)
        return all(condition.holds(context) is True for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class _Rules:
    """A policy, ready for comparison."""

    denying: tuple[_Rule, ...]
    allowing: tuple[_Rule, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one policy says: the numbers of the first statements that deny and that allow."""

    denies: int | None
    allows: int | None


def decide(
    roles: Sequence[Role], request: AccessRequest, narrowing: Policy | None = None
) -> Decision:
    """Decide whether the holder of some roles may do something.

    Parameters
    ----------
    roles : sequence of Role
        Those that the caller holds and that are valid where the call goes; the order has no say.
    request : AccessRequest
        What the caller wants to do.
    narrowing : Policy or None
        The policy that a temporary key was issued with.

    Returns
    -------
    Decision
        With the statement that decided.
    """
    question = _ask(request)
    findings = [(role, _look(_prepare(role.policy), question)) for role in roles]
    refusal = _refusal(findings, narrowing, question)
    if refusal is not None:
        return refusal
    allowing = [
        (role, finding.allows)
        for role, finding in findings
        if finding.allows is not None and finding.denies is None
    ]
    if allowing:
        return Decision(allowed=True, reason=_reason(allowing, "allows"))
    taken_away = [
        (role, finding.denies)
        for role, finding in findings
        if finding.allows is not None and finding.denies is not None
    ]
    if taken_away:
        return Decision(allowed=False, reason=_reason(taken_away, "denies"))
    return Decision(allowed=False, reason=f"no statement allows {request.action}")


def admits(
    roles: Sequence[Role], request: AccessRequest, narrowing: Policy | None = None
) -> Decision:
    """Decide on a call that any role of the system is enough for.

    Parameters
    ----------
    roles : sequence of Role
        Those that the caller holds and that are valid where the call goes; the order has no say.
    request : AccessRequest
        What the caller wants to do.
    narrowing : Policy or None
        The policy that a temporary key was issued with.

    Returns
    -------
    Decision
        With the role or statement that decided.

    Notes
    -----
    The vendor's product text has Tenant Guest, which lets only read, suffice for recognition and
    for opening the service. A custom policy is written for a purpose, so it admits only what it
    allows; its Deny refuses here as everywhere.
    """
    system = [role for role in roles if role.is_system]
    if not system:
        return decide(roles, request, narrowing)
    question = _ask(request)
    findings = [(role, _look(_prepare(role.policy), question)) for role in roles]
    refusal = _refusal(findings, narrowing, question)
    if refusal is not None:
        return refusal
    return Decision(allowed=True, reason=f"{_label(min(system, key=_alphabet))}: the role admits")


def _ask(request: AccessRequest) -> _Question:
    action = request.action.lower()
    resource = request.resource or action.partition(":")[0] + "::::"
    return _Question(request, action, resource)


def _refusal(
    findings: Iterable[tuple[Role, _Finding]], narrowing: Policy | None, question: _Question
) -> Decision | None:
    """Find what refuses whatever the roles allow."""
    denying = [
        (role, finding.denies)
        for role, finding in findings
        if finding.denies is not None and role.policy.version == "1.1"
    ]
    if denying:
        return Decision(allowed=False, reason=_reason(denying, "denies"))
    if narrowing is None:
        return None
    finding = _look(_prepare_narrowing(narrowing), question)
    if finding.denies is not None:
        return Decision(
            allowed=False, reason=f"narrowing policy: statement {finding.denies} denies"
        )
    if finding.allows is None:
        return Decision(
            allowed=False,
            reason=f"narrowing policy: no statement allows {question.request.action}",
        )
    return None


def _look(rules: _Rules, question: _Question) -> _Finding:
    return _Finding(_first(rules.denying, question), _first(rules.allowing, question))


def _first(rules: Iterable[_Rule], question: _Question) -> int | None:
    for rule in rules:
        if rule.applies(question):
            return rule.number
    return None


@lru_cache(maxsize=_KEPT_POLICIES)
def _prepare(policy: Policy) -> _Rules:
    return _compile(policy)


@lru_cache(maxsize=_KEPT_NARROWINGS)
def _prepare_narrowing(policy: Policy) -> _Rules:
    return _compile(policy)


def _compile(policy: Policy) -> _Rules:
    rules = [
        _Rule(
            number=number,
            actions=compile_actions(statement.actions, policy.version),
            resources=compile_resources(statement.resources),
            conditions=tuple(compile_condition(condition) for condition in statement.conditions),
            is_deny=statement.effect is Effect.DENY,
        )
        for number, statement in enumerate(policy.statements, start=1)
    ]
    return _Rules(
        denying=tuple(rule for rule in rules if rule.is_deny),
        allowing=tuple(rule for rule in rules if not rule.is_deny),
    )


def _reason(found: Iterable[tuple[Role, int]], verb: str) -> str:
    role, number = min(found, key=lambda pair: (*_alphabet(pair[0]), pair[1]))
    return f"{_label(role)}: statement {number} {verb}"


def _alphabet(role: Role) -> tuple[str, str]:
    return (_label(role), role.id)


def _label(role: Role) -> str:
    return role.display_name if role.is_system else f"custom policy {role.display_name}"
