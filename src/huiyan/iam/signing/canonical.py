"""The canonical request: the one text that both sides of a signature compute.

Owns: how path, query, headers and payload become that text. Has no opinion on: schemes, keys and
clocks; the same text serves every scheme but for the payload's hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from huiyan.kernel.errors import SignatureMismatchError

UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MOST_PARAMETERS = 1000


def canonical_uri(raw_path: bytes) -> bytes:
    """Canonicalise the path.

    Parameters
    ----------
    raw_path : bytes
        As sent, without the query.

    Returns
    -------
    bytes
        Decoded once, encoded again piece by piece, with a slash at the end.

    Notes
    -----
    ``docs/wire.md``, section "Signing"; ``signer.py`` of huaweicloudsdkcore.

    Examples
    --------
    >>> canonical_uri(b"/v3/groups/a%20b/x%2Fy")
    b'/v3/groups/a%20b/x/y/'
    """
    encoded = quote_from_bytes(unquote_to_bytes(raw_path), safe="/~").encode("ascii")
    return encoded if encoded.endswith(b"/") else encoded + b"/"


def canonical_queries(raw_query: bytes) -> tuple[bytes, ...]:
    """Canonicalise the query in each of the forms that official signers use.

    Parameters
    ----------
    raw_query : bytes
        As sent, without the question mark.

    Returns
    -------
    tuple of bytes
        Without repetition: (a) pairs sorted by decoded name and value, then encoded; (b) as sent;
        (c) encoded texts sorted, an empty value without its equals sign (which stays where the
        name is empty too: else a parameter could be added that leaves no trace).

    Raises
    ------
    SignatureMismatchError
        There are more than 1,000 parameters, or characters that no URL may hold.

    Notes
    -----
    ``docs/wire.md``, section "Signing". A plus sign is decoded to a space, as the routes behind
    decode it: otherwise an encoded plus could be exchanged for a bare one under a valid signature.

    Examples
    --------
    >>> canonical_queries(b"b=2&a=")
    (b'a=&b=2', b'b=2&a=', b'a&b=2')
    """
    if not raw_query:
        return (b"",)
    texts = raw_query.split(b"&")
    if len(texts) > _MOST_PARAMETERS or _CONTROL.search(raw_query):
        raise SignatureMismatchError("the query is malformed or has too many parameters")
    pairs = sorted(
        (_decode(name), _decode(value))
        for name, _, value in (text.partition(b"=") for text in texts if text)
    )
    encoded = [(_encode(name), _encode(value)) for name, value in pairs]
    by_pair = "&".join(f"{name}={value}" for name, value in encoded)
    by_text = "&".join(
        sorted(f"{name}={value}" if value or not name else name for name, value in encoded)
    )
    forms = (by_pair.encode("ascii"), raw_query, by_text.encode("ascii"))
    return tuple(dict.fromkeys(forms))


def _decode(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _encode(text: bytes) -> str:
    return quote_from_bytes(text, safe="~")


def index_headers(
    headers: Sequence[tuple[bytes, bytes]],
) -> dict[bytes, bytes | None]:
    """Index headers by their lower-case names.

    Parameters
    ----------
    headers : sequence of tuple of bytes
        Names and values as sent.

    Returns
    -------
    dict of bytes to bytes or None
        Trimmed values; None where a name came more than once. A client's UTF-8 text arrives as
        these very bytes, which are also what it signed.
    """
    index: dict[bytes, bytes | None] = {}
    for name, value in headers:
        lower = name.lower()
        index[lower] = None if lower in index else value.strip(b" \t")
    return index


def single_value(index: Mapping[bytes, bytes | None], name: bytes) -> bytes:
    """Get the value of a header that must be there once.

    Parameters
    ----------
    index : mapping of bytes to bytes or None
        From ``index_headers``.
    name : bytes
        Lower case.

    Returns
    -------
    bytes
        The trimmed value.

    Raises
    ------
    SignatureMismatchError
        The header is missing, came twice, or holds control characters.
    """
    value = index.get(name)
    if value is None:
        fault = "came more than once" if name in index else "is missing"
        raise SignatureMismatchError(f"the header {name.decode('latin-1')} {fault}")
    if _CONTROL.search(value):
        raise SignatureMismatchError("a signed header holds control characters")
    return value


def canonical_headers(
    index: Mapping[bytes, bytes | None], signed_headers: Sequence[bytes]
) -> bytes:
    """Canonicalise the signed headers.

    Parameters
    ----------
    index : mapping of bytes to bytes or None
        From ``index_headers``.
    signed_headers : sequence of bytes
        Lower-case names, in the order signed.

    Returns
    -------
    bytes
        One line a header, each ended by a line feed.

    Raises
    ------
    SignatureMismatchError
        A signed header is missing, came twice, or holds control characters.
    """
    return b"".join(b"%b:%b\n" % (name, single_value(index, name)) for name in signed_headers)


def payload_hash(sent: bytes, digest: bytes, *, is_empty: bool) -> bytes:
    """Choose the text that stands for the payload.

    Parameters
    ----------
    sent : bytes
        The content header's value; empty if it was not sent.
    digest : bytes
        The body's digest, lower-case hexadecimal.
    is_empty : bool
        Whether the body has no bytes.

    Returns
    -------
    bytes
        ``digest``, or the content header's text as it was sent.

    Raises
    ------
    SignatureMismatchError
        The content header holds a digest, and not this body's.

    Notes
    -----
    ``docs/wire.md``, section "Signing": the header counts only where the body is not empty.
    """
    if sent and sent != UNSIGNED_PAYLOAD and sent.lower() != digest:
        raise SignatureMismatchError("the content header is not the body's digest")
    return digest if is_empty or not sent else sent


def canonical_request(  # noqa: PLR0913, PLR0917 - the text has six lines, each from a stage of its own
    method: bytes,
    uri: bytes,
    query: bytes,
    headers: bytes,
    signed_headers: Sequence[bytes],
    payload: bytes,
) -> bytes:
    """Join the stages.

    Parameters
    ----------
    method : bytes
        Upper case.
    uri : bytes
        From ``canonical_uri``.
    query : bytes
        One of ``canonical_queries``.
    headers : bytes
        From ``canonical_headers``.
    signed_headers : sequence of bytes
        The names.
    payload : bytes
        From ``payload_hash``.

    Returns
    -------
    bytes
        The canonical request.
    """
    return b"\n".join((method, uri, query, headers, b";".join(signed_headers), payload))
