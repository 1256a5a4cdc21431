from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from audit_entries import ACCOUNT, AT, OTHER_ACCOUNT, an_entry
from sqlalchemy.exc import IntegrityError

from huiyan.iam.audit.model import AuditEntry, AuditQuery
from huiyan.iam.audit.repository import (
    DETAIL_CHARACTERS,
    REASON_CHARACTERS,
    RESOURCE_CHARACTERS,
    AuditRepository,
)
from huiyan.kernel.errors import InvalidParameterError
from huiyan.kernel.ids import AccountId, RequestId, UserId
from huiyan.persistence.database import Database

ALL = AuditQuery()


@pytest.fixture
def repository(database: Database) -> AuditRepository:
    return AuditRepository(database)


def keep(repository: AuditRepository, *entries: AuditEntry) -> list[str]:
    records = [repository.prepare(entry) for entry in entries]
    repository.append(records)
    return [record.id for record in records]


def entries(
    repository: AuditRepository, query: AuditQuery = ALL, account_id: AccountId = ACCOUNT
) -> list[AuditEntry]:
    page = repository.list_records(account_id, query, 1000)
    return [record.entry for record in page.records]


def test_an_empty_log_is_an_empty_page(repository: AuditRepository) -> None:
    page = repository.list_records(ACCOUNT, ALL, 10)
    assert (page.records, page.marker) == ((), None)


def test_what_was_appended_is_read_back_the_same(repository: AuditRepository) -> None:
    record = repository.prepare(an_entry())
    assert record.entry == an_entry()
    repository.append([record])
    assert repository.list_records(ACCOUNT, ALL, 10).records == (record,)


def test_nothing_is_appended_by_nothing(repository: AuditRepository) -> None:
    repository.append([])
    assert entries(repository) == []


def test_appending_again_changes_nothing(repository: AuditRepository) -> None:
    record = repository.prepare(an_entry())
    repository.append([record])
    repository.append([record])
    assert repository.list_records(ACCOUNT, ALL, 10).records == (record,)


def test_entries_of_one_millisecond_keep_their_order(repository: AuditRepository) -> None:
    ids = keep(repository, *(an_entry() for _ in range(20)))
    listed = repository.list_records(ACCOUNT, ALL, 100).records
    assert [record.id for record in listed] == ids[::-1]


def test_instants_are_utc_in_whole_milliseconds(repository: AuditRepository) -> None:
    east = datetime(2026, 3, 31, 16, 15, 0, 123_987, tzinfo=timezone(timedelta(hours=8)))
    keep(repository, an_entry(at=east))
    assert entries(repository)[0].at == AT
    assert entries(repository)[0].at.tzinfo is UTC


def test_a_clock_before_1970_does_not_lose_the_entry(repository: AuditRepository) -> None:
    keep(repository, an_entry(at=datetime(1901, 1, 1, tzinfo=UTC)))
    assert entries(repository)[0].at == datetime(1970, 1, 1, tzinfo=UTC)


HOSTILE = "x\x00y\r\n\x1b[2J\u2028\ud800\x85\x7f"


def test_hostile_text_is_kept_without_what_no_database_or_reader_takes(
    repository: AuditRepository,
) -> None:
    hostile = an_entry(
        user_id=UserId(HOSTILE),
        user_name=HOSTILE,
        credential_id=HOSTILE,
        project_id=HOSTILE,
        address=HOSTILE,
        request_id=RequestId(HOSTILE),
        action=HOSTILE,
        resource=HOSTILE,
        reason=HOSTILE,
        detail={HOSTILE: HOSTILE},
    )
    keep(repository, hostile)
    clean = "x�y���[2J����"
    (kept,) = entries(repository)
    assert kept == an_entry(
        user_id=clean,
        user_name=clean,
        credential_id=clean,
        project_id=clean,
        address=clean,
        request_id=clean,
        action=clean,
        resource=clean,
        reason=clean,
        detail={clean: clean},
    )
    assert entries(repository, AuditQuery(user_name=HOSTILE, text=HOSTILE, action=HOSTILE)) == [
        kept
    ]


def test_huge_text_is_cut_and_says_so(repository: AuditRepository) -> None:
    huge = "慧" * 1_000_000
    keep(
        repository,
        an_entry(
            user_name=huge,
            project_id=huge,
            resource=huge,
            reason=huge,
            action=huge,
            detail={f"{number}{huge}": huge for number in range(50)},
        ),
    )
    (kept,) = entries(repository)
    assert len(kept.user_name) == 128
    assert len(kept.project_id) == 64
    assert len(kept.resource) == RESOURCE_CHARACTERS
    assert len(kept.reason) == REASON_CHARACTERS
    assert kept.resource.endswith("慧…")
    assert sum(len(name) + len(fact) for name, fact in kept.detail.items()) <= DETAIL_CHARACTERS + 2
    assert kept.detail["…"] == "…"
    assert entries(repository, AuditQuery(user_name=huge)) == [kept]


MINUTE = timedelta(minutes=1)


CONDITIONS = [
    (ALL, "dcba"),
    (AuditQuery(since=AT + MINUTE), "dcb"),
    (AuditQuery(until=AT + MINUTE), "a"),
    (AuditQuery(since=AT + MINUTE, until=AT + 2 * MINUTE), "b"),
    (AuditQuery(since=AT + MINUTE, until=AT), ""),
    (AuditQuery(project_id="north"), "c"),
    (AuditQuery(project_id=""), ""),
    (AuditQuery(user_id="2" * 32), "b"),
    (AuditQuery(user_name="ann"), "c"),
    (AuditQuery(user_name="an"), ""),
    (AuditQuery(user_name="%"), ""),
    (AuditQuery(action="huiyan:service:enable"), "d"),
    (AuditQuery(action="HUIYAN:service:*"), "d"),
    (AuditQuery(action="iam:*"), "cba"),
    (AuditQuery(action="*"), "dcba"),
    (AuditQuery(action="iam:users:create"), ""),
    (AuditQuery(action="iam:users:create*"), "cba"),
    (AuditQuery(action="iam_users%*"), ""),
    (AuditQuery(action="%"), ""),
    (AuditQuery(allowed=True), "dcb"),
    (AuditQuery(allowed=False), "a"),
    (AuditQuery(request_id="f" * 32), "d"),
    (AuditQuery(text="NEEDLE"), "d"),
    (AuditQuery(text="新用户"), "dcba"),
    (AuditQuery(text="%"), ""),
    (AuditQuery(text="192.0.2.1"), "dcba"),
    (AuditQuery(allowed=True, action="iam:*", user_name="someone"), "b"),
]


def test_conditions_choose(repository: AuditRepository) -> None:
    named = {
        "a": an_entry(allowed=False),
        "b": an_entry(at=AT + MINUTE, user_id="2" * 32),
        "c": an_entry(at=AT + 2 * MINUTE, user_name="ann", project_id="north"),
        "d": an_entry(
            at=AT + 3 * MINUTE,
            action="huiyan:service:enable",
            request_id="f" * 32,
            resource="/a/Needle/b",
        ),
    }
    keep(repository, *named.values())
    keep(repository, *(an_entry(account_id=OTHER_ACCOUNT) for _ in range(3)))
    for query, found in CONDITIONS:
        assert entries(repository, query) == [named[letter] for letter in found], query


def test_no_account_ever_sees_anothers(repository: AuditRepository) -> None:
    keep(repository, an_entry(), an_entry(account_id=OTHER_ACCOUNT, user_name="stranger"))
    (other_id,) = keep(repository, an_entry(account_id=OTHER_ACCOUNT))
    assert {entry.account_id for entry in entries(repository)} == {ACCOUNT}
    assert entries(repository, AuditQuery(user_name="stranger")) == []
    page = repository.list_records(ACCOUNT, ALL, 10, other_id)
    assert {record.entry.account_id for record in page.records} == {ACCOUNT}
    assert entries(repository, account_id=AccountId("")) == []


def test_pages_stay_in_place_while_entries_are_added(repository: AuditRepository) -> None:
    ids = keep(repository, *(an_entry(at=AT + MINUTE * (number // 3)) for number in range(10)))
    seen: list[str] = []
    marker = None
    for sizes in (4, 4, 2):
        page = repository.list_records(ACCOUNT, ALL, 4, marker)
        assert len(page.records) == sizes
        seen += [record.id for record in page.records]
        marker = page.marker
        keep(repository, an_entry(at=AT + 60 * MINUTE))
    assert seen == ids[::-1]
    assert marker is None


def test_a_last_page_that_is_full_has_no_marker(repository: AuditRepository) -> None:
    keep(repository, *(an_entry() for _ in range(4)))
    assert repository.list_records(ACCOUNT, ALL, 4).marker is None


def test_a_foreign_marker_is_refused(repository: AuditRepository) -> None:
    for marker in ("", "x", "0" * 31, "0" * 33, "g" * 32, "F" * 32, "f" * 32, "0" * 32 + "\n"):
        with pytest.raises(InvalidParameterError, match="marker"):
            repository.list_records(ACCOUNT, ALL, 4, marker)


CHANGES = (
    "UPDATE audit_record SET allowed = NOT allowed",
    "UPDATE audit_record SET reason = 'x' WHERE allowed",
    "DELETE FROM audit_record",
    "DELETE FROM audit_record WHERE at_ms < 9999999999999",
)


def test_the_database_itself_refuses_to_change_or_remove(
    repository: AuditRepository, database: Database
) -> None:
    keep(repository, an_entry())
    for change in CHANGES:
        with pytest.raises(IntegrityError, match="only grows"), database.writing() as connection:
            connection.exec_driver_sql(change)
        assert entries(repository) == [an_entry()]


COLUMNS = (
    "id, at_ms, account_id, project_id, user_id, 'forged', credential_id, address, request_id, "
    "action, resource, allowed, reason, detail"
)
UPSERT = (
    f"INSERT INTO audit_record SELECT {COLUMNS} FROM audit_record WHERE true "  # noqa: S608 -- names of this test
    "ON CONFLICT (id) DO UPDATE SET user_name = 'forged'"
)
GOING_ROUND = {
    "postgresql": (UPSERT, "TRUNCATE audit_record"),
    "sqlite": (
        UPSERT,
        f"INSERT OR REPLACE INTO audit_record SELECT {COLUMNS} FROM audit_record",  # noqa: S608 -- names of this test
        f"REPLACE INTO audit_record SELECT {COLUMNS} FROM audit_record",  # noqa: S608 -- names of this test
        "UPDATE OR REPLACE audit_record SET user_name = 'forged'",
    ),
}


def test_nothing_goes_round_the_refusal(repository: AuditRepository, database: Database) -> None:
    keep(repository, an_entry())
    for statement in GOING_ROUND[database.engine.dialect.name]:
        with suppress(IntegrityError), database.writing() as connection:
            connection.exec_driver_sql(statement)
        assert entries(repository) == [an_entry()], statement
