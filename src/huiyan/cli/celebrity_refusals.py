"""Why photos are not taken, as a person at a terminal is told.

Owns: the Chinese of the reasons, and that a photo which a gallery refuses is told by its file. Has
no opinion on: which photos are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huiyan.celebrity.gallery import csv_list, folder, intake, photo_import, source
from huiyan.celebrity.gallery.source import printable
from huiyan.kernel.errors import ConflictError, OperatorError

_PLACE = re.compile(r"photos\[(\d+)\]")
_IN_CHINESE = {
    intake.NO_FACE: "没有找到人脸：请换一张人脸清晰、无遮挡的照片",
    intake.NO_FACE_THERE: "该处没有人脸：请用 x,y 指明人脸的位置",
    intake.SEVERAL_FACES: "有多张人脸，无法判断是哪一张：请裁剪照片，或用 x,y 指明位置",
    intake.SMALL_FACE: f"人脸太小：至少需要 {intake.MIN_SIDE_PX:.0f} 像素",
    intake.BLURRED_FACE: "人脸模糊：请换清晰的照片",
    intake.TURNED_FACE: "侧脸角度过大：请换双眼可见的照片",
    photo_import.UNLIKE: "与此人的其他照片不像：请确认是否为本人",
    photo_import.NO_NAME: "缺少姓名",
    photo_import.NAME_TAKEN: "已有同名人物",
    folder.STRAY_FILE: "不在任何人物的子目录中：请放入以姓名命名的子目录",
    folder.STRAY_FOLDER: "不读取人物目录中的子目录",
    folder.LINK_OUT: "该目录是指向导入目录之外的链接",
    folder.UNREADABLE_FOLDER: "无法读取该目录",
    folder.NO_PHOTO: "目录中没有照片",
    csv_list.NO_PHOTO_NAMED: "该行没有写照片",
    csv_list.TOO_MANY_CELLS: "该行的单元格多于列数：请给含分隔符的单元格加引号",
    csv_list.NOT_RELATIVE: "照片须用相对路径，位于列表所在目录内",
    csv_list.NO_POINT: "“位置”列应形如 120,80",
    csv_list.LIST_ENDS: "列表从这里起无法读取",
    source.OUTSIDE: "位于导入目录之外：请复制到该目录内",
    source.NO_FILE: "不是文件",
    source.UNREADABLE: "无法读取",
}
_PATTERNS = {
    rf"\d+ {re.escape(photo_import.SEVERAL_OF_NAME)}": "有多个同名人物：请在列表的“人物”列写明 ID",
    "the file is .+, not a JPEG": "不是 JPEG、PNG、BMP 或 WebP 图片",
    "the (file|picture) is empty": "文件为空",
    r"the (file|picture) has (more than )?\d+ bytes": "文件过大",
    r"the picture has \d+ x \d+ px": "图片尺寸超出允许范围",
    "the picture is .+; taken are": "不支持的图片格式",
    ".*(JPEG|PNG|BMP|WebP).* not supported|BMP with ": "不支持这种编码的图片",
    ".*(JPEG|PNG|BMP|WebP)": "图片已损坏或不完整",
}
"""Reasons of decoding have no constants; the last ones are of whatever is left of them."""


def in_chinese(refusal: str) -> str:
    """Say a refusal of a photo in Chinese, too.

    Parameters
    ----------
    refusal : str
        The English text.

    Returns
    -------
    str
        Both, where the refusal is a known one.
    """
    for start, chinese in _IN_CHINESE.items():
        if refusal.startswith(start):
            return f"{refusal} · {chinese}"
    for pattern, chinese in _PATTERNS.items():
        if re.match(pattern, refusal):
            return f"{refusal} · {chinese}"
    return refusal


@contextmanager
def telling_files(paths: Sequence[Path]) -> Iterator[None]:
    """Have a photo that the gallery refuses told by its file, and not by its place in a list.

    Parameters
    ----------
    paths : sequence of Path
        The photos, in the order in which the gallery gets them.

    Yields
    ------
    None
        Once.

    Raises
    ------
    OperatorError
        The gallery has one of the photos already.
    """
    try:
        yield
    except ConflictError as error:
        places = [int(place) for place in _PLACE.findall(error.detail)]
        if not places or max(places) >= len(paths):
            raise
        told = _PLACE.sub(lambda match: printable(paths[int(match[1])]), error.detail)
        raise OperatorError(f"nothing was added: {told} · 未添加：照片重复") from error
