"""git as storage: over http and ssh from real servers, and what a repository, an address or a server may try."""

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from homeport.code import (
    CodeMissing,
    CodeTooLarge,
    CodeTree,
    DigestMismatch,
    Storage,
    StorageDenied,
    StorageError,
    StorageRefused,
    StorageUnreachable,
    UnsafeCode,
    collect,
    open_storage,
)
from homeport_storage.git_command import Access, Git, remote
from homeport_storage.git_url import parse
from tests.conformance.storage_suite import TreeStorageSuite, write_project
from tests.services.git_server import TOKEN, GitServer, SshServer, git

VARIABLE = "TEST_GIT_TOKEN"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("git") / "repositories") as running:
        yield running


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("ssh") / "sshd") as running:
        yield running


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TOKEN)
    for name in ("GIT_DIR", "GIT_ALLOW_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A repository of the test's own."""
    return f"group/{tmp_path.name}"


@pytest.fixture
def project(server: GitServer, name: str, tmp_path: Path) -> Path:
    """A checkout of it, pushed."""
    return server.checkout(name, write_project(tmp_path / "project"))


class TestGitOverHttp(TreeStorageSuite):
    @pytest.fixture(autouse=True)
    def of_server(self, server: GitServer) -> None:
        self.server = server

    @pytest.fixture
    def storage(self, name: str) -> Storage:
        self.server.make(name)
        return open_storage(self.reference(name))

    @pytest.fixture
    def tree(self, storage: Storage, name: str, tmp_path: Path) -> CodeTree:
        return collect(self.server.checkout(name, write_project(tmp_path / "project")))

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.server.close()
        try:
            yield
        finally:
            self.server.again()

    def reference(self, name: str) -> dict[str, Any]:
        return {"kind": "git", "url": f"{self.server.url}/{name}.git", "access_token": f"env:{VARIABLE}", "ref": "main"}

    def test_the_check_says_whether_it_can_be_used(self, storage: Storage) -> None:
        report = storage.check()
        assert not report.ok, "a repository without a commit cannot be used yet"
        assert "has no branch or tag 'main'" in report.evidence


class TestGitOverSsh(TestGitOverHttp):
    @pytest.fixture(autouse=True)
    def of_sshd(self, ssh: SshServer) -> None:
        self.ssh = ssh

    @contextmanager
    def away(self, storage: Storage) -> Iterator[None]:
        self.ssh.__exit__()
        try:
            yield
        finally:
            self.ssh.again()

    def reference(self, name: str) -> dict[str, Any]:
        return over_ssh(self.ssh, self.server, name) | {"ref": "main"}


def over_ssh(ssh: SshServer, server: GitServer, name: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "git",
        "url": f"ssh://{getpass.getuser()}@127.0.0.1:{ssh.port}{server.bare(name)}",
        "ssh_key_file": str(ssh.key()),
        "known_hosts_file": str(ssh.known_hosts),
        **more,
    }


def over_http(server: GitServer, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "git", "url": f"{server.url}/{name}.git", "access_token": f"env:{VARIABLE}", **more}


def test_the_check_says_that_a_repository_can_be_read_and_is_written_by_git_push(
    server: GitServer, name: str, project: Path
) -> None:
    storage = open_storage(over_http(server, name))

    report = storage.check()

    assert [step.ok for step in report.steps] == [True, True, None, True]
    assert git(project, "rev-parse", "HEAD") in report.evidence
    server.close()
    try:
        away = storage.check()
    finally:
        server.again()
    assert [step.ok for step in away.steps] == [False, None, None, None]
    assert away.mend


# Which commit.


def test_without_a_repository_it_is_the_origin_and_the_commit_of_the_checkout(
    server: GitServer, name: str, project: Path
) -> None:
    git(project, "remote", "set-url", "origin", f"{server.url}/{name}.git".replace("://", "://me:secret@"))

    stored = open_storage({"kind": "git", "access_token": f"env:{VARIABLE}"}).put(collect(project))

    assert stored.reference["url"] == f"{server.url}/{name}.git"
    assert stored.reference["commit"] == git(project, "rev-parse", "HEAD")
    assert "secret" not in str(stored)


def test_an_older_commit_that_is_checked_out_is_taken_as_it_is(server: GitServer, name: str, project: Path) -> None:
    old = git(project, "rev-parse", "HEAD")
    (project / "flow.py").write_text("newer = True\n")
    server.push(name, project)
    git(project, "checkout", "--quiet", old)

    stored = open_storage(over_http(server, name)).put(collect(project))

    assert stored.reference["commit"] == old


@pytest.mark.parametrize("kind", ["annotated", "light", "branch", "commit"])
def test_a_tag_a_branch_and_a_commit_lead_to_the_commit(
    server: GitServer, name: str, project: Path, tmp_path: Path, kind: str
) -> None:
    commit = git(project, "rev-parse", "HEAD")
    git(project, "tag", *(["-a", "-m", "x"] if kind == "annotated" else []), "v1.0")
    git(project, "push", "--quiet", str(server.bare(name)), "v1.0", "HEAD:refs/heads/release/1.0")
    tree = collect(project)
    (project / "flow.py").write_text("newer = True\n")
    server.push(name, project)
    git(project, "checkout", "--quiet", commit)
    ref = {"branch": "release/1.0", "commit": commit}.get(kind, "v1.0")

    stored = open_storage(over_http(server, name, ref=ref)).put(tree)

    assert stored.reference["commit"] == commit
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")
    assert collect(tmp_path / "out").digest == tree.digest


def test_a_branch_that_moved_on_does_not_change_what_was_registered(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    stored = open_storage(over_http(server, name, ref="main")).put(collect(project))
    (project / "flow.py").write_text("newer = True\n")
    server.push(name, project)

    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert (tmp_path / "out/flow.py").read_text() == "import lib.words\n"


@pytest.mark.parametrize("transport", ["http", "ssh"])
def test_a_commit_that_was_pushed_away_and_cleaned_up_is_missing_by_name(
    server: GitServer, ssh: SshServer, name: str, project: Path, tmp_path: Path, transport: str
) -> None:
    reference = over_http(server, name) if transport == "http" else over_ssh(ssh, server, name)
    stored = open_storage({**reference, "ref": "main"}).put(collect(project))
    git(project, "commit", "--quiet", "--amend", "--message", "other history")
    server.push(name, project)
    git(server.bare(name), "reflog", "expire", "--expire=now", "--all")
    git(server.bare(name), "gc", "--quiet", "--prune=now")

    with pytest.raises(CodeMissing, match=r"does not have the commit .*any more.*force-pushed") as missing:
        open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert stored.reference["commit"] in str(missing.value)
    assert not list(tmp_path.glob("*out*"))


def test_a_server_that_gives_tips_only_is_asked_for_the_branch(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    stored = open_storage(over_http(server, name, ref="main")).put(collect(project))
    (project / "flow.py").write_text("newer = True\n")
    server.push(name, project)
    git(server.bare(name), "config", "protocol.version", "0")
    git(server.bare(name), "config", "uploadpack.allowAnySHA1InWant", "false")
    reference = {**stored.reference, "url": f"{server.url}/{name}.git"}

    open_storage(reference).fetch(reference, stored.digest, tmp_path / "out")

    assert collect(tmp_path / "out").digest == stored.digest


def test_a_folder_of_the_repository_is_a_tree_of_its_own(server: GitServer, name: str, tmp_path: Path) -> None:
    root = tmp_path / "mono"
    write_project(root / "teams/etl")
    (root / "elsewhere.py").write_text("x = 1\n")
    server.checkout(name, root)

    stored = open_storage(over_http(server, name)).put(collect(root / "teams/etl"))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert stored.reference["folder"] == "teams/etl"
    assert (tmp_path / "out/flow.py").exists()
    assert not (tmp_path / "out/elsewhere.py").exists()
    with pytest.raises(StorageRefused, match=f"--root {root}/teams/etl"):
        open_storage(over_http(server, name, folder="teams/etl")).put(collect(root))
    with pytest.raises(CodeMissing, match="has no folder 'nowhere'"):
        open_storage(over_http(server, name, folder="nowhere")).put(collect(tmp_path / "out"))


# What is registered is what runs.


def test_files_that_are_not_committed_are_named_with_what_to_do(server: GitServer, name: str, project: Path) -> None:
    (project / "flow.py").write_text("changed = True\n")
    (project / "new.py").write_text("new = True\n")
    (project / "lib/again.py").unlink()

    with pytest.raises(StorageRefused) as refused:
        open_storage(over_http(server, name)).put(collect(project))

    for part in ("changed here: flow.py", "not in the commit: new.py", "not here: lib/again.py", "git push", name):
        assert part in str(refused.value)


def test_a_commit_that_is_not_pushed_is_refused_with_git_push(server: GitServer, name: str, project: Path) -> None:
    (project / "flow.py").write_text("changed = True\n")
    git(project, "commit", "--quiet", "--all", "--message", "not pushed")

    with pytest.raises(StorageRefused, match=r"checked out in .*\. Push it: git push"):
        open_storage(over_http(server, name)).put(collect(project))


def test_what_git_ignores_is_no_part_of_the_code(server: GitServer, name: str, project: Path) -> None:
    (project / ".gitignore").write_text("data/\n*.log\n")
    server.push(name, project)
    (project / "data").mkdir()
    (project / "data/large.csv").write_text("1,2\n")
    (project / "run.log").write_text("x\n")

    stored = open_storage(over_http(server, name)).put(collect(project))

    assert stored.digest != collect(project).digest
    shutil.rmtree(project / "data")
    (project / "run.log").unlink()
    assert stored.digest == collect(project).digest


def test_a_file_that_must_be_there_is_looked_for(server: GitServer, name: str, project: Path) -> None:
    assert open_storage(over_http(server, name, path="lib/words.py")).put(collect(project)).digest
    with pytest.raises(StorageRefused, match=r"has no file lib/none\.py"):
        open_storage(over_http(server, name, path="lib/none.py")).put(collect(project))


def test_another_digest_than_the_commits_is_never_run(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    stored = open_storage(over_http(server, name)).put(collect(project))
    (project / "flow.py").write_text("import evil\n")
    other = server.push(name, project)

    with pytest.raises(DigestMismatch, match=stored.digest):
        open_storage(stored.reference).fetch({**stored.reference, "commit": other}, stored.digest, tmp_path / "out")

    assert not list(tmp_path.glob("*out*"))


# Who is let in.


@pytest.mark.parametrize("secret", ["wrong-token-canary", "", "two\nlines"])
def test_a_wrong_token_is_denied_and_in_no_message(
    server: GitServer, name: str, project: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("OTHER_TOKEN", secret)
    storage = open_storage(over_http(server, name, access_token="env:OTHER_TOKEN"))

    with pytest.raises(StorageDenied) as denied:
        storage.put(collect(project))
    report = storage.check()

    assert name in str(denied.value) or "more than one line" in str(denied.value)
    assert report.steps[1].ok is False
    assert "canary" not in f"{denied.value}{denied.value.__cause__!r}{report}"


def test_no_token_where_one_is_needed_says_how_to_give_one(server: GitServer, name: str, project: Path) -> None:
    with pytest.raises(StorageDenied, match=r"none was given \(access_token='env:GIT_TOKEN'\)"):
        open_storage({"kind": "git", "url": f"{server.url}/{name}.git"}).put(collect(project))


def test_a_repository_that_is_not_there_is_refused(server: GitServer, project: Path) -> None:
    with pytest.raises(StorageRefused, match=r"no such repository.*may not see it"):
        open_storage(over_http(server, "group/none")).put(collect(project))


def test_a_stranger_s_key_and_an_unknown_host_are_denied(
    server: GitServer, ssh: SshServer, name: str, project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "known_hosts"
    host, stranger = ssh.known_hosts.read_text().split()[0], (ssh.folder / "stranger.pub").read_text().split()[:2]
    other.write_text(" ".join([host, *stranger]) + "\n")

    for wrong, words in (
        ({"ssh_key_file": str(ssh.key("stranger"))}, r"Permission denied \("),
        ({"known_hosts_file": str(tmp_path / "none")}, "host key is not in known_hosts"),
        ({"known_hosts_file": str(other)}, "host key is not in known_hosts"),
        ({"ssh_key_file": str(tmp_path / "no-key")}, r"Permission denied \("),
    ):
        with pytest.raises(StorageDenied, match=words):
            open_storage(over_ssh(ssh, server, name, **wrong)).put(collect(project))


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("git@git.example.com:team/flows.git", "team/flows.git"),
        ("git.example.com:~/flows.git", "~/flows.git"),
        ("git@git.example.com:/srv/flows.git", "/srv/flows.git"),
        ("ssh://git@git.example.com/srv/flows.git", "/srv/flows.git"),
    ],
)
def test_what_stands_behind_a_colon_is_asked_for_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, asked: str
) -> None:
    # No server: what git gives to ssh is what a server would be asked for.
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/given\nexit 255\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert not open_storage({"kind": "git", "url": address}).check().ok

    assert (tmp_path / "given").read_text().splitlines()[-1] == f"git-upload-pack '{asked}'"


def test_an_ssh_key_may_be_a_secret(
    server: GitServer, ssh: SshServer, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_KEY", ssh.key().read_text())
    reference = over_ssh(ssh, server, name, ssh_key_file=None, ssh_key="env:DEPLOY_KEY")

    stored = open_storage(reference).put(collect(project))

    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")
    assert "PRIVATE KEY" not in str(stored)


def test_the_whole_address_may_be_a_secret(
    server: GitServer, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLONE_URL", f"{server.url}/{name}.git".replace("://", f"://oauth2:{TOKEN}@"))
    storage = open_storage({"kind": "git", "git_clone_url_secret_name": "env:CLONE_URL"})

    stored = storage.put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert TOKEN not in str(stored)
    assert server.requests[-1][1] == f"oauth2:{TOKEN}"


def test_a_token_goes_to_its_own_host_only(server: GitServer, name: str, project: Path, tmp_path: Path) -> None:
    stored = open_storage(over_http(server, name)).put(collect(project))
    with GitServer(tmp_path / "thief", login=True) as thief, GitServer(tmp_path / "mirror") as mirror:
        mirror.redirect_to = thief.url

        moved = {**stored.reference, "url": f"{mirror.url}/{name}.git"}
        with pytest.raises(StorageDenied):
            open_storage(moved).fetch(moved, stored.digest, tmp_path / "out")

        assert thief.requests
        assert not any(TOKEN in login for _, login in thief.requests)


def test_a_token_never_travels_readably(project: Path) -> None:
    with pytest.raises(StorageRefused, match=r"would travel readably.*https"):
        open_storage({"kind": "git", "url": "http://git.example.com/a/b.git", "access_token": f"env:{VARIABLE}"}).put(
            collect(project)
        )


def test_the_token_is_on_no_command_line_and_in_no_file(
    server: GitServer, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    # What git is given, and what lies in its folder then, is written down before the real git runs.
    (folder / "git").write_text(
        f'#!/bin/sh\necho "argv: $*" >> {seen}\ncat $PWD/config $PWD/.git/config >> {seen} 2>/dev/null\n'
        f'{real} "$@"\nstatus=$?\nps -eo args >> {seen}\nexit $status\n'
    )
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert "argv: fetch" in seen.read_text()
    assert TOKEN not in seen.read_text()


# What an address, a ref or a variable may try.


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/pwned",
        "ext::sh",
        "--upload-pack=touch /tmp/pwned",
        "-oProxyCommand=touch",
        "ssh://-oProxyCommand=touch/x",
        "git@-oProxyCommand=touch:x",
        "-git@host:x",
        "ssh://me@host/-x",
        "git@host:-x",
        "https://host/../../etc",
        "https://-host/x",
        "https://host/%2e%2e/x",
        "https://host/a\nb",
        "https://host/a b",
        "https://host/`id`",
        "https://host/$(id)",
        "https://host:port/x",
        "https://host",
        "https:///x",
        "file:///etc",
        "file://host/etc",
        "/etc",
        "../x",
        "fd::17",
        "ftp://host/x",
        "git://host/x",
        "transport::https://host/x",
        "https://user:literal-secret@host/x",
        "https://literal-secret@host/x",
        "ssh://me:literal-secret@host/x",
        "https://host/x?a=b",
        "https://host/x#y",
        "",
        "x" * 3000,
    ],
)
def test_an_address_that_is_more_than_an_address_is_refused(url: str) -> None:
    with pytest.raises(UnsafeCode) as refused:
        open_storage({"kind": "git", "url": url, "commit": "0" * 40})

    assert "literal-secret" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ref": ref}
        for ref in ("-x", "--upload-pack=x", "a..b", "a b", "a\nb", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b")
    ]
    + [{"ref": ref} for ref in ("/a", "a/", "a//b", "a.", ".a", "a/.b", "a.lock", "a.lock/b", "@", "a@{1}", "")]
    + [{"commit": commit} for commit in ("main", "abc123", "-" + "0" * 39, "G" * 40, "0" * 41)]
    + [{"folder": folder} for folder in ("../x", "/x", "a/../../b", "a\nb")]
    + [{"ssh_key_file": "-x"}, {"username": "a\nb"}, {"access_token": "literal"}, {"upload_pack": "x"}],
)
def test_a_ref_a_commit_or_a_folder_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(UnsafeCode, match="storage reference of kind git is wrong"):
        open_storage({"kind": "git", "url": "https://git.example.com/a/b.git", **wrong})


def test_a_local_path_is_taken_only_where_git_itself_was_told_so(
    server: GitServer, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = {"kind": "git", "url": f"file://{server.bare(name)}"}
    with pytest.raises(UnsafeCode, match="https://"):
        open_storage(reference)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:https")

    stored = open_storage(reference).put(collect(project))

    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")


def test_variables_and_configuration_of_the_machine_change_nothing(
    server: GitServer, name: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "pwned"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {marker}\n")
    trap.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f'[core]\nhooksPath={tmp_path}\nfsmonitor={trap}\nsshCommand={trap}\n[url "ext::{trap} "]\ninsteadOf=http\n'
        f"[credential]\nhelper=!{trap}\n"
    )
    for variable in (
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
        "SSH_ASKPASS",
        "GIT_PROXY_COMMAND",
        "GIT_EXTERNAL_DIFF",
    ):
        monkeypatch.setenv(variable, str(trap))
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXEC_PATH"):
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    git(project, "config", "core.fsmonitor", str(trap))
    git(project, "config", "core.hooksPath", str(tmp_path))

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert not marker.exists()


# What a repository may try.


def test_a_repository_with_hooks_filters_and_large_file_pointers_runs_nothing(
    server: GitServer, name: str, tmp_path: Path
) -> None:
    marker = tmp_path / "pwned"
    project = write_project(tmp_path / "project")
    (project / ".gitattributes").write_text("*.py filter=evil eol=crlf ident\n*.bin filter=lfs diff=lfs merge=lfs\n")
    (project / "plain.bin").write_bytes(b"\r\n")
    (project / ".gitconfig").write_text(f'[filter "evil"]\nsmudge = touch {marker}\n')
    server.checkout(name, project)
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        (project / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (project / ".git/hooks" / hook).chmod(0o755)
    git(project, "config", "filter.evil.smudge", f"touch {marker}")

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert not marker.exists()
    assert (tmp_path / "out/flow.py").read_bytes() == b"import lib.words\n"
    assert (tmp_path / "out/plain.bin").read_bytes() == b"\r\n"
    assert not (tmp_path / "out/.git").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "lib/../../outside", "nowhere", "itself"])
def test_a_link_that_leads_out_is_refused(server: GitServer, name: str, tmp_path: Path, target: str) -> None:
    stored, commit = malicious(server, name, tmp_path, [("120000", target.encode(), "itself")])

    with pytest.raises(UnsafeCode, match="itself"):
        fetched(stored, commit, tmp_path)

    assert not list(tmp_path.glob("*out*"))


def test_a_link_inside_is_the_file_that_it_leads_to(server: GitServer, name: str, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    (project / "alias.py").symlink_to("lib/words.py")
    server.checkout(name, project)

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert not (tmp_path / "out/alias.py").is_symlink()
    assert (tmp_path / "out/alias.py").read_text() == (project / "lib/words.py").read_text()


@pytest.mark.parametrize(
    "entries",
    [
        [("120000", b"/tmp", "a"), ("100644", b"x", "a/pwned")],
        [("120000", b"lib", "a"), ("100644", b"x", "a/pwned")],
        [("100644", b"x", "Flow.py"), ("100644", b"y", "flow.py")],
        [("100644", b"x", "lib/a"), ("100644", b"y", "LIB/b")],
        [("100644", b"x", ".git/hooks/post-checkout")],
        [("100644", b"x", "a/.GIT/config")],
        [("100644", b"x", "git~1/config")],
        [("100644", b"x", "a\nb")],
        [("100644", b"x", "a\\b")],
        [("100644", b"x", "C:x")],
        [("100644", b"x", "../escaped")],
        [("100644", b"x", "a/../../escaped")],
    ],
)
def test_names_that_would_write_elsewhere_or_over_each_other_are_refused(
    server: GitServer, name: str, tmp_path: Path, entries: list[tuple[str, bytes, str]]
) -> None:
    stored, commit = malicious(server, name, tmp_path, entries)

    with pytest.raises(UnsafeCode):
        fetched(stored, commit, tmp_path)

    assert not Path("/tmp/pwned").exists()
    assert not list(tmp_path.rglob("escaped"))
    assert not list(tmp_path.glob("*out*"))


def test_a_file_that_looks_like_an_option_is_a_file(server: GitServer, name: str, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    for odd in ("-rf", "--upload-pack=touch", "$(touch pwned)", "`id`", "a b", "ü.py", "'quoted'"):
        (project / odd).write_text(odd)
    server.checkout(name, project)

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert (tmp_path / "out/-rf").read_text() == "-rf"
    assert collect(tmp_path / "out").digest == collect(project).digest


def test_a_submodule_is_left_out_and_its_address_is_never_used(server: GitServer, name: str, tmp_path: Path) -> None:
    marker = tmp_path / "pwned"
    project = write_project(tmp_path / "project")
    (project / ".gitmodules").write_text(f'[submodule "s"]\npath = sub\nurl = ext::sh -c touch% {marker}\n')
    git_init = server.checkout(name, project)
    git(git_init, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(git_init, "commit", "--quiet", "--message", "a submodule")
    git(git_init, "push", "--quiet", "--force", str(server.bare(name)), "HEAD:refs/heads/main")

    stored = open_storage(over_http(server, name)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert not marker.exists()
    assert not (tmp_path / "out/sub").exists()


def test_pointers_of_lfs_are_refused_by_name_unless_they_are_no_code(
    server: GitServer, name: str, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "project")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n"
    (project / "model.bin").write_text(pointer)
    server.checkout(name, project)
    storage = open_storage(over_http(server, name))

    with pytest.raises(StorageRefused, match=r"pointers of Git LFS .*: model\.bin\..*\.homeportignore"):
        storage.put(collect(project))

    (project / "model.bin").write_bytes(b"what LFS puts in its place")
    with pytest.raises(StorageRefused, match="pointers of Git LFS"):
        storage.put(collect(project))
    (project / ".homeportignore").write_text("*.bin\n")
    git(project, "update-index", "--assume-unchanged", "model.bin")
    server.push(name, project)
    assert storage.put(collect(project)).digest == collect(project).digest


# Submodules.


def submodule(server: GitServer, project: Path, other: str, path: str, address: str) -> None:
    """Add the repository `other` at `path`, checked out; .gitmodules says this address."""
    git(project, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(server.bare(other)), path)
    git(project, "config", "--file", ".gitmodules", f"submodule.{path}.url", address)


@pytest.fixture
def library(server: GitServer, name: str, tmp_path: Path) -> str:
    """Another repository on the same server, which has a submodule of its own."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "deep.py").write_text("DEEP = 1\n")
    server.checkout(f"{name}-inner", inner)
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "shared.py").write_text("SHARED = 1\n")
    (folder / ".gitignore").write_text("made/\n")
    (folder / "alias.py").symlink_to("shared.py")
    server.checkout(f"{name}-library", folder)
    submodule(server, folder, f"{name}-inner", "vendor/inner", f"./../{tmp_path.name}-inner.git/")
    server.push(f"{name}-library", folder)
    return f"{name}-library"


def test_submodules_are_fetched_at_their_commits_with_theirs(
    server: GitServer, name: str, project: Path, library: str, tmp_path: Path
) -> None:
    submodule(server, project, library, "lib/library", f"../{tmp_path.name}-library.git")
    git(project, "-c", "protocol.file.allow=always", "-c", f"url.{server.folder}/.insteadOf={server.url}/",
        "submodule", "--quiet", "update", "--init", "--recursive")  # fmt: skip
    server.push(name, project)
    (project / "lib/library/made").mkdir()
    (project / "lib/library/made/x").touch()
    reference = over_http(server, name, include_submodules=True)

    stored = open_storage(reference).put(collect(project))
    moved = tmp_path / "library"
    (moved / "shared.py").write_text("SHARED = 2\n")
    server.push(library, moved)
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert stored.reference["include_submodules"] is True
    assert (tmp_path / "out/lib/library/shared.py").read_text() == "SHARED = 1\n"
    assert (tmp_path / "out/lib/library/alias.py").read_text() == "SHARED = 1\n"
    assert (tmp_path / "out/lib/library/vendor/inner/deep.py").read_text() == "DEEP = 1\n"
    assert not list((tmp_path / "out").rglob(".git"))
    asked = {path.partition(".git/")[0] for path, login in server.requests if login.endswith(TOKEN)}
    assert {f"/{name}", f"/{library}", f"/{name}-inner"} <= asked


def test_a_submodule_whose_author_uses_ssh_is_reached_by_the_token_of_that_host(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/lib.py").touch()
    server.checkout(f"{name}-lib", tmp_path / "lib")
    submodule(server, project, f"{name}-lib", "sub", f"git@127.0.0.1:{name}-lib.git")
    server.push(name, project)

    stored = open_storage(over_http(server, name, include_submodules=True)).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert (tmp_path / "out/sub/lib.py").exists()


def test_a_folder_of_a_repository_has_the_submodules_below_it(
    server: GitServer, name: str, project: Path, library: str, tmp_path: Path
) -> None:
    submodule(server, project, library, "lib/library", f"../{tmp_path.name}-library.git")
    submodule(server, project, library, "other", "ext::touch")
    server.push(name, project)
    git(project, "-c", "protocol.file.allow=always", "-c", f"url.{server.folder}/.insteadOf={server.url}/",
        "submodule", "--quiet", "update", "--init", "--recursive", "lib/library")  # fmt: skip

    stored = open_storage(over_http(server, name, include_submodules=True)).put(collect(project / "lib"))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert (tmp_path / "out/library/shared.py").exists()


def test_a_submodule_that_is_checked_out_and_left_out_is_told_with_what_includes_it(
    server: GitServer, name: str, project: Path, library: str
) -> None:
    submodule(server, project, library, "lib/library", "../library.git")
    server.push(name, project)

    with pytest.raises(StorageRefused, match=r"lib/library/shared\.py.*lib/library is left out: give include_submod"):
        open_storage(over_http(server, name)).put(collect(project))


def test_a_submodule_that_is_not_checked_out_here_is_told(
    server: GitServer, name: str, project: Path, library: str, tmp_path: Path
) -> None:
    submodule(server, project, library, "lib/library", f"../{tmp_path.name}-library.git")
    server.push(name, project)
    git(project, "submodule", "--quiet", "deinit", "--force", "lib/library")

    with pytest.raises(StorageRefused, match=r"not here: lib/library.*git submodule update --init"):
        open_storage(over_http(server, name, include_submodules=True)).put(collect(project))


def test_a_token_is_not_given_to_the_host_of_a_submodule(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    with GitServer(tmp_path / "elsewhere", login=False) as other:
        (tmp_path / "public").mkdir()
        (tmp_path / "public/public.py").touch()
        other.checkout("public", tmp_path / "public")
        submodule(other, project, "public", "public", f"{other.url}/public.git")
        server.push(name, project)

        stored = open_storage(over_http(server, name, include_submodules=True)).put(collect(project))
        open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

        assert {login for _, login in other.requests} == {""}
    assert (tmp_path / "out/public/public.py").exists()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ext::sh -c touch% {marker}", "cannot be fetched"),
        ("--upload-pack=touch {marker}", "cannot be fetched"),
        ("file://{bare}", "it leads to a path of this machine"),
        ("{bare}", "cannot be fetched"),
        ("../../../../x.git", "it leads out of its host"),
        ("../..", "no proper path|no such repository"),
        ("https://me:secret-of-ours@host/x", "a password or token in it"),
        ("", "cannot be fetched"),
        (None, "does not say where it is"),
    ],
)
def test_an_address_of_a_submodule_that_is_more_than_one_is_refused(
    server: GitServer, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, why: str
) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:https:http:ext")  # it is the repository's own scheme that counts
    marker, bare = tmp_path / "pwned", server.make(f"{name}-local")
    text = "" if address is None else f'[submodule "s"]\npath = sub\nurl = {address.format(marker=marker, bare=bare)}\n'
    repository = server.make(name)
    blob = hashed(repository, "blob", text.encode())
    tree = f"100644 blob {blob}\t.gitmodules\x00160000 commit {'1' * 40}\tsub\0".encode()
    commit = commit_of(repository, tree)
    reference = over_http(server, name, commit=commit, include_submodules=True)

    with pytest.raises(StorageError, match=why) as refused:
        fetched(reference, commit, tmp_path)

    assert "secret-of-ours" not in str(refused.value)
    assert not marker.exists()
    assert not list(tmp_path.glob("*out*"))


def test_submodules_without_end_are_given_up_on(server: GitServer, name: str, tmp_path: Path) -> None:
    commit = ""
    for level in range(8):
        bare = server.make(f"{name}-{level}")
        below = f"../{tmp_path.name}-{level - 1}.git"
        blob = hashed(bare, "blob", f'[submodule "s"]\npath = s\nurl = {below}\n'.encode())
        entries = f"100644 blob {blob}\t.gitmodules\0" + (f"160000 commit {commit}\ts\0" if commit else "")
        commit = commit_of(bare, entries.encode())
    reference = over_http(server, f"{name}-7", commit=commit, include_submodules=True)

    with pytest.raises(UnsafeCode, match="more than 5 deep"):
        fetched(reference, commit, tmp_path)


def test_a_submodule_is_not_written_through_a_link(server: GitServer, name: str, library: str, tmp_path: Path) -> None:
    bare, outside = server.make(name), tmp_path / "outside"
    outside.mkdir()
    inner = git(server.bare(library), "rev-parse", "refs/heads/main")
    modules = f'[submodule "s"]\npath = a/b\nurl = ../{tmp_path.name}-library.git\n'
    named = {
        "100644 .gitmodules": hashed(bare, "blob", modules.encode()),
        "120000 a": hashed(bare, "blob", str(outside).encode()),
    }
    below = hashed(bare, "tree", b"160000 b\0" + bytes.fromhex(inner))
    raw = b"".join(f"{entry}".encode() + b"\0" + bytes.fromhex(of) for entry, of in named.items())
    commit = commit_of(bare, raw + b"40000 a\0" + bytes.fromhex(below))
    reference = over_http(server, name, commit=commit, include_submodules=True)

    with pytest.raises(UnsafeCode, match="'a'"):
        fetched(reference, commit, tmp_path)

    assert not list(outside.iterdir())


def test_the_room_for_a_repository_is_shared_by_its_submodules(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    for part in ("one", "two"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "large.bin").write_bytes(os.urandom(3 * 1024 * 1024))
        server.checkout(f"{name}-{part}", tmp_path / part)
        submodule(server, project, f"{name}-{part}", part, f"../{tmp_path.name}-{part}.git")
    server.push(name, project)
    stored = open_storage(over_http(server, name, include_submodules=True)).put(collect(project))

    small = {**stored.reference, "max_megabytes": 5}
    with pytest.raises(StorageRefused, match="larger than"):
        open_storage(small).fetch(small, stored.digest, tmp_path / "out")


def test_a_second_working_tree_is_registered_like_the_first(
    server: GitServer, name: str, project: Path, tmp_path: Path
) -> None:
    git(project, "worktree", "add", "--quiet", str(tmp_path / "second"), "HEAD")

    stored = open_storage(over_http(server, name)).put(collect(tmp_path / "second"))

    assert stored.digest == collect(project).digest


def test_a_repository_that_is_too_large_is_given_up_on(server: GitServer, name: str, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    (project / "large.bin").write_bytes(os.urandom(8 * 1024 * 1024))
    server.checkout(name, project)
    stored = open_storage(over_http(server, name)).put(collect(project))

    small = {**stored.reference, "max_megabytes": 2}
    with pytest.raises(StorageRefused, match="larger than 2 MiB"):
        open_storage(small).fetch(small, stored.digest, tmp_path / "out")

    assert not list(tmp_path.glob("*out*"))


def test_a_commit_that_unpacks_to_gigabytes_is_refused_before_anything_is_written(
    server: GitServer, name: str, tmp_path: Path
) -> None:
    bare = server.make(name)
    blob = hashed(bare, "blob", bytes(30 * 1024 * 1024))  # a few kilobytes when it is packed, and a hundred times here
    commit = commit_of(bare, b"".join(f"100644 blob {blob}\tbomb{number}\0".encode() for number in range(100)))
    reference = over_http(server, name, commit=commit, timeout=120)

    with pytest.raises(CodeTooLarge, match="folder="):
        open_storage(reference).fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")


def test_a_server_that_hangs_is_given_up_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reference = {"kind": "git", "url": f"http://127.0.0.1:{listener.getsockname()[1]}/a.git", "timeout": 1}

        began = time.monotonic()
        with pytest.raises(StorageUnreachable, match="not done within 1 s"):
            open_storage({**reference, "ref": "main"}).put(collect(write_project(tmp_path / "project")))

    assert time.monotonic() - began < 30


def test_nothing_of_git_outlives_a_fetch_that_was_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        access = Access(parse(f"http://127.0.0.1:{listener.getsockname()[1]}/a.git"), timeout=1)
        with remote(access) as running:
            folder = running.folder
            with pytest.raises(StorageUnreachable):
                running.run("ls-remote", "--", str(access.url), doing="read")

    assert not folder.exists()
    assert str(access.url) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_two_fetches_at_once_do_not_meet(server: GitServer, name: str, project: Path, tmp_path: Path) -> None:
    stored = open_storage(over_http(server, name)).put(collect(project))
    failures: list[BaseException] = []

    def fetch(number: int) -> None:
        try:
            open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / f"out-{number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert {collect(tmp_path / f"out-{number}").digest for number in range(4)} == {stored.digest}


def test_git_is_asked_for_by_name_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StorageRefused, match="git is not on this machine; install it"):
        Git(tmp_path)


# The hosts.


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ({"kind": "github", "repo": "org/flows"}, "https://github.com/org/flows.git"),
        ({"kind": "github", "repository": "https://github.com/org/flows"}, "https://github.com/org/flows"),
        ({"kind": "github", "repository": "git@github.com:org/flows.git"}, "git@github.com:org/flows.git"),
        (
            {"kind": "github", "repo": "org/flows", "base_url": "https://github.example.com/api/v3"},
            "https://github.example.com/org/flows.git",
        ),
        ({"kind": "gitlab", "repo": "group/sub/flows"}, "https://gitlab.com/group/sub/flows.git"),
        (
            {"kind": "gitlab", "repo": "g/f", "host": "http://gitlab.internal:8080"},
            "http://gitlab.internal:8080/g/f.git",
        ),
        ({"kind": "bitbucket", "workspace": "team", "repo": "flows"}, "https://bitbucket.org/team/flows.git"),
        (
            {"kind": "bitbucket", "project": "PRJ", "repo": "flows", "host": "bb.internal"},
            "https://bb.internal/scm/PRJ/flows.git",
        ),
        ({"kind": "git", "repo": "org/flows", "repo_host": "git.example.com"}, "https://git.example.com/org/flows.git"),
        ({"kind": "git", "repo": "org/flows", "use_ssh": True}, "git@github.com:org/flows.git"),
    ],
)
def test_the_address_is_the_one_of_the_host(reference: dict[str, Any], url: str) -> None:
    assert open_storage(reference).where == f"the git repository {url}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["github", "gitlab", "bitbucket"])
def test_each_host_s_kind_stores_and_fetches(
    server: GitServer, name: str, project: Path, tmp_path: Path, kind: str
) -> None:
    reference = {"kind": kind, "repo": name, "host": server.url, "access_token": f"env:{VARIABLE}", "reference": "main"}
    if kind == "bitbucket":
        (server.folder / "scm").mkdir(exist_ok=True)
        shutil.copytree(server.bare(name), server.bare(f"scm/PRJ/{tmp_path.name}"))
        reference |= {"repo": tmp_path.name, "project": "PRJ"}

    stored = open_storage(reference).put(collect(project))
    open_storage(stored.reference).fetch(stored.reference, stored.digest, tmp_path / "out")

    assert (stored.reference["kind"], stored.reference["ref"]) == (kind, "main")
    user = {"github": "x-access-token", "gitlab": "oauth2", "bitbucket": "x-token-auth"}[kind]
    assert server.requests[-1][1] == f"{user}:{TOKEN}"


@pytest.mark.parametrize("repo", ["--upload-pack=x", "../x", "a/../../b", "a\nb", "ext::sh", "https://u:p@host/x"])
@pytest.mark.parametrize("kind", ["github", "gitlab", "bitbucket"])
def test_a_name_of_a_repository_that_is_none_is_refused(kind: str, repo: str) -> None:
    with pytest.raises(UnsafeCode):
        open_storage({"kind": kind, "repo": repo, **({"workspace": "w"} if kind == "bitbucket" else {})})


def malicious(
    server: GitServer, name: str, tmp_path: Path, entries: list[tuple[str, bytes, str]]
) -> tuple[dict[str, Any], str]:
    """A commit with exactly these entries, whatever git thinks of their names."""
    bare = server.make(name)
    commit = commit_of(bare, tree_of(bare, entries))
    return over_http(server, name, commit=commit), commit


def tree_of(bare: Path, entries: list[tuple[str, bytes, str]]) -> bytes:
    """A tree object's raw bytes; folders are made of the parts of a path, in the order given."""
    inner: dict[str, list[tuple[str, bytes, str]]] = {}
    raw = b""
    for mode, content, path in entries:
        folder, slash, rest = path.partition("/")
        if slash:
            inner.setdefault(folder, []).append((mode, content, rest))
            continue
        blob = hashed(bare, "blob", content)
        raw += f"{mode} {path}".encode() + b"\0" + bytes.fromhex(blob)
    for folder, below in inner.items():
        raw += f"40000 {folder}".encode() + b"\0" + bytes.fromhex(hashed(bare, "tree", tree_of(bare, below)))
    return raw


def hashed(bare: Path, kind: str, content: bytes) -> str:
    done = subprocess.run(
        ["git", "hash-object", "-t", kind, "-w", "--literally", "--stdin"],
        cwd=bare,
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def commit_of(bare: Path, tree: bytes) -> str:
    if b" blob " in tree:  # as ls-tree prints it
        made = subprocess.run(["git", "mktree", "-z"], cwd=bare, input=tree, capture_output=True, check=True)
        name = made.stdout.decode().strip()
    else:
        name = hashed(bare, "tree", tree)
    text = f"tree {name}\nauthor a <a@b.c> 0 +0000\ncommitter a <a@b.c> 0 +0000\n\nx\n".encode()
    commit = hashed(bare, "commit", text)
    git(bare, "update-ref", "refs/heads/main", commit)
    return commit


def fetched(reference: dict[str, Any], commit: str, tmp_path: Path) -> None:
    open_storage(reference).fetch(reference, "sha256:" + "0" * 64, tmp_path / "out")
