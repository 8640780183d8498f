import ipaddress

import pytest

from apixo_mcp.errors import HostRefused
from apixo_mcp.media.guard import check_address, check_url, is_public


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.png?x=1#y",
        "http://8.8.8.8/a",
        "https://[2606:4700:4700::1111]:8443/a",
        "https://198.18.0.7/a",
        "https://example.com/a b\\c.png",
        "https://3com.com/",
        "https://例え.jp/画像.png",
    ],
)
def test_public_addresses_pass(url):
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://198.18.0.7/",
        "http://localhost:8000/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[fd00::1]/",
        "http://[ff02::1]/",
    ],
)
def test_private_addresses_are_refused_however_they_are_written(url):
    with pytest.raises(HostRefused, match="private address"):
        check_url(url, allow_private=False)
    if "。" not in url:
        check_url(url, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "http://[::1",
        "http://a:99999/",
        "http://127.0.0.1\\@example.com/",
        "http://exam ple.com/",
        "http://example.com/\nHost: x",
        "http://%31%32%37.0.0.1/",
    ],
)
@pytest.mark.parametrize("allow_private", [True, False])
def test_what_is_no_web_address_is_refused(url, allow_private):
    with pytest.raises(HostRefused, match="is not a web address"):
        check_url(url, allow_private=allow_private)


def test_resolved_addresses():
    check_address("a.example", "93.184.215.14", https=False)
    check_address("a.example", "198.19.0.1", https=True)
    check_address("a.example", "::ffff:198.19.0.1", https=True)
    for address in ("198.19.0.1", "127.0.0.1", "fe80::1%eth0", "64:ff9b::7f00:1"):
        with pytest.raises(HostRefused, match=r"a\.example is a private address"):
            check_address("a.example", address, https=False)
    assert is_public(ipaddress.ip_address("64:ff9b::808:808"), https=False)
