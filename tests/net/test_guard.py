import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.errors import HostRefused
from apixo_mcp.net.guard import check_name, check_url, is_public, passing


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.png?x=1#y",
        "http://8.8.8.8/a",
        "https://[2606:4700:4700::1111]:8443/a",
        "https://198.18.0.7/a",
        "https://[fdfe:dcba:9876::b4]/a",
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


@pytest.mark.parametrize(
    "address",
    [
        "198.18.0.182",
        "fdfe:dcba:9876::b4",
        "fc00::12",
        "fc00:3fff:ffff::1",
        "2001:2::7",
        "::ffff:198.19.0.1",
        "64:ff9b::198.18.0.182",
        "64:ff9b:1::198.18.0.182",
        "64:ff9b:1::12",
    ],
)
def test_what_vpn_clients_answer_passes_over_https_alone(address: str):
    assert passing("a.example", [address], https=True) == [address]
    with pytest.raises(HostRefused, match=r"a\.example is a private address"):
        passing("a.example", [address], https=False)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:4700:4700::1111",
        "64:ff9b::808:808",
        "64:ff9b:1::808:808",
        "64:ff9b:1:5::8.8.8.8",
        "64:ff9b:1:808:8:808::",
        "2002:808:808::1",
        "2606:4700::5efe:808:808",
    ],
)
@pytest.mark.parametrize("https", [True, False])
def test_what_is_public_passes(address: str, https: bool):
    assert passing("a.example", [address], https=https) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "0.0.0.0",
        "fe80::1%eth0",
        "fc00:4000::1",
        "fd00::1",
        "fdfe:dcba:9877::1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::10.0.0.1",
        "64:ff9b:1:5::192.168.0.1",
        "64:ff9b:1:7f00:0:100::",
        "64:ff9b:1:7f00:0:100:808:808",
        "64:ff9b:1:a:0:1::",
        "2002:7f00:1::",
        "2001:0:808:808::80ff:fffe",
        "2001:0:a00:1::f7f7:f7f7",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:127.0.0.1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
    ],
)
@pytest.mark.parametrize("https", [True, False])
def test_what_is_private_is_refused_in_whatever_it_is_wrapped(address: str, https: bool):
    with pytest.raises(HostRefused, match=r"a\.example is a private address"):
        passing("a.example", [address], https=https)


def test_the_addresses_that_pass_are_kept_in_their_order():
    found = ["10.0.0.1", "8.8.8.8", "fe80::1%1", "2606:4700:4700::1111"]
    assert passing("a.example", found, https=False) == ["8.8.8.8", "2606:4700:4700::1111"]


@given(
    st.binary(min_size=4, max_size=4),
    st.sampled_from(["64:ff9b::", "64:ff9b:1::", "::ffff:0:0", "2606:4700::5efe:0:0"]),
)
def test_an_embedded_address_decides(inner: bytes, prefix: str):
    four = ipaddress.IPv4Address(inner)
    whole = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(four))
    if int(four) >> 24 and int(four) >> 24 < 240 and not is_public(four, https=False):
        assert not is_public(whole, https=False)


@pytest.mark.parametrize("host", ["printer", "nas.local", "api.internal", "metadata.google.internal.", "box.home.arpa"])
def test_the_names_of_private_networks(host: str):
    with pytest.raises(HostRefused, match=r"a name of a private network; .*set APIXO_MCP_ALLOW_PRIVATE_HOSTS=1"):
        check_name(host)


@pytest.mark.parametrize(
    "host", ["cdn.example.com", "8.8.8.8", "2606:4700::1", "local.example", "homes.example.home.org"]
)
def test_other_names_are_left_to_the_proxy(host: str):
    check_name(host)
