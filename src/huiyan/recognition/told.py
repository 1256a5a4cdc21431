"""What the audit log is told of an answered call.

Owns: how a call and what was found become an entry. Has no opinion on: which operations tell, and
what they tell.
"""

from __future__ import annotations

from collections.abc import Mapping

from huiyan.iam.audit.model import AuditEntry
from huiyan.recognition.model import AnyCapability, Caller


def audit_entry(caller: Caller, capability: AnyCapability, facts: Mapping[str, str]) -> AuditEntry:
    """Describe an answered call.

    Parameters
    ----------
    caller : Caller
        On whose behalf.
    capability : Capability
        Which operation.
    facts : mapping of str to str
        What it found, by name.

    Returns
    -------
    AuditEntry
        To be told before the answer goes out.
    """
    principal = caller.principal
    return AuditEntry(
        at=caller.arrived,
        account_id=principal.account_id,
        project_id=caller.project_id,
        user_id=principal.user_id,
        user_name=principal.user_name,
        credential_id=principal.credential_id,
        address=caller.address,
        request_id=caller.request_id,
        action=f"image:{capability.interface}:run",
        resource=capability.path.replace("{project_id}", caller.project_id),
        allowed=True,
        reason="answered",
        detail=facts,
    )
