"""An operation's JSON, described for people and for code generators.

Owns: the shape of that description, and the two fields that every operation's body has. Has no
opinion on: how bodies are parsed and rendered; each capability's ``schema`` stands beside its
``wire`` and takes the numbers from there.

Source: ``docs/wire.md``, "Request body".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huiyan.kernel.language import Bilingual
from huiyan.recognition.wire import MAX_PICTURE_TEXT_CHARS

Schema = dict[str, object]
"""A JSON Schema (2020-12). ``description`` is English, ``x-description-zh`` the same in Chinese."""


@dataclass(frozen=True, slots=True)
class OperationSchema:
    """What one operation takes and answers.

    Parameters
    ----------
    title : Bilingual
        The operation's name for people.
    description : Bilingual
        What it answers and what is special about it.
    request : mapping
        JSON Schema of the body.
    response : mapping
        JSON Schema of the answer of a successful call.
    request_example : mapping
        A body that is accepted.
    response_example : mapping
        An answer.
    deprecated : bool
        Whether a newer operation takes its place.
    """

    title: Bilingual
    description: Bilingual
    request: Mapping[str, object]
    response: Mapping[str, object]
    request_example: Mapping[str, object]
    response_example: Mapping[str, object]
    deprecated: bool = False


def describe(schema: Schema, zh: str, en: str) -> Schema:
    """Give a schema its description in both languages.

    Parameters
    ----------
    schema : dict
        The schema.
    zh, en : str
        The description.

    Returns
    -------
    dict
        A new schema.
    """
    return {**schema, "description": en, "x-description-zh": zh}


def optional(schema: Schema) -> Schema:
    """Let a field also be null or the empty string, which both mean that it is absent.

    Parameters
    ----------
    schema : dict
        The schema of the field's values; its description stays outermost.

    Returns
    -------
    dict
        A new schema.
    """
    outer = {name: schema[name] for name in _ANNOTATIONS if name in schema}
    inner = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    return {"anyOf": [inner, {"type": "null"}, {"const": ""}], **outer}


_ANNOTATIONS = ("default", "description", "x-description-zh")


def request_schema(parameters: Mapping[str, Schema]) -> Schema:
    """Build the schema of a request body.

    Parameters
    ----------
    parameters : mapping of str to dict
        The operation's own fields.

    Returns
    -------
    dict
        An object with exactly one of ``image`` and ``url`` filled; unknown fields are ignored.
    """
    image = describe(
        {"type": "string", "contentEncoding": "base64", "maxLength": MAX_PICTURE_TEXT_CHARS},
        f"图片文件的 base64 文本，最多 {MAX_PICTURE_TEXT_CHARS} 个字符（文件最大 7.5 MiB）；"
        "可以含换行，不带“data:”前缀。image 与 url 必须且只能给出一个。",
        f"The picture file as base64, at most {MAX_PICTURE_TEXT_CHARS} characters (a file of "
        "7.5 MiB); may hold line breaks, no 'data:' prefix. Give exactly one of image and url.",
    )
    url = describe(
        {"type": "string", "format": "uri"},
        "图片的公网 http 或 https 地址。image 与 url 必须且只能给出一个。",
        "A public http or https address of the picture. Give exactly one of image and url.",
    )
    filled: dict[str, Schema] = {
        name: {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}}
        for name in ("image", "url")
    }
    return {
        "type": "object",
        "properties": {
            "image": optional(image),
            "url": optional(url),
            **{name: optional(schema) for name, schema in parameters.items()},
        },
        "oneOf": [filled["image"], filled["url"]],
        "additionalProperties": True,
    }


def exact_object(properties: dict[str, Schema]) -> Schema:
    """Describe an object that has these fields, all of them and no other.

    Parameters
    ----------
    properties : dict of str to dict
        The fields.

    Returns
    -------
    dict
        Its schema.
    """
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def result_schema(result: Schema) -> Schema:
    """Build the schema of an answer.

    Parameters
    ----------
    result : dict
        The schema of ``result``.

    Returns
    -------
    dict
        An object with ``result`` and nothing else.
    """
    return exact_object({"result": result})
