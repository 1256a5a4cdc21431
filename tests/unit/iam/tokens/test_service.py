from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.policy.model import Policy
from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, TENANT_GUEST
from huiyan.iam.policy.wire import parse_policy
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.model import TOKEN_LIFE, Bearer, has_ended
from huiyan.iam.tokens.service import TokenService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    DisabledAccountError,
    DisabledUserError,
    ExpiredTokenError,
    ForeignProjectError,
    InvalidParameterError,
    NotPermittedError,
    UnknownKeyError,
    UnusableTokenError,
    WithdrawnTokenError,
)
from huiyan.web.request import RawRequest

TAGGING = "image:image:runTagging"
ONLY_TAGGING = parse_policy(
    {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["image:*:*"]}]}
)


def bearer_of(user: Any, **more: Any) -> Bearer:
    return Bearer(user.id, user.account_id, user.credential_epoch, **more)


class TestReading:
    def test_a_project_token_names_its_user_and_reaches_its_project_only(self, house: Any) -> None:
        user, project = house.add_user("ada"), house.project()
        session = house.tokens.read(
            house.token_for(user, project).encode(), house.directory, "192.0.2.1"
        )
        assert session.principal.user_id == user.id
        assert session.principal.account_id == house.account.id
        assert not session.principal.is_owner
        assert session.address == "192.0.2.1"
        assert session.project_id == project.id
        assert not session.is_domain_scoped
        assert not session.by_access_key
        assert not session.is_temporary
        assert session.narrowing is None

    def test_an_account_token_reaches_no_project(self, house: Any) -> None:
        session = house.read(house.token_for(house.add_user("ada")))
        assert session.project_id is None
        assert session.is_domain_scoped

    def test_records_name_the_token_without_being_it(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        credential_id = house.read(token).principal.credential_id
        assert credential_id.startswith("token:")
        assert len(credential_id) == 22
        assert credential_id.removeprefix("token:") not in token

    def test_the_owner_is_told_from_the_directory(self, house: Any) -> None:
        owner = house.directory.users[house.made.owner.id]
        assert house.read(house.token_for(owner)).principal.is_owner

    def test_a_token_does_not_show_in_repr(self, house: Any) -> None:
        issued = house.tokens.issue_user_token(house.add_user("ada"), None)
        assert issued.text not in repr(issued)

    @pytest.mark.parametrize("token", [b"", b"x", b"\xff\xfe", b"A" * 100_000, b"null", b"{}"])
    def test_what_is_no_token_cannot_be_used(self, house: Any, token: bytes) -> None:
        with pytest.raises(UnusableTokenError):
            house.tokens.read(token, house.directory)

    def test_a_security_token_is_no_token_and_the_other_way_round(self, house: Any) -> None:
        user = house.add_user("ada")
        key = house.tokens.issue_temporary_key(bearer_of(user), 900, None)
        with pytest.raises(UnusableTokenError):
            house.read(key.security_token)
        token = house.token_for(user).encode()
        assert house.tokens.find_temporary(token, key.access) is None

    def test_another_installations_token_cannot_be_used(self, house: Any) -> None:
        other = TokenService(Vault(b"\x01" * 32), house.clock)
        token = other.issue_user_token(house.add_user("ada"), None).text
        with pytest.raises(UnusableTokenError):
            house.read(token)


class TestTime:
    def test_a_token_lives_24_hours_to_the_microsecond(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        house.clock.instant += TOKEN_LIFE - timedelta(microseconds=1)
        house.read(token)
        house.clock.instant += timedelta(microseconds=1)
        with pytest.raises(ExpiredTokenError):
            house.read(token)

    def test_expiry_is_judged_on_remembered_tokens_too(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        house.read(token)
        house.clock.move(days=2)
        with pytest.raises(ExpiredTokenError):
            house.read(token)
        house.clock.move(days=-2)
        house.read(token)

    def test_another_machines_clock_may_be_ahead(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"))
        house.clock.move(minutes=-10)
        house.read(token)


class TestWithdrawal:
    def test_a_changed_password_withdraws(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user)
        house.read(token)
        changed = house.set_user(user, bumped=True)
        with pytest.raises(WithdrawnTokenError):
            house.read(token)
        house.read(house.token_for(changed))

    def test_a_removed_user_withdraws(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user)
        house.remove_user(user)
        with pytest.raises(WithdrawnTokenError):
            house.read(token)

    def test_a_disabled_user_is_let_through_to_be_told_so(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user, house.project())
        house.set_user(user, bumped=True, enabled=False)
        session = house.read(token)
        with pytest.raises(DisabledUserError):
            house.identity.admit(session, house.project().id, TAGGING)
        with pytest.raises(DisabledUserError):
            house.identity.require_standing(session)

    def test_a_user_enabled_again_needs_a_new_token(self, house: Any) -> None:
        user = house.add_user("ada")
        token = house.token_for(user)
        house.set_user(user, bumped=True, enabled=False)
        house.set_user(user, bumped=True, enabled=True)
        with pytest.raises(WithdrawnTokenError):
            house.read(token)

    def test_a_user_enabled_between_two_stages_gains_nothing(self, house: Any) -> None:
        user = house.add_user("ada")
        house.grant(user, TENANT_GUEST.id, "inherited")
        token = house.token_for(user, house.project())
        house.set_user(user, bumped=True, enabled=False)
        session = house.read(token)
        house.set_user(user, bumped=True, enabled=True)
        with pytest.raises(NotPermittedError):
            house.identity.admit(session, house.project().id, TAGGING)

    def test_a_disabled_account_is_told_by_authorisation(self, house: Any) -> None:
        user = house.add_user("ada")
        session = house.read(house.token_for(user, house.project()))
        house.set_account(house.account, enabled=False)
        with pytest.raises(DisabledAccountError):
            house.identity.admit(session, house.project().id, TAGGING)

    def test_leaving_a_group_counts_at_once_without_a_new_token(self, house: Any) -> None:
        user, project = house.add_user("ada"), house.project()
        token = house.token_for(user, project)
        with pytest.raises(NotPermittedError):
            house.identity.admit(house.read(token), project.id, TAGGING)
        group = house.grant(user, TENANT_GUEST.id, "inherited")
        house.identity.admit(house.read(token), project.id, TAGGING)
        house.leave(user, group)
        with pytest.raises(NotPermittedError):
            house.identity.admit(house.read(token), project.id, TAGGING)

    def test_a_project_token_opens_no_other_project(self, house: Any) -> None:
        owner = house.directory.users[house.made.owner.id]
        session = house.read(house.token_for(owner, house.project("cn-north-4")))
        house.identity.admit(session, house.project("cn-north-4").id, TAGGING)
        with pytest.raises(ForeignProjectError):
            house.identity.admit(session, house.project("cn-east-3").id, TAGGING)

    def test_no_other_process_needs_the_database_for_a_token(self, house: Any) -> None:
        token = house.token_for(house.add_user("ada"), house.project())
        other = IdentityService(house.repository, house.vault, house.clock)
        house.database.close()
        house.repository._database = None
        request = RawRequest("GET", b"/", b"", ((b"X-Auth-Token", token.encode()),), b"", "")
        for _ in range(3):
            assert other.authenticate(request).principal.user_name == "ada"

    def test_another_process_learns_of_a_new_user_before_it_refuses(self, house: Any) -> None:
        other = IdentityService(house.repository, house.vault, house.clock)
        token = house.token_for(house.add_user("new"))
        request = RawRequest("GET", b"/", b"", ((b"X-Auth-Token", token.encode()),), b"", "")
        assert other.authenticate(request).principal.user_name == "new"


class TestAgency:
    @pytest.fixture
    def lent(self, house: Any) -> Any:
        lender = house.add_account("lender")
        user = house.add_user("ada")
        group = house.grant(user, SECURITY_ADMINISTRATOR.id)
        agency = house.add_agency(lender, house.account, duration="ONEDAY")
        house.grant_to(lender.id, "agency", agency.id, TENANT_GUEST.id, "inherited")
        project = house.project(account=lender)
        token = house.tokens.issue_agency_token(bearer_of(user), agency, project).text
        return lender, user, group, agency, project, token

    def test_it_acts_in_the_lenders_account_with_the_agencys_rights(
        self, house: Any, lent: Any
    ) -> None:
        lender, user, _group, agency, project, token = lent
        session = house.read(token)
        assert session.principal.account_id == lender.id
        assert session.agency_id == agency.id
        assert session.principal.user_id == agency.id != user.id
        assert session.principal.user_name == "lender/helper"
        assert not session.principal.is_owner
        house.identity.admit(session, project.id, TAGGING)
        with pytest.raises(ForeignProjectError):
            house.identity.admit(session, house.project().id, TAGGING)
        with pytest.raises(NotPermittedError):
            house.identity.authorise(session, "iam:users:list")

    def test_an_owners_agency_token_is_no_owner(self, house: Any, lent: Any) -> None:
        agency = lent[3]
        owner = house.directory.users[house.made.owner.id]
        token = house.tokens.issue_agency_token(bearer_of(owner), agency, None).text
        assert not house.read(token).principal.is_owner

    @pytest.mark.parametrize(
        "end",
        [
            lambda house, lent: house.remove_agency(lent[3]),
            lambda house, lent: house.set_user(lent[1], bumped=True),
            lambda house, lent: house.set_user(lent[1], bumped=True, enabled=False),
            lambda house, lent: house.set_user(lent[1], enabled=False),
            lambda house, lent: house.leave(lent[1], lent[2]),
            lambda house, _lent: house.set_account(house.account, enabled=False),
        ],
        ids=["agency", "password", "disabled", "disabled only", "right", "account"],
    )
    def test_it_ends_with_the_agency_the_user_or_the_right(
        self, house: Any, lent: Any, end: Any
    ) -> None:
        house.read(lent[-1])
        end(house, lent)
        with pytest.raises(WithdrawnTokenError):
            house.read(lent[-1])

    def test_it_ends_with_the_agencys_time(self, house: Any, lent: Any) -> None:
        house.clock.move(hours=23)
        token = house.tokens.issue_agency_token(bearer_of(lent[1]), lent[3], None).text
        house.read(token)
        house.clock.move(hours=1)
        with pytest.raises(WithdrawnTokenError):
            house.read(token)

    @pytest.mark.parametrize(
        ("duration", "days", "ended"),
        [
            ("FOREVER", 9999, False),
            ("ONEDAY", 0.99, False),
            ("ONEDAY", 1, True),
            ("20", 19.9, False),
            ("20", 20, True),
            (" forever ", 1, False),
            ("-1", 0, True),
            ("", 0, True),
            ("1e3", 0, True),
            ("9999999", 0, True),
            ("٣", 0, True),
        ],
    )
    def test_how_long_an_agency_lasts(
        self, lent: Any, duration: str, days: float, *, ended: bool
    ) -> None:
        agency = replace(lent[3], duration=duration)
        assert has_ended(agency, agency.created_at + timedelta(days=days)) is ended


class TestTemporaryKeys:
    def open(self, house: Any, key: Any) -> Any:
        claims = house.tokens.find_temporary(key.security_token.encode(), key.access)
        assert claims is not None
        return house.tokens.temporary_session(claims, house.directory, "192.0.2.1")

    def issue(self, house: Any, user: Any, parent_key: Any = None, **more: Any) -> Any:
        wanted = {"duration_s": 900, "narrowing": None} | more
        bearer = bearer_of(user, parent_key=parent_key)
        return house.tokens.issue_temporary_key(bearer, **wanted)

    def test_it_looks_like_a_key_and_is_none_of_the_permanent_ones(self, house: Any) -> None:
        key = self.issue(house, house.add_user("ada"))
        assert key.access.startswith("HST")
        assert len(key.access) == 20
        assert key.access.isalnum()
        assert key.access.isupper()
        assert len(key.secret) == 40
        assert key.access not in house.directory.keys
        assert key.secret not in repr(key)
        assert key.security_token not in repr(key)

    def test_two_keys_share_nothing(self, house: Any) -> None:
        user = house.add_user("ada")
        one, two = self.issue(house, user), self.issue(house, user)
        assert one.access != two.access
        assert one.secret != two.secret
        assert house.tokens.find_temporary(one.security_token.encode(), two.access) is None

    def test_it_names_its_user_and_itself(self, house: Any) -> None:
        user = house.add_user("ada")
        key = self.issue(house, user)
        session = self.open(house, key)
        assert session.principal.user_id == user.id
        assert session.principal.credential_id == key.access
        assert session.by_access_key
        assert session.is_temporary
        assert session.project_id is None
        assert not session.is_domain_scoped
        assert session.address == "192.0.2.1"

    def test_the_secret_never_shows_in_repr_of_what_was_read(self, house: Any) -> None:
        key = self.issue(house, house.add_user("ada"))
        claims = house.tokens.find_temporary(key.security_token.encode(), key.access)
        assert claims.secret == key.secret
        assert key.secret not in repr(claims)

    def test_it_lives_as_long_as_was_wanted(self, house: Any) -> None:
        key = self.issue(house, house.add_user("ada"), duration_s=900)
        house.clock.move(seconds=899)
        self.open(house, key)
        house.clock.move(seconds=1)
        with pytest.raises(ExpiredTokenError):
            self.open(house, key)

    def test_it_ends_no_later_than_the_token_it_was_made_by(self, house: Any) -> None:
        user, now = house.add_user("ada"), house.clock.now()
        soon, late = now + timedelta(seconds=60), now + timedelta(days=2)
        assert self.issue(house, user, until=soon).expires_at == soon
        assert self.issue(house, user, until=late).expires_at == now + timedelta(seconds=900)

    def test_a_changed_password_withdraws_it(self, house: Any) -> None:
        user = house.add_user("ada")
        key = self.issue(house, user)
        house.set_user(user, bumped=True)
        with pytest.raises(WithdrawnTokenError):
            self.open(house, key)

    def test_it_dies_with_the_permanent_key_it_was_made_under(self, house: Any) -> None:
        user = house.add_user("ada")
        parent = house.add_key(user)
        key = self.issue(house, user, parent_key=parent.access_key)
        self.open(house, key)
        house.stop_key(parent.access_key, user)
        with pytest.raises(UnknownKeyError):
            self.open(house, key)

    def test_its_narrowing_is_kept_whole(self, house: Any) -> None:
        policy = parse_policy(
            {
                "Version": "1.1",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["image:*:*", "obs:object:GetObject"],
                        "Resource": ["obs:*:*:object:桶/*"],
                        "Condition": {"StringEquals": {"g:UserName": ["ada", "吴"]}},
                    },
                    {"Effect": "Deny", "Action": ["image:image:runTagging"]},
                ],
            }
        )
        user = house.add_user("ada")
        key = self.issue(house, user, narrowing=policy)
        assert self.open(house, key).narrowing == policy

    def test_it_may_what_user_and_narrowing_both_allow(self, house: Any) -> None:
        user, project = house.add_user("ada"), house.project()
        house.grant(user, TENANT_GUEST.id, "inherited")
        session = self.open(house, self.issue(house, user, narrowing=ONLY_TAGGING))
        house.identity.admit(session, project.id, TAGGING)
        with pytest.raises(NotPermittedError):
            house.identity.admit(session, project.id, "huiyan:gallery:read", None)

    def test_a_narrowed_key_of_a_disabled_user_stays_shut(self, house: Any) -> None:
        user = house.add_user("ada")
        house.grant(user, TENANT_GUEST.id, "inherited")
        key = self.issue(house, user, narrowing=ONLY_TAGGING)
        house.set_user(user, bumped=True, enabled=False)
        session = self.open(house, key)
        house.set_user(user, bumped=True, enabled=True)
        with pytest.raises(NotPermittedError):
            house.identity.admit(session, house.project().id, TAGGING)

    def test_a_policy_too_long_for_a_header_is_refused(self, house: Any) -> None:
        names = [chr(0x20000 + n) * 50 for n in range(100)]
        policy = parse_policy(
            {
                "Version": "1.1",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["image:*:*"],
                        "Condition": {"StringEquals": {"g:UserName": names}},
                    }
                ],
            }
        )
        assert isinstance(policy, Policy)
        with pytest.raises(InvalidParameterError):
            self.issue(house, house.add_user("ada"), narrowing=policy)

    @given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
    def test_any_altered_byte_is_refused(self, place: int, flip: int) -> None:
        service = TokenService(Vault(bytes(32)), SystemClock())
        bearer = Bearer("u" * 32, "a" * 32, 0)  # type: ignore[arg-type]
        key = service.issue_temporary_key(bearer, 900, ONLY_TAGGING)
        text = bytearray(key.security_token.encode())
        text[place % len(text)] ^= flip
        assert service.find_temporary(bytes(text), key.access) is None


class TestDescribing:
    def test_the_roles_are_those_that_count_there_now(self, house: Any) -> None:
        user, project = house.add_user("ada"), house.project()
        house.grant(user, TENANT_GUEST.id, "project", project.id)
        house.grant(user, SECURITY_ADMINISTRATOR.id)
        elsewhere = house.project("cn-east-3")

        def roles(where: Any) -> tuple[str, ...]:
            claims = house.tokens.issue_user_token(user, where).claims
            told: tuple[str, ...] = house.tokens.describe(claims, house.directory).roles
            return told

        assert roles(project) == ("readonly",)
        assert roles(elsewhere) == ()
        assert roles(None) == ("secu_admin",)

    def test_an_owner_is_told_as_both_administrators(self, house: Any) -> None:
        owner = house.directory.users[house.made.owner.id]
        claims = house.tokens.issue_user_token(owner, None).claims
        assert house.tokens.describe(claims, house.directory).roles == ("secu_admin", "te_admin")

    def test_a_token_of_a_removed_user_cannot_be_told_of(self, house: Any) -> None:
        user = house.add_user("ada")
        claims = house.tokens.issue_user_token(user, None).claims
        house.remove_user(user)
        with pytest.raises(WithdrawnTokenError):
            house.tokens.describe(claims, house.directory)
