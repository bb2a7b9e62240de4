"""What of a folder is copied, and as what."""

from __future__ import annotations

from pathlib import Path

from weft.actions.trees import walk


def build(root: Path) -> Path:
    (root / "t" / "sub" / "deep").mkdir(parents=True)
    (root / "t" / "one").write_text("1")
    (root / "t" / "sub" / "two").write_text("2")
    (root / "t" / "link").symlink_to("one")
    (root / "other").mkdir()
    (root / "other" / "three").write_text("3")
    (root / "t" / "elsewhere").symlink_to(root / "other")
    (root / "t" / "sub" / "round").symlink_to("..")
    return root / "t"


def test_without_a_slash_the_folder_itself_is_copied(tmp_path: Path) -> None:
    top = build(tmp_path)
    tree = walk(str(top), follow=False)
    assert sorted(tree.files) == [(f"{top}/one", "t/one"), (f"{top}/sub/two", "t/sub/two")]
    assert sorted(tree.folders) == ["t/sub", "t/sub/deep"]
    assert set(tree.links) == {("..", "t/sub/round"), ("one", "t/link"), (f"{tmp_path}/other", "t/elsewhere")}


def test_with_a_slash_what_is_in_it_is_copied(tmp_path: Path) -> None:
    tree = walk(f"{build(tmp_path)}/", follow=False)
    assert sorted(relative for _, relative in tree.files) == ["one", "sub/two"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    top = build(tmp_path)
    tree = walk(f"{top}/", follow=True)
    assert set(tree.files) == {
        (f"{top}/one", "link"),
        (f"{top}/one", "one"),
        (f"{top}/sub/two", "sub/two"),
        (f"{tmp_path}/other/three", "elsewhere/three"),
    }
    assert sorted(tree.folders) == ["elsewhere", "sub", "sub/deep"]
    assert tree.links == [("..", "sub/round")]


def test_a_link_to_a_folder_as_source(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "alias").symlink_to("t")
    assert walk(str(tmp_path / "alias"), follow=False).links == [("t", "alias")]
    assert ("one" in {relative for _, relative in walk(f"{tmp_path}/alias/", follow=True).files}) is True
