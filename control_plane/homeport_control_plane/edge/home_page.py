"""The page at /, until there is more: what this is, its address, what to type next. No script."""

from __future__ import annotations

from html import escape
from typing import Final

from homeport_control_plane import __version__

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}

# Lines of the block are wrapped and not cut: a block that scrolls sideways cannot be read with a keyboard.
# The icon is part of the page, for a browser would ask for /favicon.ico otherwise.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Homeport control plane</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath \
fill='none' stroke='%232f7d6d' stroke-width='2' d='M8 6v8M3 9c0 3 2 5 5 5s5-2 5-5M5.5 8h5'/%3E%3Ccircle cx='8' cy='4' \
r='2' fill='none' stroke='%232f7d6d' stroke-width='2'/%3E%3C/svg%3E">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; }}
a {{ color: #0b57a4; }}
@media (prefers-color-scheme: dark) {{ :root {{ color: #e8eaed; background: #121417; }} a {{ color: #8ab8f0; }} }}
main {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; overflow-wrap: anywhere; }}
h1 {{ line-height: 1.2; }}
pre {{ padding: .75rem 1rem; border: 1px solid; border-radius: .4rem; white-space: pre-wrap; }}
pre code {{ display: block; padding-left: 2ch; text-indent: -2ch; }}
pre b {{ font-weight: inherit; white-space: nowrap; }}
</style>
</head>
<body>
<main>
<h1>Homeport control plane</h1>
<p>This server keeps track of workflows: what is registered, what runs where, and how it went. It never sees your code;
agents in your own network fetch that from your own storage and report here. Version {version}.</p>
<p>Its address is <strong>{url}</strong>; GraphQL is asked by POST at <code>{url}/graphql</code>
(<a href="schema.graphql">schema</a>).</p>
<h2>Next</h2>
<p>Log in with a key (the first one was shown when this server first started), register a flow, and start an agent:</p>
<pre><code>homeport auth login <b>--api</b> {url} <b>--key -</b></code><code>homeport create project demo</code>\
<code>homeport register <b>--project</b> demo -p flow.py</code><code>homeport agent start -q default</code></pre>
<p>The agent goes on; in another terminal, run the flow and look at it:</p>
<pre><code>homeport run -n my-flow <b>--project</b> demo <b>--watch</b></code><code>homeport flow-run ls</code></pre>
<p>Something does not work? <code>homeport doctor</code> says what was looked at and what to do.</p>
</main>
</body>
</html>
"""


def home_page(url: str) -> bytes:
    """The page of the server that the browser reached at `url`."""
    return _PAGE.format(url=escape(url), version=escape(__version__)).encode()
