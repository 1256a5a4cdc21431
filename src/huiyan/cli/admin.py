"""``huiyan admin``: everything that an operator does with accounts, beside running servers.

Owns: which commands there are. Has no opinion on: what each does.
"""

from __future__ import annotations

import click

from huiyan.cli.admin_account import account, enable
from huiyan.cli.admin_audit import audit
from huiyan.cli.admin_group import group
from huiyan.cli.admin_key import key
from huiyan.cli.admin_limit import limit
from huiyan.cli.admin_policy import policy
from huiyan.cli.admin_rotation import rotate_key
from huiyan.cli.admin_user import user


@click.group(short_help="Accounts, users, groups, keys, policies · 管理账号与权限")
def admin() -> None:
    """Administer accounts; a running service follows within about a second.

    管理账号、用户、用户组、密钥和权限；运行中的服务约一秒内生效。
    """


admin.add_command(account)
admin.add_command(enable)
admin.add_command(user)
admin.add_command(group)
admin.add_command(key)
admin.add_command(policy)
admin.add_command(limit)
admin.add_command(audit)
admin.add_command(rotate_key)
