"""The names of the cookies, and for whom a browser keeps them."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.sign_in.cookies import BROWSER_COOKIE, GALLERY_COOKIE, SignInCookies, gallery_cookie


def a_request(root_path: str) -> Request:
    headers = [(b"host", b"team.example")]
    return Request({"type": "http", "scheme": "http", "path": "/", "root_path": root_path, "headers": headers})


@pytest.mark.parametrize(
    ("public_url", "root_path", "name"),
    [
        ("https://team.example", "", "__Host-apixo_gallery"),
        ("https://team.example/apixo", "/apixo", "apixo_gallery"),
        ("http://team.example", "", "apixo_gallery"),
        ("", "", "apixo_gallery"),
    ],
)
def test_over_https_at_the_root_no_other_host_can_set_the_cookie_of_the_gallery(
    public_url: str, root_path: str, name: str
):
    addresses, request, response = ServerAddresses(public_url), a_request(root_path), Response()
    SignInCookies(addresses).keep(request, response, GALLERY_COOKIE, "a" * 43, 60)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert gallery_cookie(addresses, request.scope) == name
    assert f"Path={root_path}/;" in cookie
    assert ("Secure" in cookie) == public_url.startswith("https")
    assert "Domain" not in cookie


def test_the_cookie_of_the_sign_in_stays_with_its_pages():
    response = Response()
    SignInCookies(ServerAddresses("https://team.example")).keep(a_request(""), response, BROWSER_COOKIE, "a" * 43, 60)
    assert response.headers["set-cookie"].startswith("apixo_browser=")
    assert "Path=/sign-in;" in response.headers["set-cookie"]
