"""Keeping a tree: find out what the store has, send the rest in as few requests as it takes, the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from homeport.blobs import BlobStore
from homeport.code.manifest import CodeFile
from homeport.code.tree import CodeTree
from homeport_storage.indexes import (
    Index,
    Recent,
    note_version,
    read_index,
    read_recent,
    versions_alike,
    write_index,
)
from homeport_storage.layout import (
    FEW,
    HUGE,
    HUGE_AT_ONCE,
    LOOSE,
    SMALL,
    THIN,
    THIN_PACKS,
    blob_key,
    manifest_key,
    pack_key,
)
from homeport_storage.packs import NotAPackError, Pack, PackEntry, gather, parse
from homeport_storage.parallel import in_parallel, sizes_of


@dataclass(frozen=True, slots=True)
class Sent:
    """What had to travel to the storage."""

    files: int
    bytes: int


NOTHING = Sent(0, 0)


def put(store: BlobStore, tree: CodeTree) -> Sent:
    """Keep what the store does not have yet of this tree, its manifest last; what had to be sent.

    What is there is looked at even when the manifest is: registering again is how a damaged storage is mended.
    """
    unique = {file.sha256: file for file in tree.manifest.files}
    small = {sha256: file for sha256, file in unique.items() if file.size <= SMALL}
    large = [file for sha256, file in unique.items() if sha256 not in small]
    if len(small) <= FEW:
        return _put_few(store, tree, list(unique.values()))

    kept = read_index(store, tree.digest)
    if kept is not None and _is_whole(store, tree, kept, small, large):
        return NOTHING
    recent = read_recent(store)
    plan = _plan(small, _known(store, small, kept, recent))
    sent = _send(store, tree, _missing(store, [*plan.loose, *large]), plan.packs)
    index = Index(
        tuple(sorted([*plan.there, *(Pack.of(files).entry for files in plan.packs)], key=lambda pack: pack.name)),
        tuple(sorted(file.sha256 for file in plan.loose)),
    )
    if index != kept:
        write_index(store, tree.digest, index)
    _keep_manifest(store, tree)
    # Sending packs takes a while, in which others may have put their version on the list.
    note_version(store, read_recent(store) if plan.packs else recent, tree.digest, small)
    return sent


def _put_few(store: BlobStore, tree: CodeTree, files: list[CodeFile]) -> Sent:
    """A tree without packs: one look at all of it at once, then what is missing."""
    canonical, key = tree.manifest.canonical(), manifest_key(tree.digest)
    manifest, *sizes = sizes_of(store, [key, *(blob_key(file.sha256) for file in files)])
    missing = [file for file, size in zip(files, sizes, strict=True) if size != file.size]
    sent = _send(store, tree, missing, []) if missing else NOTHING
    if manifest != len(canonical):
        store.write(key, [canonical])
    return sent


def _is_whole(
    store: BlobStore, tree: CodeTree, index: Index, small: Mapping[str, CodeFile], large: Iterable[CodeFile]
) -> bool:
    """Whether all that a version is made of is there, by its size."""
    if not set(index.loose) <= small.keys():
        return False  # forged: what is sealed is of this tree
    expected = {manifest_key(tree.digest): len(tree.manifest.canonical())}
    expected |= {pack_key(pack.name): pack.size for pack in index.packs}
    expected |= {blob_key(sha256): small[sha256].size for sha256 in index.loose}
    expected |= {blob_key(file.sha256): file.size for file in large}
    return sizes_of(store, list(expected)) == list(expected.values())


# What is there already.


@dataclass(frozen=True, slots=True)
class Known:
    """Packs that are there, and small files that probably lie there by themselves."""

    packs: dict[PackEntry, Pack]
    loose: frozenset[str]


def _known(store: BlobStore, small: Mapping[str, CodeFile], kept: Index | None, recent: Recent) -> Known:
    looks = [partial(read_index, store, digest) for digest in versions_alike(recent, small)]
    alike = in_parallel(looks, store.parallel)
    indexes = [index for index in (kept, *alike) if index is not None]
    entries = list(dict.fromkeys(pack for index in indexes for pack in index.packs))
    packs = in_parallel([partial(_pack, store, entry) for entry in entries], store.parallel)
    found = {entry: pack for entry, pack in zip(entries, packs, strict=True) if pack is not None}
    return Known(found, frozenset(sha256 for index in indexes for sha256 in index.loose if sha256 in small))


def _pack(store: BlobStore, entry: PackEntry) -> Pack | None:
    """The pack, if it is there and whole by its size."""
    if store.size(pack_key(entry.name)) != entry.size:
        return None
    try:
        return parse(entry, b"".join(store.read(pack_key(entry.name), 0, entry.header)))
    except (KeyError, NotAPackError):
        return None


# What is to be sent, and how.


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each small file will be: in packs that are there, in new ones, or by itself."""

    there: list[PackEntry]
    packs: list[list[CodeFile]]
    loose: list[CodeFile]


def _plan(small: Mapping[str, CodeFile], known: Known) -> Plan:
    there, missing = _cover(small, known.packs)
    thin = {entry for entry in there if entry.size < THIN}
    if len(thin) > THIN_PACKS:
        there, missing = _cover(small, {entry: pack for entry, pack in known.packs.items() if entry not in thin})
    loose = [file for file in missing if file.sha256 in known.loose]
    fresh = [file for file in missing if file.sha256 not in known.loose]
    if len(fresh) <= FEW:
        loose, fresh = loose + fresh, []
    if len(loose) > LOOSE:
        loose, fresh = [], loose + fresh
    return Plan(there, gather(sorted(fresh, key=lambda file: file.path)), loose)


def _cover(small: Mapping[str, CodeFile], packs: Mapping[PackEntry, Pack]) -> tuple[list[PackEntry], list[CodeFile]]:
    """As few packs as hold what can be had from them, and the files that cannot."""
    holds = {
        entry: {sha256 for sha256, size in pack.files if sha256 in small and small[sha256].size == size}
        for entry, pack in packs.items()
    }
    used: list[PackEntry] = []
    missing = set(small)
    for entry, hashes in sorted(holds.items(), key=lambda item: -len(item[1])):
        if hashes & missing:
            used.append(entry)
            missing -= hashes
    return used, [file for sha256, file in small.items() if sha256 in missing]


def _missing(store: BlobStore, files: Sequence[CodeFile]) -> list[CodeFile]:
    sizes = sizes_of(store, [blob_key(file.sha256) for file in files])
    return [file for file, size in zip(files, sizes, strict=True) if size != file.size]


def _send(store: BlobStore, tree: CodeTree, alone: Sequence[CodeFile], packs: Iterable[list[CodeFile]]) -> Sent:
    jobs: list[Callable[[], Sent]] = [partial(_send_pack, store, tree, files) for files in packs]
    jobs += [partial(_send_alone, store, tree, file) for file in alone if file.size <= HUGE]
    huge = [partial(_send_alone, store, tree, file) for file in alone if file.size > HUGE]
    sent = [*in_parallel(jobs, store.parallel), *in_parallel(huge, min(HUGE_AT_ONCE, store.parallel))]
    return Sent(sum(each.files for each in sent), sum(each.bytes for each in sent))


def _send_pack(store: BlobStore, tree: CodeTree, files: list[CodeFile]) -> Sent:
    pack = Pack.of(files)
    key = pack_key(pack.entry.name)
    if store.size(key) == pack.entry.size:
        return NOTHING  # left by a registration that broke off
    store.write(key, pack.chunks(tree, files))
    return Sent(len(files), sum(file.size for file in files))


def _send_alone(store: BlobStore, tree: CodeTree, file: CodeFile) -> Sent:
    store.write(blob_key(file.sha256), tree.chunks(file))
    return Sent(1, file.size)


def _keep_manifest(store: BlobStore, tree: CodeTree) -> None:
    canonical = tree.manifest.canonical()
    if store.size(manifest_key(tree.digest)) != len(canonical):
        store.write(manifest_key(tree.digest), [canonical])
