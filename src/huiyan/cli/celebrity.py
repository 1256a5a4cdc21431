"""``huiyan celebrity``: who is in pictures, and the galleries of people who are known.

Owns: which commands there are. Has no opinion on: what each does.
"""

from __future__ import annotations

import click

from huiyan.cli import celebrity_gallery, celebrity_people
from huiyan.cli.celebrity_export import export_command, reembed
from huiyan.cli.celebrity_import import import_command
from huiyan.cli.celebrity_look import recognise, search


@click.group(short_help="Known people and their galleries · 名人识别与人脸库")
def celebrity() -> None:
    """Name known people in pictures, and keep galleries of those who are to be known.

    识别图片中的名人，并管理人脸库；运行中的服务约一秒内生效。

    PERSON is an id or a name. A gallery belongs to a project: that of the default region unless
    --project names another.
    """


for command in (
    recognise,
    search,
    celebrity_people.add,
    celebrity_people.add_photos,
    import_command,
    celebrity_people.list_command,
    celebrity_people.show,
    celebrity_people.change,
    celebrity_people.rename,
    celebrity_gallery.enable,
    celebrity_gallery.disable,
    celebrity_gallery.duplicates,
    celebrity_gallery.misfits,
    celebrity_gallery.merge,
    celebrity_gallery.remove,
    export_command,
    reembed,
    celebrity_gallery.gallery_command,
    celebrity_gallery.starter,
):
    celebrity.add_command(command)
