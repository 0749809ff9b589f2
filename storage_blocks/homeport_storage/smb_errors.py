"""What an SMB server's answer means, by its NT status: not let in, refused, or away; and how to mend it."""

from __future__ import annotations

from smbprotocol.exceptions import (
    SMBAuthenticationError,
    SMBConnectionClosed,
    SMBException,
    SMBOSError,
    SMBResponseException,
)

from homeport.code.errors import StorageDenied, StorageError, StorageRefused, StorageUnreachable

ACCESS_DENIED = 0xC0000022
NAME_NOT_FOUND = 0xC0000034
PATH_NOT_FOUND = 0xC000003A
NO_SUCH_FILE = 0xC000000F
IS_A_DIRECTORY = 0xC00000BA
NOT_A_DIRECTORY = 0xC0000103
NAME_COLLISION = 0xC0000035
SHARING_VIOLATION = 0xC0000043
DELETE_PENDING = 0xC0000056
END_OF_FILE = 0xC0000011
NO_MORE_FILES = 0x80000006
DIRECTORY_NOT_EMPTY = 0xC0000101

NOT_THERE = frozenset({NAME_NOT_FOUND, PATH_NOT_FOUND, NO_SUCH_FILE, IS_A_DIRECTORY, NOT_A_DIRECTORY, DELETE_PENDING})
IN_USE = frozenset({ACCESS_DENIED, SHARING_VIOLATION, NAME_COLLISION, DELETE_PENDING})

_DENIED = {
    0xC0000064: "there is no such user",
    0xC000006A: "the password is wrong",
    0xC000006C: "the password does not keep to the server's rules",
    0xC000006D: "the user or the password is wrong",
    0xC000006E: "the account is restricted (an empty password, or not allowed from here)",
    0xC000006F: "the account may not log in at this hour",
    0xC0000070: "the account may not log in from this machine",
    0xC0000071: "the password has expired",
    0xC0000072: "the account is disabled",
    0xC0000133: "the clocks of this machine and the domain differ too much for Kerberos",
    0xC000015B: "the account may not log in over the network",
    0xC0000193: "the account has expired",
    0xC0000224: "the password has to be changed first",
    0xC0000234: "the account is locked after too many attempts",
}
_REFUSED = {
    ACCESS_DENIED: "access denied",
    SHARING_VIOLATION: "another program holds the file open",
    DELETE_PENDING: "it is being deleted",
    NAME_COLLISION: "there is something else of that name",
    0xC0000033: "the server does not take this name",
    0xC0000044: "the quota is used up",
    0xC000007F: "the disk is full",
    0xC00000A2: "the share is read-only",
    0xC00000CC: "there is no such share",
    0xC0000225: "there is no such share",
    0xC0000904: "the file is too large for the server's disk",
    NAME_NOT_FOUND: "there is no such folder",
    PATH_NOT_FOUND: "there is no such folder",
    NOT_A_DIRECTORY: "a part of the path is a file, not a folder",
    IS_A_DIRECTORY: "there is a folder of that name",
}
_SHARES = "Look at its name (smbclient -L //HOST lists them)."
_MENDS = {
    0xC000007F: "Make room there.",
    0xC0000044: "Make room there, or raise the quota.",
    0xC00000CC: _SHARES,
    0xC0000225: _SHARES,
    SHARING_VIOLATION: "Try again when it is closed.",
}
_LET_IN = "Look at the user, the domain and the secret that holds the password: it is resolved on this machine."
_TICKET = (
    "Get one on this machine, as the user that runs this: kinit USER@REALM; an agent's is kept fresh from a keytab "
    "(kinit -k -t FILE USER@REALM). With a password secret in the block, a ticket is got by it."
)
# What the Kerberos library says, by a part of it -> (what was found, the mend).
_KERBEROS = {
    "gssapi library": (
        "kerberos cannot be used here: the Python package gssapi is not installed",
        "Install it where flows are registered and where they run: pip install 'smbprotocol[kerberos]' (it is built "
        "against the system's Kerberos: libkrb5-dev)",
    ),
    "No Kerberos credentials available": ("there is no Kerberos ticket", _TICKET),
    "in cache collection": ("there is no Kerberos ticket of this user", _TICKET),
    "Ticket expired": ("the Kerberos ticket has expired", _TICKET),
    "not found in Kerberos database": (
        "the domain knows no server of this name",
        "`host` has to be the name that the server has in its domain (samba-tool spn list, or setspn -L, shows "
        "cifs/HOST), not an address or another name of it",
    ),
    "Cannot find KDC": (
        "no domain controller of the user's realm is known here",
        "Look at the user's realm, and at /etc/krb5.conf or the DNS of this machine",
    ),
    "Cannot contact any KDC": (
        "no domain controller of the user's realm answers",
        "Look whether this machine may reach it (port 88), and at /etc/krb5.conf",
    ),
    "Clock skew": (
        "the clocks of this machine and the domain differ too much for Kerberos",
        "Set the clock (they may differ by five minutes)",
    ),
    "Preauthentication failed": ("the user or the password is wrong", _LET_IN),
}
_WRITING = "Let this user write there (agents that only fetch need no more than reading)."
_READING = "Let this user use the share, and read there."
_REACH = "Look whether the address is right and this machine may reach it (name, port, firewall)."


def status_of(error: BaseException) -> int | None:
    """The NT status that the server answered with, if this is an answer."""
    if isinstance(error, SMBResponseException):
        return int(error.status)
    return int(error.ntstatus) if isinstance(error, SMBOSError) else None


def is_lost(error: BaseException) -> bool:
    """Whether the connection is of no more use, so that a new one may do better."""
    status = status_of(error)
    if status is not None:
        return status in _SESSION_GONE
    return isinstance(error, (SMBException, OSError, ValueError)) and not isinstance(error, SMBAuthenticationError)


_SESSION_GONE = {
    0xC0000008,  # an invalid handle: the server has forgotten this session's files
    0xC00000C9,  # the share was taken away and given again
    0xC0000128,
    0xC0000203,  # the session was ended by an administrator, or ran out
    0xC000035C,  # the ticket of Kerberos ran out
}


def explained(error: Exception, *, doing: str, where: str, encrypted: bool) -> StorageError:
    """The error that a caller handles, with the storage, what was tried, what was found, and the mend."""
    said = f"cannot {doing} {where}: "
    status = status_of(error)
    if isinstance(error, SMBAuthenticationError):
        text = _one_line(error)
        found, mend = next((told for part, told in _KERBEROS.items() if part in text), (text, _LET_IN))
        return StorageDenied(f"{said}{found}. {mend}")
    if status is None:
        return _without_answer(error, said)
    if status in _DENIED:
        return StorageDenied(f"{said}{_DENIED[status]}. {_LET_IN}")
    if status in _REFUSED:
        mend = _MENDS.get(status, _WRITING if doing in ("write to", "remove from") else _READING)
        if status == ACCESS_DENIED and not encrypted:
            mend += " A share that wants encryption denies access, too: require_encryption is false here."
        return StorageRefused(f"{said}{_REFUSED[status]}. {mend}")
    return StorageUnreachable(f"{said}the server answered 0x{status:08x} ({_one_line(error)}). {_REACH}")


def _without_answer(error: Exception, said: str) -> StorageError:
    text = _one_line(error)
    if "guest" in text:
        return StorageDenied(f"{said}the server takes this user for a guest, whom it cannot prove itself to. {_LET_IN}")
    if "encryption is required" in text:
        return StorageUnreachable(
            f"{said}the server cannot encrypt (SMB 3 can). Turn that on there, or say require_encryption: false here"
        )
    if isinstance(error, SMBConnectionClosed):
        return StorageUnreachable(f"{said}the connection was closed. Is this an SMB server, of version 2 or later?")
    if isinstance(error, ValueError):  # how smbprotocol says that no connection came about
        return StorageUnreachable(f"{said}{text}. {_REACH}")
    if "timeout" in text.lower():
        return StorageUnreachable(f"{said}no answer came in time. {_REACH}")
    return StorageUnreachable(f"{said}{text}. {_REACH}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
