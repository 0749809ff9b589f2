"""Folders on SMB shares."""

from __future__ import annotations

from homeport.storage import spellings as older
from homeport.storage.files import Files


class SMB(Files):
    """A folder on an SMB share: Samba, Windows, a NAS. Signed and encrypted, unless told otherwise.

    `password` is the name of a secret (`env:SMB_PASSWORD`). The names of 2.x are taken as well: `share_path`,
    `smb_host`, `smb_username`, `smb_password`, `smb_port`.
    """

    kind = "smb"

    def __init__(
        self,
        share: str | None = None,
        path: str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        domain: str | None = None,
        password: str | None = None,
        require_encryption: bool | None = None,
        require_signing: bool | None = None,
        auth_protocol: str | None = None,
        connect_timeout: float | None = None,
        timeout: float | None = None,
        share_path: str | None = None,
        smb_host: str | None = None,
        smb_port: int | None = None,
        smb_username: str | None = None,
        smb_password: str | None = None,
    ) -> None:
        older.refuse_literals({"password": password, "smb_password": smb_password}, of="SMB")
        super().__init__(
            host=older.one(host=host, smb_host=smb_host),
            share=older.one(share=share, share_path=share_path),
            path=path,
            port=older.one(port=port, smb_port=smb_port),
            username=older.one(username=username, smb_username=smb_username),
            domain=domain,
            password=older.one(password=password, smb_password=smb_password),
            require_encryption=require_encryption,
            require_signing=require_signing,
            auth_protocol=auth_protocol,
            connect_timeout=connect_timeout,
            timeout=timeout,
        )
