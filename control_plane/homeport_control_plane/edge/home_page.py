"""The page at /, until there is more: what this is, its address, what to type next. No script."""

from __future__ import annotations

from html import escape
from typing import Final

from homeport_control_plane import __version__

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Homeport control plane</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
pre {{ padding: .75rem 1rem; border: 1px solid; border-radius: .4rem; overflow-x: auto; }}
</style>
</head>
<body>
<main>
<h1>Homeport control plane</h1>
<p>This server keeps track of workflows: what is registered, what runs where, and how it went. It never sees your code;
agents in your own network fetch that from your own storage and report here. Version {version}.</p>
<p>Its address is <strong>{url}</strong>; the GraphQL API is at <a href="graphql">{url}/graphql</a>
(<a href="schema.graphql">schema</a>).</p>
<h2>Next</h2>
<p>Log in with a key (the first one was shown when this server first started), then register a flow and run it:</p>
<pre>homeport auth login --api {url} --key -
homeport create project demo
homeport register --project demo -p flow.py
homeport agent start -q default    # goes on; the next line in another terminal
homeport run -n my-flow --project demo --watch</pre>
<p>Something does not work? <code>homeport doctor</code> says what was looked at and what to do.</p>
</main>
</body>
</html>
"""


def home_page(url: str) -> bytes:
    """The page of the server that the browser reached at `url`."""
    return _PAGE.format(url=escape(url), version=escape(__version__)).encode()
