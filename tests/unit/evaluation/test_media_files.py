from __future__ import annotations

from pathlib import Path

import pytest

from huiyan.evaluation.media_files import read_media
from huiyan.kernel.errors import OperatorError
from huiyan.recapture.model import Medium


def _write(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, "utf-8")
    return folder


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "两列"),
        ("file,label\n", "两列"),
        ("image,mask\na,b\n", "file、label 两列"),
        ("file,label\n,screen\n", "第 2 行"),
        ("file,label\na.jpg\n", "第 2 行"),
        ("file,label\na.jpg,moon\n", "标签未知"),
        ("file,label\na.jpg,screen\na.jpg,real\n", "重复"),
    ],
)
def test_a_list_that_is_not_right_is_the_operator_s_fault(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(OperatorError, match=rf"labels\.csv.* · .*{said}"):
        read_media(_write(tmp_path, text), {})


def test_a_list_of_no_known_text_is_the_operator_s_fault(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,label\n\xff\xfe,real\n")
    with pytest.raises(OperatorError, match="cannot be read · 无法读取"):
        read_media(tmp_path, {})


def test_a_list_with_and_without_collectors(tmp_path: Path) -> None:
    text = "file,label,collector,more\nx/a.jpg,real,c1,7\nb.jpg,original,c2,\nc.jpg,print,,\n"
    with_collectors = read_media(_write(tmp_path, text), {})
    assert [(it.file, it.medium, it.collector) for it in with_collectors] == [
        ("x/a.jpg", Medium.ORIGINAL, "c1"),
        ("b.jpg", Medium.ORIGINAL, "c2"),
        ("c.jpg", Medium.PRINT, ""),
    ]
    assert with_collectors[0].path == tmp_path / "x" / "a.jpg"
    (only,) = read_media(_write(tmp_path, "\ufefffile,label\na.jpg,screen\n"), {})
    assert (only.medium, only.collector) == (Medium.SCREEN, "")


def test_without_a_list_the_folders_name_the_media(tmp_path: Path) -> None:
    _touch(tmp_path, "screen/b.png", "real/deep/a.JPG", "print/c.jpeg", "print/notes.txt")
    found = read_media(tmp_path, {})
    assert [(it.file, it.medium) for it in found] == [
        ("print/c.jpeg", Medium.PRINT),
        ("real/deep/a.JPG", Medium.ORIGINAL),
        ("screen/b.png", Medium.SCREEN),
    ]


@pytest.mark.parametrize("name", ["a.jpg", "moon/a.jpg"])
def test_a_picture_in_no_folder_of_a_medium_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperatorError, match=r"a\.jpg.*--as.*介质.*--as"):
        read_media(_touch(tmp_path, "real/b.jpg", name), {})


def test_an_empty_folder_and_none_are_the_operator_s_fault(tmp_path: Path) -> None:
    for folder, said in ((tmp_path, "没有图片"), (tmp_path / "absent", "不是目录")):
        with pytest.raises(OperatorError, match=said):
            read_media(folder, {})


def test_other_labels_mean_what_is_said_or_are_left_out(tmp_path: Path) -> None:
    listed = read_media(_write(tmp_path, "file,label\na,real\nb,other\n"), {"other": None})
    assert [it.file for it in listed] == ["a"]
    (tmp_path / "labels.csv").unlink()
    _touch(tmp_path, "first/a.jpg", "second/b.jpg", "screen/c.jpg")
    meanings = {"first": Medium.ORIGINAL, "second": Medium.PRINT, "screen": None}
    found = read_media(tmp_path, meanings)
    assert [it.medium for it in found] == [Medium.ORIGINAL, Medium.PRINT]
    with pytest.raises(OperatorError, match="no labelled pictures are left · 没有"):
        read_media(tmp_path, dict.fromkeys(meanings))
