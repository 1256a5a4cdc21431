import threading
from dataclasses import replace
from typing import Any

import pytest

from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.lockout import NAME_FROM_ADDRESS_LIMIT, NAME_LIMIT, counters_for
from huiyan.iam.tokens.login import Login, LoginService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.tokens.scope import ChosenScope, ChosenUser, Named
from huiyan.kernel.errors import (
    DisabledAccountError,
    DisabledUserError,
    ForeignProjectError,
    LockedOutError,
    NotFoundError,
    QueueFullError,
    RecordingError,
    WithdrawnTokenError,
    WrongPasswordError,
)
from huiyan.kernel.ids import RequestId

RIGHT = "right-Password1"
HERE = Named(name="huiyan")


def login(
    name: str = "ada",
    password: str = RIGHT,
    account: Named | None = HERE,
    scope: ChosenScope | None = None,
    address: str = "192.0.2.1",
) -> Login:
    user = ChosenUser(Named(name=name), account)
    return Login(user, password, scope or ChosenScope(), address, RequestId("r" * 32))


class FullVerifier:
    """Has no room."""

    def verify(self, _stored: str | None, _password: str) -> bool:
        raise QueueFullError("too many passwords are being checked")


def service(house: Any, verifier: Any, identity: IdentityService) -> LoginService:
    return LoginService(
        identity,
        house.passwords,
        verifier,
        LockoutRepository(house.database),
        house.tokens,
        house.clock,
        house.audit,
        pause=lambda _s: None,
    )


def test_a_right_password_gives_a_token_for_the_account(house: Any) -> None:
    user = house.add_user("ada")
    issued = house.logins.log_in(login())
    session = house.read(issued.text)
    assert session.principal.user_id == user.id
    assert session.is_domain_scoped
    assert issued.claims.methods == ("password",)


@pytest.mark.parametrize("by_id", ["user", "account", "both"])
def test_ids_do_as_well_as_names(house: Any, by_id: str) -> None:
    user = house.add_user("ada")
    chosen = {
        "user": ChosenUser(Named(user.id), None),
        "account": ChosenUser(Named(name="ada"), Named(house.account.id)),
        "both": ChosenUser(Named(user.id), Named(house.account.id)),
    }[by_id]
    issued = house.logins.log_in(replace(login(), user=chosen))
    assert house.read(issued.text).principal.user_id == user.id


def test_an_id_goes_before_a_name(house: Any) -> None:
    user = house.add_user("ada")
    chosen = ChosenUser(Named(user.id, "bob"), None)
    assert house.logins.log_in(replace(login(), user=chosen)).claims.bearer.user_id == user.id


def test_a_user_made_elsewhere_a_moment_ago_can_log_in(house: Any) -> None:
    other = IdentityService(house.repository, house.vault, house.clock)
    logins = service(house, house.verifier, other)
    house.add_user("ada")
    assert logins.log_in(login())


# Whoever does not know a password must not learn which of these it was.
UNKNOWN = {
    "wrong password": login(password="wrong"),
    "unknown user": login("nobody"),
    "unknown account": login(account=Named(name="nowhere")),
    "unknown account id": login(account=Named("f" * 32)),
    "no account": login(account=None),
    "no password": login("keyless"),
    "disabled user": login("disabled", "wrong"),
    "another account's user": login("eve"),
    "unknown id": replace(login(), user=ChosenUser(Named("f" * 32), None)),
    "empty": login("", "x", Named(name="")),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_every_wrong_log_in_is_told_alike_after_the_same_work(house: Any, kind: str) -> None:
    house.add_user("ada")
    house.add_user("keyless", None)
    house.set_user(house.add_user("disabled"), bumped=True, enabled=False)
    house.add_user("eve", account=house.add_account("other"))
    house.add_user("usual")
    with pytest.raises(WrongPasswordError) as usual:
        house.logins.log_in(login("usual", "wrong", address="192.0.2.9"))
    before = (len(house.verifier.compared), house.passwords.asked, len(house.audit.entries))
    with pytest.raises(WrongPasswordError) as caught:
        house.logins.log_in(UNKNOWN[kind])
    after = (len(house.verifier.compared), house.passwords.asked, len(house.audit.entries))
    assert str(caught.value) == str(usual.value)
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]


@pytest.mark.parametrize("kind", UNKNOWN)
def test_every_wrong_log_in_locks_alike(house: Any, kind: str) -> None:
    house.add_user("ada")
    house.add_user("keyless", None)
    house.set_user(house.add_user("disabled"), bumped=True, enabled=False)
    house.add_user("eve", account=house.add_account("other"))
    for _ in range(5):
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(UNKNOWN[kind])
    hashed = len(house.verifier.compared)
    with pytest.raises(LockedOutError) as caught:
        house.logins.log_in(UNKNOWN[kind])
    assert caught.value.detail == "Too many wrong passwords; try again in 15 minutes."
    assert len(house.verifier.compared) == hashed


def test_the_real_comparison_refuses_unknown_users_too(house: Any) -> None:
    hasher = PasswordHasher(HashCost(memory_kib=64, passes=1))
    logins = service(house, hasher, house.identity)
    user = house.add_user("ada", None)
    house.set_user(user, password_hash=hasher.hash(RIGHT))
    assert logins.log_in(login())
    for wrong in (login(password="wrong"), login("nobody"), login(password="")):
        with pytest.raises(WrongPasswordError):
            logins.log_in(wrong)


class TestLockOut:
    def test_a_right_password_does_not_help_while_locked(self, house: Any) -> None:
        house.add_user("ada")
        for _ in range(5):
            with pytest.raises(WrongPasswordError):
                house.logins.log_in(login(password="wrong"))
        with pytest.raises(LockedOutError):
            house.logins.log_in(login())
        house.clock.move(minutes=15)
        assert house.logins.log_in(login())

    def test_the_owner_of_a_locked_name_gets_in_from_elsewhere(self, house: Any) -> None:
        house.add_user("ada")
        for _ in range(60):
            with pytest.raises((WrongPasswordError, LockedOutError)):
                house.logins.log_in(login(password="wrong", address="203.0.113.66"))
        assert house.logins.log_in(login())

    def test_a_success_gives_five_new_tries(self, house: Any) -> None:
        house.add_user("ada")
        for _ in range(3):
            for _ in range(4):
                with pytest.raises(WrongPasswordError):
                    house.logins.log_in(login(password="wrong"))
            assert house.logins.log_in(login())

    def test_names_and_ids_of_a_user_are_counted_together(self, house: Any) -> None:
        user = house.add_user("ada")
        by_id = replace(login(password="wrong"), user=ChosenUser(Named(user.id), None))
        for number in range(5):
            with pytest.raises(WrongPasswordError):
                house.logins.log_in(by_id if number % 2 else login(password="wrong"))
        with pytest.raises(LockedOutError):
            house.logins.log_in(by_id)

    def test_the_lock_holds_in_every_process(self, house: Any) -> None:
        house.add_user("ada")
        other = service(
            house,
            house.verifier,
            IdentityService(house.repository, house.vault, house.clock),
        )
        for _ in range(5):
            with pytest.raises(WrongPasswordError):
                house.logins.log_in(login(password="wrong"))
        with pytest.raises(LockedOutError):
            other.log_in(login())

    def test_sixteen_threads_get_five_passwords_looked_at(self, house: Any) -> None:
        house.add_user("ada")
        house.identity.refresh()
        ready, results, lock = threading.Barrier(16), [], threading.Lock()

        def guess(number: int) -> None:
            ready.wait()
            for attempt in range(3):
                try:
                    house.logins.log_in(login(password=f"guess {number} {attempt}"))
                except (WrongPasswordError, LockedOutError) as error:
                    with lock:
                        results.append(type(error))

        threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 48
        assert results.count(WrongPasswordError) == len(house.verifier.compared) == 5

    def test_tries_that_found_no_room_lock_nobody_and_wipe_nothing_out(self, house: Any) -> None:
        house.add_user("ada")
        for _ in range(4):
            with pytest.raises(WrongPasswordError):
                house.logins.log_in(login(password="wrong"))
        full = service(house, FullVerifier(), house.identity)
        for _ in range(10):
            with pytest.raises(QueueFullError):
                full.log_in(login())
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login(password="wrong"))
        with pytest.raises(LockedOutError):
            house.logins.log_in(login())

    def test_a_flood_at_a_locked_name_fills_no_log(self, house: Any) -> None:
        for _ in range(100):
            with pytest.raises((WrongPasswordError, LockedOutError)):
                house.logins.log_in(login("nobody"))
        assert len(house.audit.entries) == 5


class TestWhatOnlyTheRightPasswordTells:
    def test_a_disabled_user(self, house: Any) -> None:
        house.set_user(house.add_user("ada"), bumped=True, enabled=False)
        with pytest.raises(DisabledUserError):
            house.logins.log_in(login())

    def test_a_disabled_account(self, house: Any) -> None:
        house.add_user("ada")
        house.set_account(house.account, enabled=False)
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login(password="wrong"))
        with pytest.raises(DisabledAccountError):
            house.logins.log_in(login())

    @pytest.mark.parametrize(
        ("scope", "error"),
        [
            (ChosenScope(Named("f" * 32)), ForeignProjectError),
            (ChosenScope(Named(name="mars-1")), ForeignProjectError),
            (ChosenScope(account=Named(name="other")), NotFoundError),
            (ChosenScope(account=Named(name="nowhere")), NotFoundError),
            (ChosenScope(Named(name="cn-north-4"), Named(name="other")), ForeignProjectError),
        ],
    )
    def test_a_scope_that_is_not_the_users(
        self, house: Any, scope: ChosenScope, error: type[Exception]
    ) -> None:
        house.add_account("other")
        house.add_user("ada")
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login(password="wrong", scope=scope))
        with pytest.raises(error):
            house.logins.log_in(login(scope=scope))

    def test_another_accounts_project_and_none_are_told_alike(self, house: Any) -> None:
        foreign = house.project(account=house.add_account("other"))
        house.add_user("ada")
        told = set()
        for project_id in (foreign.id, "f" * 32):
            with pytest.raises(ForeignProjectError) as caught:
                house.logins.log_in(login(scope=ChosenScope(Named(project_id))))
            told.add(str(caught.value))
        assert len(told) == 1

    def test_the_name_of_a_region_means_the_users_own_project(self, house: Any) -> None:
        other = house.add_account("other")
        house.add_user("eve", account=other)
        issued = house.logins.log_in(
            login("eve", account=Named(name="other"), scope=ChosenScope(Named(name="cn-north-4")))
        )
        assert issued.claims.bearer.project_id == house.project(account=other).id


class TestAudit:
    def test_good_and_bad_log_ins_are_told(self, house: Any) -> None:
        user = house.add_user("ada")
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login(password="wrong"))
        issued = house.logins.log_in(login())
        bad, good = house.audit.entries
        assert (bad.allowed, bad.reason, bad.user_id) == (False, "wrong password", user.id)
        assert good.allowed
        assert good.address == "192.0.2.1"
        assert issued.claims.id in good.reason
        assert {bad.action, good.action} == {"iam:tokens:create"}

    def test_no_password_and_no_token_is_told(self, house: Any) -> None:
        house.add_user("ada")
        issued = house.logins.log_in(login())
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login(password="a secret word"))
        with pytest.raises(WrongPasswordError):
            house.logins.log_in(login("typed-a-password-as-name"))
        told = repr(house.audit.entries)
        assert issued.text not in told
        assert "secret word" not in told
        assert RIGHT not in told
        assert "typed-a-password" not in told

    def test_a_password_does_not_show_in_repr(self) -> None:
        assert RIGHT not in repr(login())

    def test_what_cannot_be_told_is_not_done(self, house: Any) -> None:
        house.add_user("ada")

        def fail(_entry: object) -> None:
            raise RecordingError("full")

        house.audit.record = fail
        with pytest.raises(RecordingError):
            house.logins.log_in(login())


def test_a_password_changed_while_it_is_compared_withdraws_the_token(house: Any) -> None:
    user = house.add_user("ada")
    compare = house.verifier.verify

    def verify(stored: str | None, password: str) -> bool:
        house.set_user(user, bumped=True, password_hash="hash of another")
        return bool(compare(stored, password))

    house.verifier.verify = verify
    issued = house.logins.log_in(login())
    with pytest.raises(WithdrawnTokenError):
        house.read(issued.text)


def test_a_hash_of_an_older_cost_is_renewed_and_the_token_stays_good(house: Any) -> None:
    user = house.add_user("ada")
    known = house.passwords.find_password_hash(user.account_id, user.id)
    house.set_user(user, bumped=False, password_hash=f"weak {known}")
    issued = house.logins.log_in(login())
    assert house.passwords.find_password_hash(user.account_id, user.id) == known
    house.read(issued.text)


def test_right_passwords_at_one_moment_wait_for_each_other_instead_of_locking(house: Any) -> None:
    user = house.add_user("ada")
    address = login().address
    counters = counters_for(user.account_id, ("ada", ""), address)
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        house.clock.move(seconds=seconds)
        if len(waited) == 3:
            house.lockouts.forgive(counters)

    for _ in range(NAME_FROM_ADDRESS_LIMIT):  # in hand elsewhere, and not yet compared
        assert house.lockouts.reserve(counters, house.clock.now()) is None
    logins = LoginService(
        house.identity,
        house.passwords,
        house.verifier,
        house.lockouts,
        house.tokens,
        house.clock,
        house.audit,
        pause=pause,
    )
    assert house.read(logins.log_in(login()).text).principal.user_id == user.id
    assert len(waited) == 3


def test_guessers_at_many_addresses_keep_nobody_out_of_the_usual_address(house: Any) -> None:
    user = house.add_user("ada")
    house.logins.log_in(login())
    for number in range(NAME_LIMIT):
        guess = counters_for(user.account_id, ("ada", ""), f"198.51.100.{number // 4}")
        assert house.lockouts.reserve(guess, house.clock.now()) is None
    elsewhere = counters_for(user.account_id, ("ada", ""), "203.0.113.9")
    assert house.lockouts.reserve(elsewhere, house.clock.now()) is not None
    house.read(house.logins.log_in(login()).text)


def test_a_lock_that_stays_is_told_after_a_second_and_an_old_one_at_once(house: Any) -> None:
    user = house.add_user("ada")
    counters = counters_for(user.account_id, ("ada", ""), login().address)
    for _ in range(NAME_FROM_ADDRESS_LIMIT):
        house.lockouts.reserve(counters, house.clock.now())
    waited: list[float] = []
    logins = LoginService(
        house.identity,
        house.passwords,
        house.verifier,
        house.lockouts,
        house.tokens,
        house.clock,
        house.audit,
        pause=waited.append,
    )
    with pytest.raises(LockedOutError):
        logins.log_in(login())
    assert sum(waited) == pytest.approx(1.0)
    waited.clear()
    house.clock.move(seconds=2)
    with pytest.raises(LockedOutError):
        logins.log_in(login())
    assert waited == []
