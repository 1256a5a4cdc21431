"""Every error has its row on every wire, and the tree is drawn as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from huiyan.gateway import errors_wire as gateway_wire
from huiyan.iam import errors_wire as iam_wire
from huiyan.kernel import errors
from huiyan.kernel.ids import RequestId

ON_THE_WIRE = (
    errors.RequestError,
    errors.AccessError,
    errors.OverloadError,
    errors.RecordingError,
    errors.InferenceError,
)
OWN_RENDERING = {errors.UnknownKeyError}
"""Rendered with the key in the text, by a line of its own instead of a row."""


def leaves(kind: type[errors.HuiyanError]) -> Iterator[type[errors.HuiyanError]]:
    below = kind.__subclasses__()
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


LEAVES = [leaf for branch in ON_THE_WIRE for leaf in leaves(branch)]


def make(kind: type[errors.HuiyanError]) -> errors.HuiyanError:
    if kind is errors.InvalidParameterError:
        return errors.InvalidParameterError("limit", "must be an integer")
    return kind("some detail")


def test_the_tree_has_leaves() -> None:
    assert len(LEAVES) > 25


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_leaf_has_its_own_row_at_the_gateway(leaf: type[errors.HuiyanError]) -> None:
    assert leaf in gateway_wire.TABLE or leaf in OWN_RENDERING


@pytest.mark.parametrize(
    "leaf", [*LEAVES, *leaves(errors.OperatorError)], ids=lambda leaf: leaf.__name__
)
def test_every_leaf_renders_as_a_vendor_error(leaf: type[errors.HuiyanError]) -> None:
    reply = gateway_wire.render_error(make(leaf), RequestId("0" * 32))
    body = json.loads(reply.body)
    assert set(body) == {"error_code", "error_msg", "request_id"}
    assert 400 <= reply.status < 500
    assert re.fullmatch(r"(AIS|APIGW|ModelArts)\.[0-9]{4}", body["error_code"])
    assert body["error_msg"]
    assert reply.error_code == body["error_code"]


@pytest.mark.parametrize(
    "leaf", [*LEAVES, *leaves(errors.OperatorError)], ids=lambda leaf: leaf.__name__
)
def test_every_leaf_renders_as_an_iam_error(leaf: type[errors.HuiyanError]) -> None:
    fault = iam_wire.render_fault(make(leaf))
    body = fault.body()["error"]
    assert body["code"] == fault.status >= 400
    assert body["message"]
    assert body["title"]


def test_no_row_is_for_a_stranger() -> None:
    assert all(issubclass(kind, errors.HuiyanError) for kind in gateway_wire.TABLE)


def test_an_operators_fault_reveals_nothing_to_callers() -> None:
    for leaf in leaves(errors.OperatorError):
        reply = gateway_wire.render_error(leaf("/srv/secret/path"), RequestId("0" * 32))
        assert b"secret" not in reply.body


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"^[ │├└─]*([A-Z]\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    names = set(drawn)
    real = {"HuiyanError"}
    pending = [errors.HuiyanError]
    while pending:
        for child in pending.pop().__subclasses__():
            if child.__module__ == errors.__name__:
                real.add(child.__name__)
                pending.append(child)
    assert names == real
