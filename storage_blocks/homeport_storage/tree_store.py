"""Trees in a blob store: what BlobStorage is made of, and what a kind that does not use it can call.

Only what changed travels, both ways: layout.py says how trees lie in the store, sending.py how they get there, and
fetching.py how they come back.
"""

from __future__ import annotations

from homeport_storage.fetching import fetch as fetch
from homeport_storage.fetching import read_manifest as read_manifest
from homeport_storage.layout import blob_key as blob_key
from homeport_storage.layout import manifest_key as manifest_key
from homeport_storage.sending import Sent as Sent
from homeport_storage.sending import put as put
