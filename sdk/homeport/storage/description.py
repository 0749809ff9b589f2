"""What describes a storage: its kind, and settings without a secret; or the name of a block that has them."""

from __future__ import annotations

from typing import Any, Self

from homeport.blocks.lazily import Lazily


class Storage(Lazily):
    """The base of storages. `kind` names what stores; `settings` are given to it, and hold no secrets."""

    kind = ""
    script: str | None = None
    """The file that 1.x was told to upload or to load in the flow's place: any but the flow's own is refused."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {name: value for name, value in settings.items() if value is not None}

    @classmethod
    def load(cls, name: str) -> Self:
        """The storage that the block of this name describes: `S3.load("prod")` is the block s3/prod.

        Nothing is asked yet, so that a flow's file can be imported anywhere. Registering, opening, and reading one of
        its fields ask the control plane; then BlockNotFound says that there is none.
        """
        from homeport.blocks.kept import split

        loaded = cls.__new__(cls)
        loaded.block = "/".join(split(name, type_=cls.kind))
        return loaded

    def save(self, name: str, overwrite: bool = False) -> str:
        """Keep it as the block of this name; "type/name". Secrets are given as references, and kept as such.

        Raises InvalidBlock for fields that the kind does not take, ConflictError for a name that is taken by another.
        """
        from homeport.blocks.kept import create_block, split

        self.block = create_block("/".join(split(name, type_=self.kind)), self.settings, overwrite=overwrite).slug
        return self.block

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object: `kind` and the settings that were given, or the name of the block that has them."""
        if self.block is not None:
            return {"kind": self.kind, "block": self.block}
        return {"kind": self.kind, **self.settings}

    def __getattr__(self, name: str) -> Any:
        """A field, of a loaded storage as the block has it."""
        if name == "settings" and self.block is not None:
            self._fetch()
            return self.settings
        if name.startswith("__") or name == "settings" or name not in self.settings:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.settings[name]

    def _fetch(self) -> None:
        from homeport.blocks.kept import load_block

        assert self.block is not None
        kept = load_block(self.block)
        self.settings = {**kept.fields, **kept.secrets}

    def __repr__(self) -> str:
        if self.block is not None:
            return f"{type(self).__name__}.load({self.block.partition('/')[2]!r})"
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings.items())})"
