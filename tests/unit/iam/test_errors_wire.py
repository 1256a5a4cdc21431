import json

import pytest

from huiyan.iam.errors_wire import render_fault
from huiyan.kernel import errors


def leaves(kind: type[errors.HuiyanError]) -> list[type[errors.HuiyanError]]:
    children = kind.__subclasses__()
    return [leaf for child in children for leaf in leaves(child)] if children else [kind]


def example(kind: type[errors.HuiyanError]) -> errors.HuiyanError:
    if kind is errors.InvalidParameterError:
        return errors.InvalidParameterError("page", "wrong")
    return kind("something")


@pytest.mark.parametrize("kind", leaves(errors.HuiyanError), ids=lambda kind: kind.__name__)
def test_every_fault_has_a_row_in_iams_shape(kind: type[errors.HuiyanError]) -> None:
    fault = render_fault(example(kind))
    body = json.loads(json.dumps(fault.body()))
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "title"}
    assert body["error"]["code"] == fault.status
    assert fault.message


@pytest.mark.parametrize("kind", leaves(errors.OperatorError), ids=lambda kind: kind.__name__)
def test_what_the_operator_must_mend_is_not_told_to_the_caller(
    kind: type[errors.HuiyanError],
) -> None:
    assert "something" not in render_fault(kind("something")).message


def test_a_branch_without_a_row_is_an_error_of_ours() -> None:
    with pytest.raises(LookupError):
        render_fault(errors.HuiyanError())
