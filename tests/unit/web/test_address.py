"""Addresses as connections and proxies tell them."""

from __future__ import annotations

import pytest

from huiyan.web.address import address_party, plain_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        (" 10.1.2.3 ", "10.1.2.3"),
        ("10.1.2.3:5678", "10.1.2.3"),
        ("[10.1.2.3]:5678", "10.1.2.3"),
        ("2001:db8::5", "2001:db8::5"),
        ("2001:DB8:0::5", "2001:db8::5"),
        ("[2001:db8::5]", "2001:db8::5"),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("[2001:db8::5]:", "2001:db8::5"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("[::ffff:10.1.2.3]:80", "10.1.2.3"),
    ],
)
def test_an_address_is_read_with_and_without_a_port(text: str, address: str) -> None:
    assert plain_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "testclient",
        "not:an:address",
        "10.1.2.3.4",
        "10.1.2.3:x",
        "10.1.2.3:5:6",
        "[2001:db8::5",
        "2001:db8::5]",
        "[2001:db8::5]443",
        "[]:80",
        ":80",
        "1" * 100_000,
        "[" * 100_000,
    ],
)
def test_what_is_no_address_is_all_one(text: str) -> None:
    assert plain_address(text) == address_party(text) == ""


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:5678", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:0:1::5", "20010db800000001/64"),
        ("[2001:db8:0:1::5]:443", "20010db800000001/64"),
        ("2001:db8:0:1:ffff::9", "20010db800000001/64"),
        ("2001:db8:0:2::5", "20010db800000002/64"),
        ("fe80::1%eth0", "fe80000000000000/64"),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, party: str) -> None:
    assert address_party(address) == party
