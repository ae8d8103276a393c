"""Which addresses a webhook may go to: public ones, and those of networks that an operator has named."""

from ipaddress import ip_address, ip_network

import pytest

from app.webhooks.addresses import AddressRefused, addresses_of, may_be_reached

INWARDS = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "::127.0.0.1",
]  # fmt: skip
OUTWARDS = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INWARDS)
def test_what_leads_inwards_is_refused(address: str) -> None:
    assert not may_be_reached(ip_address(address), ())


@pytest.mark.parametrize("address", OUTWARDS)
def test_what_is_public_may_be_reached(address: str) -> None:
    assert may_be_reached(ip_address(address), ())


def test_a_network_that_is_named_opens_itself_alone() -> None:
    allow = (ip_network("10.20.0.0/16"), ip_network("fd12::/64"))
    assert may_be_reached(ip_address("10.20.255.1"), allow)
    assert may_be_reached(ip_address("::ffff:10.20.0.1"), allow)
    assert may_be_reached(ip_address("fd12::7"), allow)
    assert not may_be_reached(ip_address("10.21.0.1"), allow)
    assert not may_be_reached(ip_address("fd12:0:0:1::7"), allow)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "localhost", "[::1]".strip("[]")])
async def test_no_spelling_of_an_address_leads_inwards(host: str) -> None:
    with pytest.raises(AddressRefused):
        await addresses_of(host, 443, ())
