"""A folder of the controller as ``copy`` sees it: files, folders and links, with their places below the target."""

from __future__ import annotations

import os

from msgspec import Struct, field

_Key = tuple[int, int]  # device and inode


class Tree(Struct):
    """Everything below a folder. Relative paths are below the destination."""

    files: list[tuple[str, str]] = field(default_factory=list)  # (path on the controller, relative path)
    folders: list[str] = field(default_factory=list)  # relative paths
    links: list[tuple[str, str]] = field(default_factory=list)  # (what it points to, relative path)


def walk(top: str, follow: bool) -> Tree:
    """Walk a folder. As rsync has it, ``top`` itself is part of the relative paths unless it ends with a slash.

    ``follow``: links are replaced by what they lead to, except where that would go round in a circle.
    """
    tree = Tree()
    bare = top.rstrip("/") or "/"
    base = "" if top.endswith("/") else os.path.basename(bare)
    if os.path.islink(bare) and not follow:
        tree.links.append((os.readlink(bare), os.path.basename(bare)))
        return tree
    _walk(tree, bare, base, frozenset({_key(bare)}), follow)
    return tree


def _walk(tree: Tree, top: str, base: str, above: frozenset[_Key], follow: bool) -> None:
    for folder, folders, names in os.walk(top):
        below = os.path.join(base, os.path.relpath(folder, top)) if folder != top else base
        for name in names:
            _add_file(tree, os.path.join(folder, name), os.path.join(below, name), follow)
        for name in folders:
            path, relative = os.path.join(folder, name), os.path.join(below, name)
            if not os.path.islink(path):
                tree.folders.append(relative)
            elif not follow:
                tree.links.append((os.readlink(path), relative))
            else:
                _add_linked_folder(tree, path, relative, above)


def _add_file(tree: Tree, path: str, relative: str, follow: bool) -> None:
    if not os.path.islink(path):
        tree.files.append((path, relative))
        return
    real = os.path.realpath(path)
    if follow and os.path.isfile(real):
        tree.files.append((real, relative))
    else:
        tree.links.append((os.readlink(path), relative))


def _add_linked_folder(tree: Tree, path: str, relative: str, above: frozenset[_Key]) -> None:
    """A link to a folder: that folder's contents, or the link itself where it leads to a folder it lies in."""
    real = os.path.realpath(path)
    key = _key(real)
    parents = set(above)
    parent = os.path.dirname(path)
    while parent not in ("", "/"):
        parents.add(_key(parent))
        parent = os.path.dirname(parent)
    if key in parents:
        tree.links.append((os.readlink(path), relative))
        return
    tree.folders.append(relative)
    _walk(tree, real, relative, frozenset(parents | {key}), True)


def _key(path: str) -> _Key:
    status = os.stat(path)
    return status.st_dev, status.st_ino
