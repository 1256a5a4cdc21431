"""Policies as JSON.

Owns: the grammar and limits of version 1.1 documents, and how a policy is shown. Has no opinion on:
what a policy means and where it is stored.

Limits: at most 8 statements, 100 actions in a statement, 6144 characters as compact JSON, and, as
the published model of the vendor's client says, 10 resources and 10 conditions in a statement and
128 characters in an action or a resource. The figure of 100 actions is that client's figure for
one statement; the characters bound the whole.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from huiyan.iam.policy.condition import OPERATORS, compile_condition
from huiyan.iam.policy.model import Condition, Effect, Policy, Statement
from huiyan.kernel.errors import InvalidParameterError

MAX_STATEMENTS: Final = 8
MAX_ACTIONS: Final = 100
MAX_RESOURCES: Final = 10
MAX_CONDITIONS: Final = 10
MAX_VALUES: Final = 100
"""Values of one condition; ours, the vendor names none."""
MAX_PATTERN_CHARACTERS: Final = 128
MAX_DOCUMENT_CHARACTERS: Final = 6144

_SEGMENT = r"[A-Za-z0-9_.*?-]+"
_ACTION = re.compile(rf"{_SEGMENT}:{_SEGMENT}:{_SEGMENT}")
_RESOURCE = re.compile(rf"\*|{_SEGMENT}:{_SEGMENT}:{_SEGMENT}:{_SEGMENT}:.+")
_AGENCY = re.compile(r"/iam/agencies/[A-Za-z0-9_*-]+")
_CONDITION_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}:[A-Za-z0-9_./-]{1,95}")

_POLICY_KEYS: Final = ("Version", "Statement")
_STATEMENT_KEYS: Final = ("Effect", "Action", "Resource", "Condition")


def parse_policy(value: object, *, parameter: str = "policy") -> Policy:
    """Read a policy of version 1.1, as custom policies and temporary keys carry it.

    Parameters
    ----------
    value : object
        What JSON decoding gave.
    parameter : str
        Where it stood in the body, for errors.

    Returns
    -------
    Policy
        Every pattern and value in it has been checked, so that weighing it cannot fail.

    Raises
    ------
    InvalidParameterError
        It breaks the grammar or a limit; names the field, list places counted from 0.

    Notes
    -----
    ``Action`` may be one string for a list of one, ``Resource`` too, and so may a condition's
    values. An empty ``Condition`` is none. Lists may be neither empty nor hold an entry twice; an
    empty ``Resource`` in particular is never read as "every resource". Null stands for nothing
    here, since what was meant to limit a right must not vanish.
    """
    document = _object(value, _POLICY_KEYS, parameter)
    if document.get("Version") != "1.1":
        _refuse(f"{parameter}.Version", 'must be "1.1"')
    field = f"{parameter}.Statement"
    listed = _list(document.get("Statement"), MAX_STATEMENTS, field)
    policy = Policy(
        version="1.1",
        statements=tuple(
            _parse_statement(entry, f"{field}[{place}]") for place, entry in enumerate(listed)
        ),
    )
    # Only now is the value known to be shallow and to hold nothing but text.
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(compact) > MAX_DOCUMENT_CHARACTERS:
        _refuse(parameter, f"longer than {MAX_DOCUMENT_CHARACTERS} characters as compact JSON")
    return policy


def render_policy(policy: Policy) -> dict[str, object]:
    """Show a policy as JSON.

    Parameters
    ----------
    policy : Policy
        Of either version.

    Returns
    -------
    dict
        ``Version``, ``Statement`` and, in version 1.0, ``Depends``; lists are lists even where
        the author wrote a single string.
    """
    rendered: dict[str, object] = {
        "Version": policy.version,
        "Statement": [_render_statement(statement) for statement in policy.statements],
    }
    if policy.version == "1.0":
        rendered["Depends"] = [
            {"catalog": other.catalog, "display_name": other.display_name}
            for other in policy.depends
        ]
    return rendered


def _parse_statement(value: object, parameter: str) -> Statement:
    given = _object(value, _STATEMENT_KEYS, parameter)
    effect = given.get("Effect")
    if not isinstance(effect, str) or effect not in {"Allow", "Deny"}:
        _refuse(f"{parameter}.Effect", 'must be "Allow" or "Deny"')
    field = f"{parameter}.Action"
    actions = _texts(given.get("Action"), MAX_ACTIONS, field)
    _check_patterns(actions, _ACTION, "must be service:resource:operation", field)
    return Statement(
        effect=Effect(effect),
        actions=actions,
        resources=(
            _parse_resources(given["Resource"], f"{parameter}.Resource")
            if "Resource" in given
            else ()
        ),
        conditions=(
            _parse_conditions(given["Condition"], f"{parameter}.Condition")
            if "Condition" in given
            else ()
        ),
    )


def _parse_resources(value: object, parameter: str) -> tuple[str, ...]:
    if isinstance(value, dict):
        given = _object(value, ("uri",), parameter)
        field = f"{parameter}.uri"
        agencies = _texts(given.get("uri"), MAX_RESOURCES, field)
        _check_patterns(agencies, _AGENCY, "must be /iam/agencies/<id>", field)
        return agencies
    resources = _texts(value, MAX_RESOURCES, parameter)
    _check_patterns(
        resources, _RESOURCE, "must be * or service:region:account:type:path", parameter
    )
    return resources


def _parse_conditions(value: object, parameter: str) -> tuple[Condition, ...]:
    operators = _object(value, None, parameter)
    found: list[Condition] = []
    for operator, listed in operators.items():
        if operator not in OPERATORS:
            _refuse(parameter, f"unknown operator {_clip(operator)}")
        field = f"{parameter}.{operator}"
        keys = _object(listed, None, field)
        if not keys:
            _refuse(field, "must name at least one condition key")
        for key, values in keys.items():
            if len(found) == MAX_CONDITIONS:
                _refuse(parameter, f"more than {MAX_CONDITIONS} conditions")
            if not _CONDITION_KEY.fullmatch(key):
                _refuse(field, f"{_clip(key)} is no condition key such as g:UserName")
            place = f"{field}.{key}"
            condition = Condition(operator, key, _texts(values, MAX_VALUES, place))
            compile_condition(condition, parameter=place)
            found.append(condition)
    return tuple(found)


def _object(value: object, keys: tuple[str, ...] | None, parameter: str) -> dict[str, object]:
    """Check that a value is an object; with ``keys``, that it has no others."""
    if not isinstance(value, dict):
        _refuse(parameter, "must be an object")
    for key in value:
        if not isinstance(key, str):
            _refuse(parameter, "has a key that is no text")
        if keys is not None and key not in keys:
            _refuse(parameter, f"unknown key {_clip(key)}")
    return value


def _list(value: object, most: int, parameter: str) -> list[object]:
    if not isinstance(value, list):
        _refuse(parameter, "must be a list")
    if not value:
        _refuse(parameter, "must not be empty")
    if len(value) > most:
        _refuse(parameter, f"more than {most} entries")
    return value


def _texts(value: object, most: int, parameter: str) -> tuple[str, ...]:
    """Read a list of texts, or one text for a list of one."""
    if isinstance(value, str):
        return (_text(value, parameter),)
    texts = [
        _text(entry, f"{parameter}[{place}]")
        for place, entry in enumerate(_list(value, most, parameter))
    ]
    if len(set(texts)) < len(texts):
        _refuse(parameter, "has an entry twice")
    return tuple(texts)


def _text(value: object, parameter: str) -> str:
    if not isinstance(value, str):
        _refuse(parameter, "must be text")
    if not value:
        _refuse(parameter, "must not be empty")
    if len(value) > MAX_DOCUMENT_CHARACTERS:
        _refuse(parameter, "too long")
    if not value.isprintable():
        _refuse(parameter, "has characters that cannot be printed")
    return value


def _check_patterns(
    texts: tuple[str, ...], grammar: re.Pattern[str], wanted: str, parameter: str
) -> None:
    for text in texts:
        if len(text) > MAX_PATTERN_CHARACTERS:
            _refuse(parameter, f"an entry is longer than {MAX_PATTERN_CHARACTERS} characters")
        if not grammar.fullmatch(text):
            _refuse(parameter, f"{wanted}, not {_clip(text)}")


def _render_statement(statement: Statement) -> dict[str, object]:
    rendered: dict[str, object] = {
        "Effect": statement.effect.value,
        "Action": list(statement.actions),
    }
    if statement.resources:
        resources = list(statement.resources)
        is_agencies = resources[0].startswith("/")
        rendered["Resource"] = {"uri": resources} if is_agencies else resources
    if statement.conditions:
        operators: dict[str, dict[str, list[str]]] = {}
        for condition in statement.conditions:
            operators.setdefault(condition.operator, {})[condition.key] = list(condition.values)
        rendered["Condition"] = operators
    return rendered


def _clip(text: str) -> str:
    """Quote what a caller wrote so that it can stand in an error and a log."""
    return ascii(text if len(text) <= 40 else text[:40] + "…")


def _refuse(parameter: str, detail: str) -> NoReturn:
    raise InvalidParameterError(parameter, detail)
