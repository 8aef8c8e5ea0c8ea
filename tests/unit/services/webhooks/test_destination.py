"""Which URLs may become endpoints, and in what one form they are stored."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.destination import InvalidDestination, check_url

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def complaint(url: str) -> str:
    with pytest.raises(InvalidDestination) as caught:
        check_url(url, allow_insecure=False)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://shop.example/hooks", "https://shop.example/hooks"),
        ("https://shop.example", "https://shop.example/"),
        ("https://shop.example?a=1", "https://shop.example/?a=1"),
        ("HTTPS://Shop.EXAMPLE/Hooks", "https://shop.example/Hooks"),
        ("https://shop.example:443/", "https://shop.example/"),
        ("https://shop.example:/", "https://shop.example/"),
        ("https://shop.example:08443/", "https://shop.example:8443/"),
        ("https://shop.example./", "https://shop.example/"),
        ("https://my_shop.example/", "https://my_shop.example/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://shop。example/", "https://shop.example/"),
        ("https://shop.example/ɛdwa?q=₵", "https://shop.example/%C9%9Bdwa?q=%E2%82%B5"),
        ("https://shop.example/a%20b/../c?x=%2F&y[]=1", "https://shop.example/a%20b/../c?x=%2F&y%5B%5D=1"),
        ("https://shop.example//?next=https://a@b", "https://shop.example//?next=https://a@b"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x08080808/", "https://8.8.8.8/"),
        ("https://8.525320/", "https://8.8.4.8/"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "https://[2606:4700:4700::1111]/"),
    ],
)
def test_url_is_stored_in_one_form(url: str, stored: str) -> None:
    assert check_url(url, allow_insecure=False) == stored
    assert check_url(stored, allow_insecure=False) == stored


@pytest.mark.parametrize(
    "url",
    ["", "shop.example/hooks", "//shop.example", "https:shop.example", "https:/shop.example", "/hooks", "mailto:a@b"],
)
def test_what_is_not_a_whole_url_is_refused(url: str) -> None:
    assert "whole URL" in complaint(url)


@pytest.mark.parametrize(
    "url", ["ftp://shop.example/", "file://shop.example/etc", "gopher://shop.example/", "ws://a.b/"]
)
def test_other_schemes_are_refused_in_development_too(url: str) -> None:
    with pytest.raises(InvalidDestination, match="must begin with https"):
        check_url(url, allow_insecure=True)


def test_http_is_for_development_only() -> None:
    assert "nobody can read" in complaint("http://shop.example/")
    assert check_url("http://shop.example:80/", allow_insecure=True) == "http://shop.example/"


@pytest.mark.parametrize(
    "url", ["https://user:pass@shop.example/", "https://user@shop.example/", "https://@shop.example/"]
)
def test_credentials_are_refused(url: str) -> None:
    assert "user name or password" in complaint(url)


@pytest.mark.parametrize("url", ["https://shop.example/#top", "https://shop.example#@evil.example/"])
def test_fragment_is_refused(url: str) -> None:
    assert "fragment" in complaint(url)


@pytest.mark.parametrize(
    "character", [" ", "\t", "\n", "\r", "\0", "\x7f", "\x85", "\xa0", "\u2028", "\u200b", "\ufeff", "\\"]
)
@pytest.mark.parametrize("form", ["{}https://shop.example/", "https://shop{}.example/", "https://shop.example/{}x"])
def test_spaces_and_control_characters_are_refused(form: str, character: str) -> None:
    assert "control characters" in complaint(form.format(character))


def test_lone_surrogate_is_refused() -> None:
    assert "Unicode" in complaint("https://shop.example/\ud800")


@pytest.mark.parametrize("port", ["0", "65536", "99999", "123456", "-1", "+1", "8o", "٨"])
def test_port_outside_its_range_is_refused(port: str) -> None:
    assert "port" in complaint(f"https://shop.example:{port}/")


@pytest.mark.parametrize("host", ["", ":443"])
def test_url_without_a_host_is_refused(host: str) -> None:
    assert "must name a host" in complaint(f"https://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        "-shop.example",
        "shop-.example",
        "shop..example",
        ".example",
        "a" * 64 + ".example",
        "a." * 130 + "example",
        "sh%6fp.example",
        "%31%32%37.0.0.1",
        "shop.example,evil.example",
        "a:b:c",
        "[::1",
        "::1]",
        "x[::1]",
        "shop!.example",
    ],
)
def test_invalid_host_name_is_refused(host: str) -> None:
    assert "host" in complaint(f"https://{host}/")


@pytest.mark.parametrize("host", ["xn--\u00fc.example", "a\u0338.\u2260", "\u0378.example"])
def test_invalid_international_name_is_refused(host: str) -> None:
    assert "host name is not" in complaint(f"https://{host}/")


@pytest.mark.parametrize("host", ["redis", "intranet", "intranet."])
def test_name_without_a_dot_is_for_development_only(host: str) -> None:
    assert "not a public host name" in complaint(f"https://{host}/")
    assert check_url(f"https://{host}/", allow_insecure=True) == f"https://{host.rstrip('.')}/"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "0x7f000001",
        "0x7f.0.0.1",
        "0X7F.1",
        "0x7f.0x0.0x0.0x1",
        "127.0x1",
        "127.65535",
        "0",
        "0x",
        "0.0.0.0",  # noqa: S104  (an address to refuse, not to bind)
        "10.0.0.5",
        "167772165",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "192.168.257",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "shop.localhost",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ],
)
def test_every_spelling_of_a_denied_address_is_refused(host: str) -> None:
    assert "cannot be sent to this host" in complaint(f"https://{host}/")


@pytest.mark.parametrize(
    "host", ["256.0.0.1", "1.2.3.256", "1.2.65536", "4294967296", "1.2.3.4.5", "08.8.8.8", "0x7g.1", "shop.123", "1..1"]
)
def test_what_only_looks_like_an_address_is_refused(host: str) -> None:
    assert "host" in complaint(f"https://{host}/")


@pytest.mark.parametrize("host", ["[fe80::1%25eth0]", "[fe80::1%eth0]"])
def test_scope_id_is_refused(host: str) -> None:
    assert "scope id" in complaint(f"https://{host}/")


@pytest.mark.parametrize("host", ["[v1.fe80]", "[]", "[127.0.0.1]", "[::1::]"])
def test_invalid_bracketed_host_is_refused(host: str) -> None:
    assert "not a valid IPv6 address" in complaint(f"https://{host}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "localhost", "[::1]"])
def test_allowed_networks_open_loopback_in_development(host: str) -> None:
    assert check_url(f"http://{host}:8080/", allow_insecure=True, allowed=LOOPBACK).endswith(":8080/")


def test_length_is_judged_before_and_after_encoding() -> None:
    base = "https://shop.example/"
    assert len(check_url(base + "a" * (2048 - len(base)), allow_insecure=False)) == 2048
    assert "2048" in complaint(base + "a" * (2049 - len(base)))
    assert "2048" in complaint(base + "é" * 500)


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_stored_as_printable_ascii(text: str) -> None:
    for url in (text, f"https://{text}", f"https://shop.example/{text}"):
        try:
            stored = check_url(url, allow_insecure=False)
        except InvalidDestination:
            continue
        assert stored.isascii()
        assert stored.isprintable()
        assert check_url(stored, allow_insecure=False) == stored
