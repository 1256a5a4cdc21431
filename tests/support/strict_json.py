"""JSON against its schema, as strictly as clients in Go, .NET and Java read it.

1.0 is no integer, text is no number, and a field that the schema does not name is a fault. Only the
words that our schemas of answers use are known; another one fails, so that none is silently passed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

ANNOTATIONS = {"description", "x-description-zh", "default"}
KINDS: dict[str, Any] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
CHECKS: dict[str, Any] = {
    "type": lambda value, kinds: any(
        KINDS[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ),
    "enum": lambda value, allowed: value in allowed,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "minimum": lambda value, low: value >= low,
    "maximum": lambda value, high: value <= high,
    "minLength": lambda value, low: len(value) >= low,
    "minItems": lambda value, low: len(value) >= low,
    "maxItems": lambda value, high: len(value) <= high,
    "required": lambda value, names: set(names) <= set(value),
}


INNER = {"properties", "additionalProperties", "items"}


def faults(text: bytes, schema: Any) -> list[str]:
    """Name every place where the text is not as the schema says; empty where it is."""
    return list(_faults(json.loads(text), schema, "$"))


def _faults(value: Any, schema: Any, place: str) -> Iterator[str]:
    unknown = set(schema) - set(CHECKS) - ANNOTATIONS - INNER
    assert not unknown, f"{place}: words of the schema that are not known here: {unknown}"
    for word, check in CHECKS.items():
        if word in schema and not check(value, schema[word]):
            yield f"{place}: {value!r} is not of {word} {schema[word]!r}"
            return
        if word == "type" and "type" in schema and value is None:
            return  # the other words are about values
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is False:
        yield from (f"{place}.{name}: not in the schema" for name in set(value) - set(properties))
    for name in set(properties) & set(value if properties else ()):
        yield from _faults(value[name], properties[name], f"{place}.{name}")
    for index, item in enumerate(value if "items" in schema else ()):
        yield from _faults(item, schema["items"], f"{place}[{index}]")
