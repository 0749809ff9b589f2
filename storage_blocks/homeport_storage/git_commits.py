"""Which commit a name stands for, and getting one: without its history where the server allows that."""

from __future__ import annotations

from contextlib import suppress

from homeport.code.errors import CodeMissing, StorageError
from homeport_storage import git_url
from homeport_storage.git_command import Access, Git, NotThere

LOOK_SECONDS = 30.0


def resolved(git: Git, access: Access, ref: str | None) -> str:
    """The commit of a branch, a tag (also an annotated one) or the default branch; raises CodeMissing."""
    if ref is not None and git_url.is_commit(ref):
        return ref
    wanted = [ref, f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}"] if ref else ["HEAD"]
    listed = git.run("ls-remote", "--", str(access.url), *wanted, doing="read", within=LOOK_SECONDS).decode()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
    order = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"{ref}"] if ref else ["HEAD"]
    for name in order:
        if git_url.is_commit(found.get(name, "")):
            return found[name]
    raise CodeMissing(
        f"{access.where} has no branch or tag {ref!r}. Was it pushed, or deleted?"
        if ref
        else f"{access.where} is empty: push a commit first"
    )


def fetch(git: Git, access: Access, commit: str, ref: str | None) -> None:
    """Get the commit, without its history where the server allows; raises CodeMissing when nobody has it any more."""
    command = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    with suppress(NotThere):
        git.run(*command, "--depth=1", "--", str(access.url), commit, doing="fetch from")
    if has(git, commit):
        return
    # Servers of the old protocol give only what a branch or a tag points to: then its last commits, then all.
    branch = [f"+refs/heads/{ref}:refs/heads/homeport"] if ref and not git_url.is_commit(ref) else []
    every = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
    for refs, depth in ((branch, ["--depth=50"]), (every, ["--depth=50"]), (every, ["--depth=2147483647"])):
        if not refs:
            continue
        try:
            git.run(*command, *depth, "--", str(access.url), *refs, doing="fetch from")
        except NotThere:
            continue  # the branch is gone; the commit may still be in another
        if has(git, commit):
            return
    raise CodeMissing(
        f"{access.where} does not have the commit {commit}"
        + (f" (of {ref})" if ref else "")
        + " any more. Was the branch force-pushed? Push the commit again, or register the flow again"
    )


def has(git: Git, commit: str) -> bool:
    """Whether the commit is here, with its tree."""
    try:
        git.run("cat-file", "-e", f"{commit}^{{tree}}", doing="look into")
    except StorageError:
        return False
    return True
