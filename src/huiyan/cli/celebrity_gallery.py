"""``huiyan celebrity``: who is looked for, who is one and the same, and what goes.

Owns: the commands that enable, merge and remove people, and those about a gallery as a whole. Has
no opinion on: who is likely the same, and how things are forgotten.
"""

from __future__ import annotations

from functools import partial

import click

from huiyan.celebrity.gallery.model import PhotoId
from huiyan.celebrity.starter import load_starter
from huiyan.cli.admin_output import (
    confirm,
    json_option,
    show_fields,
    show_json,
    show_lines,
    show_list,
    yes_option,
)
from huiyan.cli.celebrity_desk import (
    WRITE,
    OpenGallery,
    gallery,
    gallery_options,
    person_resource,
)
from huiyan.cli.celebrity_names import person_record, pick_person
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

_STARTER_HEADINGS = {
    "name_zh": "Chinese\n中文名",
    "name_en": "English\n英文名",
    "id": "id\nID",
    "occupation": "occupation\n职业",
    "photo_count": "photos\n照片",
}


@click.command("enable", short_help="Look for somebody again · 启用")
@click.argument("person")
@gallery_options
@click.pass_obj
def enable(
    settings: Settings, *, person: str, account_name: str | None, project_name: str | None
) -> None:
    """Look for PERSON again.

    重新识别 PERSON。
    """
    with gallery(settings, account_name, project_name) as opened:
        _switch(opened, person, is_enabled=True)


@click.command("disable", short_help="Keep, but never name · 停用")
@click.argument("person")
@gallery_options
@click.pass_obj
def disable(
    settings: Settings, *, person: str, account_name: str | None, project_name: str | None
) -> None:
    """Keep PERSON in the gallery, but never name them.

    保留 PERSON，但不再识别。
    """
    with gallery(settings, account_name, project_name) as opened:
        _switch(opened, person, is_enabled=False)


def _switch(opened: OpenGallery, person: str, *, is_enabled: bool) -> None:
    found = pick_person(opened, person)
    service = opened.desk.service
    opened.do(
        WRITE,
        person_resource(found.id),
        partial(service.change_person, opened.scope, found.id, enabled=is_enabled),
        {"deed": "enablePerson" if is_enabled else "disablePerson"},
    )
    show_lines([f"{found.facts.label}: {'enabled 已启用' if is_enabled else 'disabled 已停用'}"])


@click.command("merge", short_help="Two entries, one person · 合并")
@click.argument("into")
@click.argument("others", nargs=-1, required=True, metavar="FROM…")
@yes_option
@gallery_options
@json_option
@click.pass_obj
def merge(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    into: str,
    others: tuple[str, ...],
    is_confirmed: bool,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Give all photos and names of FROM… to INTO, and forget FROM…; cannot be undone.

    将 FROM… 的照片和姓名并入 INTO，并删除 FROM…，不可撤销。
    """
    with gallery(settings, account_name, project_name) as opened:
        kept = pick_person(opened, into)
        gone = [pick_person(opened, other) for other in others]
        names = ", ".join(f"{it.facts.label} ({it.id})" for it in gone)
        confirm(
            f"{names} will be one with {kept.facts.label} ({kept.id}). 合并后不可撤销。Go on?",
            is_confirmed=is_confirmed,
        )
        merged = opened.do(
            WRITE,
            person_resource(kept.id),
            partial(opened.desk.service.merge, opened.scope, kept.id, [it.id for it in gone]),
            {"deed": "merge", "from": " ".join(it.id for it in gone)},
        )
        record = person_record(merged)
    show_json(record) if as_json else show_fields(record)


@click.command("duplicates", short_help="Who may be one person · 疑似重复")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="At most so many pairs. 最多对数。",
)
@gallery_options
@json_option
@click.pass_obj
def duplicates(
    settings: Settings,
    *,
    limit: int,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """List pairs of people who look like one and the same, the most alike first.

    列出可能是同一个人的条目，最相似的在前。
    """
    with gallery(settings, account_name, project_name) as opened:
        found = opened.desk.service.duplicates(opened.scope, limit)
    records = [
        {
            "similarity": round(pair.similarity, 3),
            "name": pair.first.facts.label,
            "id": pair.first.id,
            "other_name": pair.second.facts.label,
            "other_id": pair.second.id,
        }
        for pair in found
    ]
    headings = {
        "similarity": "similarity\n相似度",
        "name": "name\n姓名",
        "id": "id\nID",
        "other_name": "and\n与",
        "other_id": "id\nID",
    }
    show_list(records, headings, as_json=as_json)
    if records and not as_json:
        show_lines(["Merge with 合并: huiyan celebrity merge ID OTHER_ID"])


@click.command("misfits", short_help="Photos of somebody else · 疑似错放")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="At most so many photos. 最多照片数。",
)
@gallery_options
@json_option
@click.pass_obj
def misfits(
    settings: Settings,
    *,
    limit: int,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """List photos that do not look like the others of their person, the oddest first.

    列出与本人其他照片不像的照片，最不像的在前。
    """
    with gallery(settings, account_name, project_name) as opened:
        found = opened.desk.service.misfits(opened.scope, limit)
    records = [
        {
            "similarity": round(it.similarity, 3),
            "name": it.person.facts.label,
            "id": it.person.id,
            "photo_id": it.photo_id,
        }
        for it in found
    ]
    headings = {
        "similarity": "similarity\n相似度",
        "name": "name\n姓名",
        "id": "id\nID",
        "photo_id": "photo id\n照片 ID",
    }
    show_list(records, headings, as_json=as_json)
    if records and not as_json:
        show_lines(["Remove with 删除: huiyan celebrity remove ID --photo PHOTO_ID"])


@click.command("remove", short_help="Forget for good · 删除")
@click.argument("person", required=False)
@click.option("--photo", "photo_id", metavar="ID", help="Only this photo. 仅删除该照片。")
@click.option("--all", "is_all", is_flag=True, help="The whole gallery. 整个人脸库。")
@yes_option
@gallery_options
@click.pass_obj
def remove(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    person: str | None,
    photo_id: str | None,
    is_all: bool,
    is_confirmed: bool,
    account_name: str | None,
    project_name: str | None,
) -> None:
    """Remove PERSON with all photos, one photo of theirs, or the whole gallery, for good.

    永久删除 PERSON 及全部照片、其中一张照片，或整个人脸库。
    """
    if (person is None) != is_all or (is_all and photo_id is not None):
        raise click.UsageError("give PERSON, PERSON --photo ID, or --all · 请给出要删除的对象")
    with gallery(settings, account_name, project_name) as opened:
        if person is None:
            _remove_all(opened, is_confirmed=is_confirmed)
        elif photo_id is None:
            _remove_person(opened, person, is_confirmed=is_confirmed)
        else:
            _remove_photo(opened, person, PhotoId(photo_id), is_confirmed=is_confirmed)


def _remove_all(opened: OpenGallery, *, is_confirmed: bool) -> None:
    summary = opened.desk.service.describe(opened.scope)
    confirm(
        f"The gallery of {opened.project.name} with {summary.person_count} people and "
        f"{summary.photo_count} photos will be removed for good. 将永久删除整个人脸库。Go on?",
        is_confirmed=is_confirmed,
    )
    deed = partial(opened.desk.service.drop, opened.scope)
    opened.do(WRITE, "", deed, {"deed": "removeGallery"})
    show_lines(["removed · 已删除"])


def _remove_person(opened: OpenGallery, person: str, *, is_confirmed: bool) -> None:
    found = pick_person(opened, person)
    confirm(
        f"{found.facts.label} ({found.id}) and {found.photo_count} photos will be removed for "
        "good. 将永久删除。Go on?",
        is_confirmed=is_confirmed,
    )
    deed = partial(opened.desk.service.remove_person, opened.scope, found.id)
    opened.do(WRITE, person_resource(found.id), deed, {"deed": "removePerson"})
    show_lines([f"removed · 已删除: {found.id}"])


def _remove_photo(
    opened: OpenGallery, person: str, photo_id: PhotoId, *, is_confirmed: bool
) -> None:
    found = pick_person(opened, person)
    confirm(
        f"Photo {photo_id} of {found.facts.label} will be removed for good. 将永久删除。Go on?",
        is_confirmed=is_confirmed,
    )
    deed = partial(opened.desk.service.remove_photo, opened.scope, found.id, photo_id)
    detail = {"deed": "removePhoto", "photo": photo_id}
    opened.do(WRITE, person_resource(found.id), deed, detail)
    show_lines([f"removed · 已删除: {photo_id}"])


@click.command("gallery", short_help="How the gallery is kept · 人脸库设置")
@click.option(
    "--starter/--no-starter",
    "uses_starter",
    default=None,
    help="Also look for people of the starter gallery, or not. 是否同时使用内置人物库。",
)
@click.option(
    "--keep-pictures/--no-pictures",
    "keeps_pictures",
    default=None,
    help="Keep faces' pixels of photos added from now on, or not. 是否保存今后添加的人脸图片。",
)
@gallery_options
@json_option
@click.pass_obj
def gallery_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    uses_starter: bool | None,
    keeps_pictures: bool | None,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Show how the project's gallery is kept, or change it.

    显示或修改项目人脸库的设置。
    """
    with gallery(settings, account_name, project_name) as opened:
        service = opened.desk.service
        if (uses_starter, keeps_pictures) != (None, None):
            wanted = {"uses_starter": uses_starter, "keeps_pictures": keeps_pictures}
            told = {name: str(it).lower() for name, it in wanted.items() if it is not None}
            opened.do(
                WRITE,
                "",
                lambda: service.configure(
                    opened.scope, uses_starter=uses_starter, keeps_pictures=keeps_pictures
                ),
                {"deed": "configure", **told},
            )
        summary = service.describe(opened.scope)
    record: dict[str, object] = {
        "project": opened.project.name,
        "project_id": opened.project.id,
        "people": summary.person_count,
        "photos": summary.photo_count,
        "photo_limit": summary.photo_limit,
        "to_reembed": summary.foreign_photo_count,
        "uses_starter": summary.uses_starter,
        "keeps_pictures": summary.keeps_pictures,
        "encrypted": summary.is_encrypted,
        "model": summary.model,
    }
    show_json(record) if as_json else show_fields(record)


@click.command("starter", short_help="Who Huiyan knows from the start · 内置人物库")
@click.option("--text", default="", help="Part of a name or an id. 姓名或 ID 的一部分。")
@json_option
def starter(*, text: str, as_json: bool) -> None:
    """List the people of the starter gallery, which comes with Huiyan.

    列出慧眼自带的内置人物库。
    """
    wanted = text.casefold()
    records = [
        record
        for record in map(person_record, load_starter().people)
        if wanted in f"{record['name_zh']}\n{record['name_en']}\n{record['id']}".casefold()
    ]
    if text and not records:
        raise OperatorError(f"nobody in the starter gallery is named like {text}")
    show_list(records, _STARTER_HEADINGS, as_json=as_json)
