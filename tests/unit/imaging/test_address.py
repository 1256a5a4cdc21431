from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.imaging.address import (
    METADATA_ADDRESSES,
    carried_ipv4,
    is_allowed,
    is_local_name,
    is_metadata_name,
    is_permitted,
    is_public,
    parse_networks,
)
from huiyan.kernel.errors import SettingsError

SPECIAL_IPV4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
]

SPECIAL_IPV6 = [
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "5f00::/16",
    "3fff::/20",
    "4000::/2",
    "8000::/2",
]


def _first_and_last(network: str) -> list[str]:
    parsed = ip_network(network)
    return [str(parsed[0]), str(parsed[-1])]


@pytest.mark.parametrize(
    "text", [text for network in SPECIAL_IPV4 + SPECIAL_IPV6 for text in _first_and_last(network)]
)
def test_both_ends_of_a_special_network_are_refused(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not is_permitted(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2400:3200::1",
        "2606:4700::1111",
    ],
)
def test_public_addresses_pass(text: str) -> None:
    assert is_permitted(ip_address(text))


@given(st.sampled_from(SPECIAL_IPV4 + SPECIAL_IPV6), st.data())
def test_no_address_of_a_special_network_passes(text: str, data: st.DataObject) -> None:
    network = ip_network(text)
    number = data.draw(
        st.integers(int(network.network_address), int(network.broadcast_address)), "address"
    )
    address = IPv4Address(number) if network.version == 4 else IPv6Address(number)
    assert not is_permitted(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_passes_exactly_if_no_special_network_holds_it(
    address: IPv4Address,
) -> None:
    special = [*SPECIAL_IPV4, "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24"]
    held = any(address in ip_network(text) for text in special)
    assert is_permitted(address) == (not held and address not in METADATA_ADDRESSES)


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_that_passes_lies_in_the_public_space(address: IPv6Address) -> None:
    if is_permitted(address):
        assert int(address) >> 125 == 1
        assert carried_ipv4(address) is None


@given(st.ip_addresses(v=4), st.sampled_from(["::", "::ffff:0:0", "64:ff9b::"]))
def test_no_ipv6_spelling_of_an_ipv4_address_passes(inner: IPv4Address, prefix: str) -> None:
    assert not is_permitted(IPv6Address(int(IPv6Address(prefix)) | int(inner)))


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("::", None),
        ("::1", None),
        ("2001:4860:4860::8888", None),
        ("::7f00:1", "127.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("2002:0a00:0001::1", "10.0.0.1"),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "10.0.0.1"),
        ("8.8.8.8", None),
    ],
)
def test_the_carried_ipv4_address_is_found(text: str, inner: str | None) -> None:
    assert carried_ipv4(ip_address(text)) == (None if inner is None else IPv4Address(inner))


def test_an_allowed_network_lets_its_addresses_pass_and_no_others() -> None:
    allowed = parse_networks(["10.20.0.0/16", "fd12:3456::/32"])
    assert is_permitted(ip_address("10.20.255.1"), allowed)
    assert is_permitted(ip_address("fd12:3456::7"), allowed)
    assert not is_permitted(ip_address("10.21.0.1"), allowed)
    assert not is_permitted(ip_address("fd12:3457::7"), allowed)
    assert not is_permitted(ip_address("::ffff:10.20.0.1"), allowed)


def test_an_allowed_translation_network_does_not_open_the_ipv4_addresses_behind_it() -> None:
    allowed = parse_networks(["64:ff9b::/96"])
    assert is_permitted(ip_address("64:ff9b::8.8.8.8"), allowed)
    assert not is_permitted(ip_address("64:ff9b::10.0.0.1"), allowed)
    assert not is_permitted(ip_address("64:ff9b::169.254.169.254"), allowed)


@pytest.mark.parametrize("address", sorted(map(str, METADATA_ADDRESSES)))
def test_metadata_services_never_pass(address: str) -> None:
    assert not is_permitted(ip_address(address), parse_networks(["0.0.0.0/0", "::/0"]))
    assert not is_permitted(ip_address(address))


def test_an_address_with_a_zone_never_passes() -> None:
    address = IPv6Address("fe80::1%eth0")
    assert not is_permitted(address, parse_networks(["fe80::/10"]))
    assert not is_allowed(address, parse_networks(["fe80::/10"]))
    assert not is_permitted(IPv6Address("2606:4700::1111%eth0"))


@pytest.mark.parametrize("name", ["", "example.com", "local.example", "mylocalhost", "internals"])
def test_ordinary_names_are_neither_local_nor_metadata(name: str) -> None:
    assert not is_local_name(name)
    assert not is_metadata_name(name)


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "printer.local", "x.y.internal"])
def test_local_names_are_told_by_their_form(name: str) -> None:
    assert is_local_name(name)


def test_metadata_names_are_known() -> None:
    assert is_metadata_name("metadata")
    assert is_metadata_name("metadata.google.internal")
    assert is_metadata_name("instance-data")


def test_no_networks_are_read_from_nothing() -> None:
    assert parse_networks([]) == ()


@pytest.mark.parametrize("text", ["", "office", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "::/129"])
def test_a_malformed_network_is_a_settings_error_that_names_the_setting(text: str) -> None:
    with pytest.raises(SettingsError, match="fetch_allowed_networks"):
        parse_networks([text])
