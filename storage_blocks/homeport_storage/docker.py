"""Docker images as storage of code.

An image is an environment (base image, dependencies, further files) and the code as its last layer. It is named by its
digest for ever, and says in its labels which code it has. With a `registry_url` it is pushed, and agents fetch the code
from the registry, without Docker; without one it stays in the engine that built it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from homeport.code.errors import StorageError, UnsafeCode
from homeport.code.manifest import Manifest, is_digest
from homeport.code.storage import CheckReport, CheckStep, LocalFiles, StorageReference, Stored
from homeport.code.tree import CodeTree
from homeport_storage.images import image_checks, import_check, in_engine
from homeport_storage.images.engine import Engine
from homeport_storage.images.environment import environment
from homeport_storage.images.in_registry import RegistryImages, code_folder, tag_of
from homeport_storage.images.logins import Login, login_of
from homeport_storage.images.names import ImageName, name_of_folder, repository_of
from homeport_storage.images.registry import Registry

if TYPE_CHECKING:
    from homeport.blocks.fields import BlockFields
    from homeport_storage.docker_fields import DockerFields


class DockerStorage:
    """Images of one repository, or of one engine."""

    kind: ClassVar[str] = "docker"

    def __init__(self, given: DockerFields) -> None:
        """The storage that these fields describe; nothing is reached for yet."""
        self.given = given

    @classmethod
    def fields(cls) -> type[BlockFields]:
        """The fields of a block of this kind."""
        from homeport_storage.docker_fields import DockerFields  # pydantic is loaded when fields are read

        return DockerFields

    @classmethod
    def from_reference(cls, reference: Mapping[str, Any]) -> DockerStorage:
        """The storage that a reference or a description names; raises UnsafeCode when something in it is wrong."""
        from homeport_storage.docker_fields import DockerFields

        return cls(DockerFields.of_reference(reference))

    def put(self, tree: CodeTree) -> Stored:
        """Build, push and name the image; what did not change is neither built nor sent. See Storage.put.

        Raises BuildFailed, too, with the last lines of the step that failed.
        """
        given = self.given
        built = environment(given, tree, self._identity_of_base)
        repository = repository_of(given.registry_url, given.image_name or name_of_folder(tree.root))
        tag = given.image_tag or tag_of(built, tree)
        name = ImageName.parse(f"{repository}:{tag}")
        arguments = dict(given.build_kwargs)
        pull = not given.local_image and bool(built.bases)
        if given.registry_url is None:
            with self._engine() as engine:
                done = in_engine.put(engine, name, tree, built, given.directory, arguments, pull=pull)
            image = done.digest
        else:
            login = self._login(name.registry)
            with Registry(name, login, insecure=given.insecure) as registry:
                images = RegistryImages(registry, login, self._engine)
                done = images.put(tree, built, given.directory, tag, arguments, pull=pull)
            image = name.at(done.digest)
        files = len(tree.manifest.files) if done.sent_bytes else 0
        return Stored(self._reference(image, name), tree.digest, files, done.sent_bytes)

    def verify(self, stored: Stored, entrypoint: str) -> None:
        """Import the flow in its image; see Verifies."""
        if self.given.ignore_healthchecks:
            return
        image, folder = str(stored.reference["image"]), code_folder(self.given.directory)
        with self._engine() as engine:
            there = engine.inspect(image) is not None
            if not there:
                name = ImageName.parse(image)
                engine.pull(name, self._login(name.registry))
            try:
                import_check.check(engine, image, str(stored.reference["tag"]), folder, entrypoint)
            finally:
                if not there:  # the environment stays in the engine, for the next version
                    engine.forget(image)

    def fetch(self, reference: Mapping[str, Any], digest: str, into: Path, have: LocalFiles | None = None) -> Manifest:
        """Write the verified code of the image that the reference names to `into`; see Storage.fetch."""
        if not is_digest(digest):
            raise UnsafeCode(f"{digest!r} is not a code digest (sha256: and 64 hex digits)")
        image = str(reference.get("image") or "")
        if image.startswith("sha256:"):
            with self._engine() as engine:
                return in_engine.fetch(engine, image, digest, into)
        name = ImageName.parse(image)
        if not name.digest:
            raise UnsafeCode(f"the storage reference of kind docker names no image by digest: {image!r}")
        login = self._login(name.registry)
        with Registry(name, login, insecure=self.given.insecure) as registry:
            return RegistryImages(registry, login, self._engine).fetch(name.digest, digest, into)

    def check(self) -> CheckReport:
        """Look whether the registry answers, lets us in, may be written and read; never raises. See Storage.check."""
        given = self.given
        if given.registry_url is None and given.image is None:
            return image_checks.of_engine(self._engine)
        if given.image is not None and given.image.startswith("sha256:"):
            return image_checks.of_engine(self._engine)
        try:
            name = (
                ImageName.parse(given.image)
                if given.image
                else repository_of(given.registry_url, given.image_name or "flows")
            )
        except UnsafeCode as error:
            mend = "mend registry_url and image_name (ghcr.io/team, flows)"
            return CheckReport("the Docker registry", (CheckStep("reachable", False, str(error)),), mend)

        def open_registry() -> Registry:
            return Registry(name, self._login(name.registry), insecure=given.insecure)

        return image_checks.of_registry(name, open_registry, self._engine)

    def _identity_of_base(self, base: str) -> str:
        """What tells one state of a base image from the next: a tag that was moved means another environment."""
        name = ImageName.parse(base)
        if name.digest:
            return name.digest
        if not self.given.local_image:
            try:
                with Registry(name, self._login(name.registry), insecure=self.given.insecure) as registry:
                    told = registry.digest(name.tag or "latest")
                if told:
                    return told
            except StorageError:
                pass  # whoever builds says why; where nothing is built, the last pulled state stands
        try:
            with self._engine(at_once=True) as engine:
                found = engine.inspect(base) or {}
        except StorageError:
            return ""
        pulled = [digest.partition("@")[2] for digest in found.get("RepoDigests") or () if not self.given.local_image]
        return str((pulled or [found.get("Id", "")])[0])

    def _login(self, registry: str) -> Login:
        """The block's own login for its own registry; for any other, what Docker has on this machine."""
        given = self.given
        own = given.image or given.registry_url
        ours = own is not None and registry == (
            ImageName.parse(own).registry if given.image else repository_of(own, "flows").registry
        )
        return login_of(registry, given.username if ours else None, given.password if ours else None)

    def _engine(self, *, at_once: bool = False) -> Engine:
        return Engine(self.given.base_url, self.given.tls_config, at_once=at_once)

    def _reference(self, image: str, name: ImageName) -> StorageReference:
        """What an agent needs: the image by digest, where in it the code lies, and how to be let in."""
        given = self.given
        reference: StorageReference = {
            "kind": self.kind,
            "image": image,
            "tag": str(name),
            "directory": given.directory,
        }
        if given.env_vars:
            reference["env_vars"] = dict(given.env_vars)
        for option in ("username", "password", "insecure"):
            if getattr(given, option):
                reference[option] = getattr(given, option)
        return reference
