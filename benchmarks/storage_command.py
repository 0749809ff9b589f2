"""A process that stores or fetches one tree and does nothing else: what a command costs beside `rclone copy` as one.

python storage_command.py put REFERENCE HOME FOLDER            prints the digest
python storage_command.py fetch REFERENCE HOME FOLDER DIGEST
"""

import json
import sys
from pathlib import Path

from homeport.code import Limits, collect, open_storage
from homeport.code.hashes import Hashes


def main(what: str, reference: str, home: str, folder: str, digest: str = "") -> None:
    """Do it, as `register` and an agent would."""
    where = json.loads(reference)
    if what == "put":
        tree = collect(Path(folder), Limits(files=100_000, bytes=1024**3), hashes=Hashes(Path(home), Path(folder)))
        stored = open_storage(where).put(tree)
        print(stored.digest, json.dumps(stored.reference))
    else:
        open_storage(where).fetch(where, digest, Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
