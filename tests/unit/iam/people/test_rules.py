from __future__ import annotations

import pytest

from huiyan.iam.people.rules import (
    check_description,
    check_email,
    check_group_name,
    check_legible,
    check_telephone,
    check_user_name,
)
from huiyan.kernel.errors import InvalidParameterError


@pytest.mark.parametrize(
    "name", ["a", "a" * 64, "A b-c_d.e9", "张伟", "Ünal", "𠮷野家", ".a", "-a"]
)
def test_names_of_users_hold_letters_of_any_script(name: str) -> None:
    check_user_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 65,
        "1a",
        " a",
        "a ",
        " ",
        "a\tb",
        "a\nb",
        "a\x00",
        "a/b",
        "a@b",
        "a:b",
        "a*",
        "<a>",
        "a\u200b",
        "a\u202e",
        "é",
        "�",
        "a１",
        "😀",
        "²",
        "admin\u3164",
        "\u115fadmin",
        "\u3164",
        "\uffa0a",
        "ａdmin",
        "ﬁona",
        "ªda",
        "\uf900",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"user\.name"):
        check_user_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "a" * 129, " a", "a ", "\u3000", "a\nb", "a\x00", "\ud800"),
        *("Security Administrator\u200b", "a\u202eb", "a\u2066b", "a\u00adb", "a\ufeffb"),
        *("a\u034fb", "a\u3164b", "a\u17b4b", "a\u180fb", "a\ufe0fb", "a\U000e0100b", "a\u2800b"),
        *("a\u2028b", "a\ue000b", "a\U000e0041b", "a\uffffb", "a\u00a0b", "a\u3000b", "a\u1680b"),
        *("Ａdmins", "①", "e\u0301", "a\u037eb"),
    ],
)
def test_names_of_groups_are_printable_and_what_they_look_like(name: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"group\.name"):
        check_group_name(name)
    check_group_name("1 组 / all: those@work")


@pytest.mark.parametrize(
    "name", ["运维组（北京）：甲、乙", "Équipe 1", "Команда", "チーム", "a…b", "😀"]
)
def test_names_that_people_read_are_legible(name: str) -> None:
    check_legible(name, "group.name")
    check_group_name(name)


def test_a_description_is_measured_in_bytes() -> None:
    for description in ("", "a" * 255, "描" * 85):
        check_description(description, "group.description")
    for description in ("a" * 256, "描" * 86, "a\n", "\ud800"):
        with pytest.raises(InvalidParameterError, match=r"group\.description"):
            check_description(description, "group.description")


def test_an_email_address_has_one_at_sign_and_two_sides() -> None:
    for email in ("", "a@b", "张@例.cn"):
        check_email(email)
    for email in ("a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a" * 254 + "@b"):
        with pytest.raises(InvalidParameterError, match=r"user\.email"):
            check_email(email)


def test_country_code_and_number_come_together() -> None:
    for area_code, phone in ((None, None), ("", ""), ("0086", "1" * 32)):
        check_telephone(area_code, phone)
    for area_code, phone in (
        ("0086", None),
        (None, "1"),
        ("", None),
        ("0086", ""),
        ("86a", "1"),
        ("0086", "1-2"),
        ("1" * 9, "1"),
        ("0086", "1" * 33),
        ("٠٠", "1"),
    ):
        with pytest.raises(InvalidParameterError, match=r"user\.(areacode|phone)"):
            check_telephone(area_code, phone)
