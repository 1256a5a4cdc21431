"""``huiyan celebrity``: the people of a gallery, one by one.

Owns: the commands that add, list, change and remove people and photos. Has no opinion on: what a
person is, and which photos are good enough.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from huiyan.celebrity.gallery.model import PersonFacts, PersonId
from huiyan.cli.admin_output import (
    instant_text,
    json_option,
    show_fields,
    show_json,
    show_list,
    show_note,
)
from huiyan.cli.celebrity_desk import (
    WRITE,
    OpenGallery,
    gallery,
    gallery_options,
    person_resource,
)
from huiyan.cli.celebrity_names import (
    judge_photos,
    parse_full_name,
    parse_point,
    person_record,
    pick_person,
)
from huiyan.cli.celebrity_refusals import telling_files
from huiyan.kernel.errors import OperatorError
from huiyan.kernel.settings import Settings

_LISTED = {
    "name_zh": "Chinese\n中文名",
    "name_en": "English\n英文名",
    "id": "id\nID",
    "photo_count": "photos\n照片",
    "enabled": "enabled\n启用",
    "occupation": "occupation\n职业",
}
_PHOTO_HEADINGS = {
    "id": "photo id\n照片 ID",
    "quality": "quality\n质量",
    "side_px": "px\n像素",
    "has_picture": "picture kept\n存有图片",
    "created": "added\n添加时间",
}
_PAGE = 500

_at_option = click.option(
    "--at",
    "at_text",
    metavar="X,Y",
    help="A point on the face that is meant, in px of the upright photo; for one photo. "
    "指明人脸的位置（像素），仅用于一张照片。",
)
_alias_option = click.option(
    "--alias", "aliases", multiple=True, metavar="NAME", help="Another name; repeat. 别名，可重复。"
)
_occupation_option = click.option("--occupation", help="Free text. 职业。")
_link_option = click.option("--link", help="A web page about the person. 相关网页。")
_photos_argument = click.argument(
    "photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO…"
)


@click.command("add", short_help="Add a person with photos · 添加人物")
@click.argument("name")
@_photos_argument
@_alias_option
@_occupation_option
@_link_option
@_at_option
@gallery_options
@json_option
@click.pass_obj
def add(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    name: str,
    photos: tuple[Path, ...],
    aliases: tuple[str, ...],
    occupation: str | None,
    link: str | None,
    at_text: str | None,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Add the person NAME, such as "姚明 Yao Ming", with one or several photos.

    添加人物 NAME（如 "姚明 Yao Ming"），附一张或多张照片。

    Words with Chinese characters are the Chinese name, the others the English one.
    """
    named = parse_full_name(name)
    facts = PersonFacts(named.name_zh, named.name_en, aliases, occupation or "", link or "")
    at = parse_point(at_text, photos)
    with gallery(settings, account_name, project_name) as opened:
        judged = judge_photos(settings, opened, photos, at)
        with telling_files(photos):
            made = opened.make_person(
                partial(opened.desk.service.add_person, opened.scope, facts, judged), len(judged)
            )
    record = person_record(made.person)
    alike = [
        {"id": it.person.id, "name": it.person.facts.label, "confidence": round(it.confidence, 4)}
        for it in made.alike
    ]
    if as_json:
        show_json({**record, "alike": alike})
        return
    show_fields(record)
    for it in alike:
        show_note(f"looks like · 很像: {it['name']} ({it['id']}), {it['confidence']}")
    own = [it.person.id for it in made.alike if it.person.origin == "project"]
    if own:
        where = {"account": account_name, "project": project_name}
        options = "".join(f" --{option} {name}" for option, name in where.items() if name)
        show_note(
            "if they are one person · 如为同一人: "
            f"huiyan celebrity merge {own[0]} {record['id']}{options}"
        )


@click.command("add-photos", short_help="Add photos of somebody known · 追加照片")
@click.argument("person")
@_photos_argument
@_at_option
@gallery_options
@json_option
@click.pass_obj
def add_photos(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    person: str,
    photos: tuple[Path, ...],
    at_text: str | None,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Add photos of PERSON, who is named by id or by name.

    为 PERSON（ID 或姓名）追加照片。
    """
    at = parse_point(at_text, photos)
    with gallery(settings, account_name, project_name) as opened:
        found = pick_person(opened, person)
        judged = judge_photos(settings, opened, photos, at)
        with telling_files(photos):
            opened.do(
                WRITE,
                person_resource(found.id),
                partial(opened.desk.service.add_photos, opened.scope, found.id, judged),
                {"deed": "addPhotos", "photos": str(len(judged))},
            )
        record = person_record(opened.desk.service.get_person(opened.scope, found.id))
    show_json(record) if as_json else show_fields(record)


@click.command("list", short_help="List people · 列出")
@click.option("--text", help="Part of a name, an alias or an id. 姓名、别名或 ID 的一部分。")
@click.option(
    "--enabled/--disabled",
    "is_enabled",
    default=None,
    help="Only those who are, or are not, looked for. 仅列出启用或停用的人物。",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="At most so many. 最多条数。",
)
@gallery_options
@json_option
@click.pass_obj
def list_command(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    text: str | None,
    is_enabled: bool | None,
    limit: int,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """List the people of the project's own gallery.

    列出项目人脸库中的人物。
    """
    records: list[dict[str, object]] = []
    with gallery(settings, account_name, project_name) as opened:
        marker = None
        while len(records) < limit:
            page = opened.desk.service.list_people(
                opened.scope, text, is_enabled, min(_PAGE, limit - len(records)), marker
            )
            records += [person_record(person) for person in page.people]
            marker = page.next_marker
            if marker is None:
                break
    show_list(records, _LISTED, as_json=as_json)
    if marker is not None:
        show_note(f"there are more than {limit}; see --limit and --text · 还有更多")


@click.command("show", short_help="One person and their photos · 查看")
@click.argument("person")
@gallery_options
@json_option
@click.pass_obj
def show(
    settings: Settings,
    *,
    person: str,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Show PERSON, named by id or by name, and what is kept of each photo.

    显示 PERSON（ID 或姓名）及其照片记录。
    """
    with gallery(settings, account_name, project_name) as opened:
        found = pick_person(opened, person)
        photos = opened.desk.service.list_photos(opened.scope, found.id)
    record = person_record(found)
    listed = [
        {
            "id": photo.id,
            "digest": photo.digest,
            "quality": round(photo.quality, 2),
            "side_px": round(photo.side_px),
            "has_picture": photo.has_picture,
            "model": photo.model,
            "created": instant_text(photo.created_at),
        }
        for photo in photos
    ]
    if as_json:
        show_json({**record, "photos": listed})
        return
    show_fields(record)
    show_list(listed, _PHOTO_HEADINGS, as_json=False)


@click.command("change", short_help="Change names and facts · 修改资料")
@click.argument("person")
@click.option("--name-zh", help="Chinese name. 中文名。")
@click.option("--name-en", help="English name. 英文名。")
@_alias_option
@click.option("--no-aliases", "drops_aliases", is_flag=True, help="Forget all. 清除别名。")
@_occupation_option
@_link_option
@gallery_options
@json_option
@click.pass_obj
def change(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    person: str,
    name_zh: str | None,
    name_en: str | None,
    aliases: tuple[str, ...],
    drops_aliases: bool,
    occupation: str | None,
    link: str | None,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Change what is said about PERSON; what is not given stays. --alias replaces all aliases.

    修改 PERSON 的资料，未给出的保持不变；--alias 会替换全部别名。
    """
    with gallery(settings, account_name, project_name) as opened:
        found = pick_person(opened, person)
        old = found.facts
        facts = PersonFacts(
            name_zh=old.name_zh if name_zh is None else name_zh,
            name_en=old.name_en if name_en is None else name_en,
            aliases=aliases or (() if drops_aliases else old.aliases),
            occupation=old.occupation if occupation is None else occupation,
            link=old.link if link is None else link,
        )
        if facts == old:
            raise OperatorError("nothing to change: give --name-zh, --name-en, --alias and so on")
        record = _change_facts(opened, found.id, facts)
    show_json(record) if as_json else show_fields(record)


@click.command("rename", short_help="Give another name · 改名")
@click.argument("person")
@click.argument("name")
@gallery_options
@json_option
@click.pass_obj
def rename(  # noqa: PLR0913 -- one argument an option
    settings: Settings,
    *,
    person: str,
    name: str,
    account_name: str | None,
    project_name: str | None,
    as_json: bool,
) -> None:
    """Give PERSON the name NAME, such as "姚明 Yao Ming", in place of both names.

    将 PERSON 改名为 NAME（如 "姚明 Yao Ming"），同时替换中英文名。
    """
    named = parse_full_name(name)
    with gallery(settings, account_name, project_name) as opened:
        found = pick_person(opened, person)
        facts = replace(found.facts, name_zh=named.name_zh, name_en=named.name_en)
        record = _change_facts(opened, found.id, facts)
    show_json(record) if as_json else show_fields(record)


def _change_facts(
    opened: OpenGallery, person_id: PersonId, facts: PersonFacts
) -> dict[str, object]:
    service = opened.desk.service
    changed = opened.do(
        WRITE,
        person_resource(person_id),
        lambda: service.change_person(opened.scope, person_id, facts=facts),
        {"deed": "changePerson"},
    )
    return person_record(changed)
