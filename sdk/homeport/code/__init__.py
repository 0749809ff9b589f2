"""The code of a flow as it travels: a tree of files, its manifest and digest, and the storage that keeps it.

Nothing here talks to the control plane: code goes from the machine that registers to a storage that the
customer owns, and from there to the agents.

    tree = collect(find_root(Path("flows/poke.py")))
    stored = open_storage(folder_reference(folder)).put(tree)                    # reference and digest: no code
    open_storage(stored.reference).fetch(stored.reference, stored.digest, into)  # on the agent
"""

from homeport.code.errors import BuildFailed as BuildFailed
from homeport.code.errors import CodeChanged as CodeChanged
from homeport.code.errors import CodeError as CodeError
from homeport.code.errors import CodeMissing as CodeMissing
from homeport.code.errors import CodeTooLarge as CodeTooLarge
from homeport.code.errors import DigestMismatch as DigestMismatch
from homeport.code.errors import NotImportable as NotImportable
from homeport.code.errors import PackingError as PackingError
from homeport.code.errors import SecretMissing as SecretMissing
from homeport.code.errors import StorageDenied as StorageDenied
from homeport.code.errors import StorageError as StorageError
from homeport.code.errors import StorageRefused as StorageRefused
from homeport.code.errors import StorageUnreachable as StorageUnreachable
from homeport.code.errors import UnknownStorageKind as UnknownStorageKind
from homeport.code.errors import UnsafeCode as UnsafeCode
from homeport.code.manifest import CodeFile as CodeFile
from homeport.code.manifest import Manifest as Manifest
from homeport.code.storage import CheckReport as CheckReport
from homeport.code.storage import CheckStep as CheckStep
from homeport.code.storage import InPlace as InPlace
from homeport.code.storage import LocalFiles as LocalFiles
from homeport.code.storage import Storage as Storage
from homeport.code.storage import StorageReference as StorageReference
from homeport.code.storage import Stored as Stored
from homeport.code.storage import Verifies as Verifies
from homeport.code.storage import folder_reference as folder_reference
from homeport.code.storage import open_storage as open_storage
from homeport.code.tree import CodeTree as CodeTree
from homeport.code.tree import Limits as Limits
from homeport.code.tree import collect as collect
from homeport.code.tree import find_root as find_root
