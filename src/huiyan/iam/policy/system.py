"""The roles and policies that every installation has.

Owns: their names, ids and rights. Has no opinion on: who is granted them and where they are listed.

What this project's own actions add to the vendor's entries: Tenant Guest may read the service's
things and open the service; the audit log, which tells about identities, is Security
Administrator's to read.
"""

from __future__ import annotations

from typing import Final

from huiyan.iam.policy.model import Effect, Policy, Role, RoleId, RoleType, Statement

FINE_GRAINED: Final = "fine_grained"
"""The flag of the system's policies of version 1.1."""

_BUCKETS: Final = (
    "obs:bucket:ListAllMyBuckets",
    "obs:bucket:HeadBucket",
    "obs:bucket:GetBucketLocation",
)
_NOT_FOR_TENANTS: Final = Statement(Effect.DENY, ("identity:*", "huiyan:audit:*"))


def _coarse(*statements: Statement) -> Policy:
    return Policy("1.0", statements)


def _fine(*actions: str) -> Policy:
    return Policy("1.1", (Statement(Effect.ALLOW, actions),))


TENANT_GUEST: Final = Role(
    id=RoleId("3bd2f52646b39a603820b0ca7b32f686"),
    account_id=None,
    name="readonly",
    display_name="Tenant Guest",
    catalog="BASE",
    type=RoleType.AA,
    flag="",
    description="Sees everything but identities; enough to open the service and to recognise.",
    description_cn="可查看除身份管理以外的一切；足以开通服务并调用识别。",
    policy=_coarse(
        Statement(Effect.ALLOW, ("::Get", "::List", "huiyan:*:read", "huiyan:service:enable")),
        _NOT_FOR_TENANTS,
    ),
)

TENANT_ADMINISTRATOR: Final = Role(
    id=RoleId("e6c2a6a5840f10de8e6205898d917e6e"),
    account_id=None,
    name="te_admin",
    display_name="Tenant Administrator",
    catalog="BASE",
    type=RoleType.AA,
    flag="",
    description="Does everything but manage identities.",
    description_cn="可执行除身份管理以外的一切操作。",
    policy=_coarse(Statement(Effect.ALLOW, ("*",)), _NOT_FOR_TENANTS),
)

SECURITY_ADMINISTRATOR: Final = Role(
    id=RoleId("ca77c035df4c17e405eb7229921512f0"),
    account_id=None,
    name="secu_admin",
    display_name="Security Administrator",
    catalog="BASE",
    type=RoleType.AX,
    flag="",
    description="Manages users, groups, grants, agencies and keys, and reads the audit log.",
    description_cn="管理用户、用户组、授权、委托和密钥，并可查阅审计日志。",
    policy=_coarse(Statement(Effect.ALLOW, ("iam:*:*", "huiyan:audit:*"))),
)

OBS_BUCKETS_VIEWER: Final = Role(
    id=RoleId("11c6df5e7ecf68de5601b48b382696cd"),
    account_id=None,
    name="obs_b_list",
    display_name="OBS Buckets Viewer",
    catalog="OBS",
    type=RoleType.AX,
    flag="",
    description="Lists buckets and sees their basic facts, metadata and location.",
    description_cn="可列出桶，并查看桶的基本信息、元数据和所在区域。",
    policy=_coarse(Statement(Effect.ALLOW, (*_BUCKETS, "obs:bucket:GetBucketStoragePolicy"))),
)

OBS_READ_ONLY: Final = Role(
    id=RoleId("1af2e9d5ba68b7accec13ab4811e8710"),
    account_id=None,
    name="system_all_64",
    display_name="OBS ReadOnlyAccess",
    catalog="OBS",
    type=RoleType.AX,
    flag=FINE_GRAINED,
    description="Lists buckets and objects and sees the basic facts of buckets.",
    description_cn="可列出桶和对象，并查看桶的基本信息。",
    policy=_fine(*_BUCKETS, "obs:bucket:ListBucket"),
)

OBS_OPERATE: Final = Role(
    id=RoleId("3b9ec450927eedfb14c37a183030e7f4"),
    account_id=None,
    name="system_all_72",
    display_name="OBS OperateAccess",
    catalog="OBS",
    type=RoleType.AX,
    flag=FINE_GRAINED,
    description="Lists buckets, and lists, reads, writes and deletes objects.",
    description_cn="可列出桶，并可列出、读取、写入和删除对象。",
    policy=_fine(
        *_BUCKETS,
        "obs:bucket:ListBucket",
        "obs:bucket:ListBucketMultipartUploads",
        "obs:object:GetObject",
        "obs:object:GetObjectAcl",
        "obs:object:GetObjectVersion",
        "obs:object:GetObjectVersionAcl",
        "obs:object:PutObject",
        "obs:object:DeleteObject",
        "obs:object:DeleteObjectVersion",
        "obs:object:ListMultipartUploadParts",
        "obs:object:AbortMultipartUpload",
    ),
)

OBS_ADMINISTRATOR: Final = Role(
    id=RoleId("4694b88074ca73d625a8fa4b7eaceb5f"),
    account_id=None,
    name="obs_adm",
    display_name="OBS Administrator",
    catalog="OBS",
    type=RoleType.AX,
    flag=FINE_GRAINED,
    description="Does everything with buckets and objects.",
    description_cn="可对桶和对象执行一切操作。",
    policy=_fine("obs:*:*"),
)

SYSTEM_ROLES: Final[tuple[Role, ...]] = (
    TENANT_GUEST,
    TENANT_ADMINISTRATOR,
    SECURITY_ADMINISTRATOR,
    OBS_BUCKETS_VIEWER,
    OBS_READ_ONLY,
    OBS_OPERATE,
    OBS_ADMINISTRATOR,
)
"""All of them, in the order in which lists show them."""
