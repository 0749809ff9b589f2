"""Which addresses are taken, and how they are shown."""

import pytest

from homeport.client.addresses import base_url, graphql_url, printable, websocket_url
from homeport.client.errors import InvalidAddress


@pytest.mark.parametrize(
    "written", ["http://h:4700", "http://h:4700/", "http://h:4700/graphql", " http://h:4700/graphql/ "]
)
def test_an_address_may_be_written_in_several_ways(written: str) -> None:
    assert graphql_url(written) == "http://h:4700/graphql"


def test_an_address_below_a_path_keeps_the_path() -> None:
    assert graphql_url("https://example.com/homeport/") == "https://example.com/homeport/graphql"
    assert websocket_url("https://example.com/homeport") == "wss://example.com/homeport/graphql"


@pytest.mark.parametrize("written", ["", "127.0.0.1:4700", "ftp://h", "http://", "http://h:port", "http://[::1"])
def test_what_is_no_address_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        base_url(written)

    assert "http://127.0.0.1:4700" in (caught.value.hint or "")


@pytest.mark.parametrize("written", ["http://user:secret@h:4700", "https://secret@h/x", "user:secret@h:4700"])
def test_a_password_in_an_address_is_refused_and_never_shown(written: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        base_url(written)

    assert "secret" not in str(caught.value)
    assert "secret" not in printable(written)
