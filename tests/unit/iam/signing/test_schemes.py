import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.signing.header import KNOWN_SCHEMES, parse_authorization
from huiyan.iam.signing.hmac_sm3 import SdkHmacSm3
from huiyan.iam.signing.scheme import Credential, SigningScheme, read_credential, string_to_sign
from huiyan.iam.signing.v11_hmac_sha256 import derive_key
from huiyan.iam.signing.verification import SCHEMES
from huiyan.kernel.errors import SignatureMismatchError, UnsupportedSchemeError
from huiyan.kernel.ids import AccessKey

SPOKEN = tuple(scheme.name for scheme in SCHEMES)
SCOPE = "20260331/cn-north-4/image"
SCOPED = Credential(AccessKey("AK"), SCOPE.encode())


def read(name: str, credential: str, signature: str = "0" * 64) -> Credential:
    header = f"{name} {credential}, SignedHeaders=host, Signature={signature}"
    scheme = next(scheme for scheme in SCHEMES if scheme.name == name)
    return read_credential(scheme, parse_authorization(header.encode(), SPOKEN))


def test_three_of_the_clients_schemes_are_spoken() -> None:
    assert SPOKEN == ("SDK-HMAC-SHA256", "SDK-HMAC-SM3", "V11-HMAC-SHA256")
    for name in KNOWN_SCHEMES[3:]:
        with pytest.raises(UnsupportedSchemeError, match=f"{name} is not .*{' or '.join(SPOKEN)}"):
            parse_authorization(name.encode(), SPOKEN)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_digests_and_signatures_are_64_lower_case_digits(scheme: SigningScheme) -> None:
    for text in (scheme.digest(b""), scheme.signature(b"secret", SCOPED, b"text")):
        assert len(text) == 64
        assert set(text) <= set(b"0123456789abcdef")


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_gives_the_standards_examples(content: bytes, digest: str) -> None:
    assert SdkHmacSm3().digest(content).decode() == digest


@given(secret=st.binary(min_size=1, max_size=200), text=st.binary(max_size=200))
def test_hmac_sm3_is_hmac_over_sm3(secret: bytes, text: bytes) -> None:
    def sm3(content: bytes) -> bytes:
        return bytes.fromhex(SdkHmacSm3().digest(content).decode())

    key = (sm3(secret) if len(secret) > 64 else secret).ljust(64, b"\0")
    inner = sm3(bytes(byte ^ 0x36 for byte in key) + text)
    outer = sm3(bytes(byte ^ 0x5C for byte in key) + inner)
    assert SdkHmacSm3().signature(secret, SCOPED, text) == outer.hex().encode()


@given(
    secret=st.binary(min_size=1, max_size=100), key=st.from_regex(r"[A-Z0-9]{1,64}", fullmatch=True)
)
def test_the_derived_key_is_two_steps_of_hmac(secret: bytes, key: str) -> None:
    extracted = hmac.digest(key.encode(), secret, hashlib.sha256)
    expanded = hmac.digest(extracted, SCOPE.encode() + b"\x01", hashlib.sha256)
    derived = derive_key(secret, Credential(AccessKey(key), SCOPE.encode()))
    assert derived == expanded.hex().encode()


def test_a_derived_key_is_good_for_one_key_day_region_and_service_only() -> None:
    scopes = (
        SCOPE,
        "20260401/cn-north-4/image",
        "20260331/cn-east-3/image",
        "20260331/cn-north-4/iam",
    )
    keys = {
        derive_key(b"secret", Credential(AccessKey(key), scope.encode()))
        for key in ("AK", "AK2")
        for scope in scopes
    }
    assert len(keys) == 8


def test_only_a_scoped_credential_adds_a_fourth_line() -> None:
    for scheme in SCHEMES:
        digest = scheme.digest(b"canonical")
        for credential, scope in ((Credential(AccessKey("AK")), ()), (SCOPED, (SCOPE.encode(),))):
            text = string_to_sign(scheme, b"date", credential, b"canonical")
            assert text.split(b"\n") == [scheme.name.encode(), b"date", *scope, digest]


@pytest.mark.parametrize("name", SPOKEN[:2])
def test_schemes_without_a_derived_key_name_the_access_key_alone(name: str) -> None:
    assert read(name, "Access=A-_9") == Credential(AccessKey("A-_9"))


@pytest.mark.parametrize(
    "region", ["cn-north-4", "globe", "la-north-2", "my.region_1", "no-such-region", "A" * 64]
)
def test_any_region_is_taken_and_handed_on(region: str) -> None:
    credential = read("V11-HMAC-SHA256", f"Credential=AK/20260331/{region}/image")
    assert credential == Credential(AccessKey("AK"), f"20260331/{region}/image".encode())


@pytest.mark.parametrize(
    ("name", "credential"),
    [
        ("SDK-HMAC-SHA256", "Credential=AK"),
        ("SDK-HMAC-SHA256", f"Access=AK/{SCOPE}"),
        ("SDK-HMAC-SHA256", f"Credential=AK/{SCOPE}"),
        ("SDK-HMAC-SHA256", "Access=A.K"),
        ("SDK-HMAC-SHA256", f"Access={'A' * 65}"),
        ("SDK-HMAC-SM3", "Credential=AK"),
        ("SDK-HMAC-SM3", f"Access=AK/{SCOPE}"),
        ("V11-HMAC-SHA256", "Access=AK"),
        ("V11-HMAC-SHA256", f"Access=AK/{SCOPE}"),
        ("V11-HMAC-SHA256", "Credential=AK"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331/cn-north-4"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331/cn-north-4/"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331//image"),
        ("V11-HMAC-SHA256", f"Credential=/{SCOPE}"),
        ("V11-HMAC-SHA256", f"Credential=AK//{SCOPE}"),
        ("V11-HMAC-SHA256", f"Credential=AK/{SCOPE}/"),
        ("V11-HMAC-SHA256", f"Credential=AK/{SCOPE}/sdk_request"),
        ("V11-HMAC-SHA256", "Credential=AK/2026033/cn-north-4/image"),
        ("V11-HMAC-SHA256", "Credential=AK/202603310/cn-north-4/image"),
        ("V11-HMAC-SHA256", "Credential=AK/2026-3-1/cn-north-4/image"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331T/cn-north-4/image"),
        ("V11-HMAC-SHA256", f"Credential=AK/20260331/{'a' * 65}/image"),
        ("V11-HMAC-SHA256", f"Credential=AK/20260331/cn-north-4/{'a' * 65}"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331/cn north-4/image"),
        ("V11-HMAC-SHA256", "Credential=AK/20260331/cn%2Fnorth/image"),
        ("V11-HMAC-SHA256", f"Credential=A.K/{SCOPE}"),
    ],
)
def test_a_credential_of_another_form_is_refused(name: str, credential: str) -> None:
    with pytest.raises(SignatureMismatchError, match="malformed"):
        read(name, credential)


@pytest.mark.parametrize("signature", ["0" * 63, "0" * 65, "0" * 128, "A" * 64, "g" * 64])
@pytest.mark.parametrize("name", SPOKEN)
def test_a_signature_of_another_form_is_refused(name: str, signature: str) -> None:
    credential = f"Credential=AK/{SCOPE}" if name.startswith("V11") else "Access=AK"
    assert read(name, credential).access_key == "AK"
    with pytest.raises(SignatureMismatchError, match="malformed"):
        read(name, credential, signature)


@pytest.mark.parametrize(
    ("scope", "date", "is_for"),
    [
        (b"", b"20260331T081500Z", True),
        (b"20260331/r/s", b"20260331T000000Z", True),
        (b"20260331/r/s", b"20260331T235959Z", True),
        (b"20260331/r/s", b"20260401T000000Z", False),
        (b"20260331/r/s", b"20260330T235959Z", False),
    ],
)
def test_a_scope_is_for_one_day(scope: bytes, date: bytes, is_for: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Credential(AccessKey("AK"), scope).is_for_day_of(date) is is_for
