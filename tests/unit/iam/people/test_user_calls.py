from __future__ import annotations

import re
from typing import Any

import pytest
from keys import issue_key

PASSWORD = "Correct-horse7"
NEWER = "/v3.0/OS-USER/users"
DEEP = b'{"user":' * 5000 + b"1" + b"}" * 5000


def text_of(answer: Any) -> str:
    told = answer.json()
    return str(told["error"]["message"] if "error" in told else told["error_msg"])


def create(house: Any, path: str = NEWER, **fields: object) -> Any:
    told = {"name": "alice", "domain_id": house.account_id, "password": PASSWORD} | fields
    kept = {name: value for name, value in told.items() if value is not ...}
    return house.call("POST", path, {"user": kept})


class TestMaking:
    def test_the_newer_call_answers_all_that_it_knows(self, house: Any) -> None:
        answer = create(
            house,
            email="a@b.cn",
            areacode="0086",
            phone="13800138000",
            description="描述",
            access_mode="programmatic",
            enabled=False,
        )
        assert answer.status_code == 201
        user = answer.json()["user"]
        assert re.fullmatch("[0-9a-f]{32}", user["id"])
        assert user == {
            "id": user["id"],
            "name": "alice",
            "domain_id": house.account_id,
            "enabled": False,
            "description": "描述",
            "email": "a@b.cn",
            "areacode": "0086",
            "phone": "13800138000",
            "access_mode": "programmatic",
            "pwd_status": True,
            "password_expires_at": None,
            "is_domain_owner": False,
            "create_time": "2026-03-31T08:15:30.123000Z",
            "links": {"self": f"http://testserver{NEWER}/{user['id']}"},
        }
        stored = house.repository.find_password_hash(house.account_id, user["id"])
        assert house.hasher.verify(stored, PASSWORD)

    def test_the_older_call_is_a_shorter_form(self, house: Any) -> None:
        answer = create(house, "/v3/users", domain_id=..., password=..., description="d")
        assert answer.status_code == 201
        user = answer.json()["user"]
        assert user == {
            "id": user["id"],
            "name": "alice",
            "domain_id": house.account_id,
            "enabled": True,
            "description": "d",
            "password_expires_at": None,
            "pwd_status": None,
            "last_project_id": "",
            "access_mode": "default",
            "links": {
                "self": f"http://testserver/v3/users/{user['id']}",
                "next": None,
                "previous": None,
            },
        }
        assert house.repository.find_password_hash(house.account_id, user["id"]) is None

    def test_a_password_that_need_not_be_changed(self, house: Any) -> None:
        assert create(house, pwd_status=False).json()["user"]["pwd_status"] is False
        assert (
            create(house, name="b", password=..., pwd_status=True).json()["user"]["pwd_status"]
            is None
        )

    def test_no_reply_holds_the_password_or_its_hash(self, house: Any) -> None:
        made = create(house)
        user_id = made.json()["user"]["id"]
        for answer in (
            made,
            house.call("GET", f"{NEWER}/{user_id}"),
            house.call("GET", f"/v3/users/{user_id}"),
            house.call("GET", "/v3/users"),
        ):
            assert PASSWORD not in answer.text
            assert "argon2" not in answer.text
        assert PASSWORD not in repr(house.audit.entries)

    def test_a_name_is_taken_in_its_account_only(self, house: Any) -> None:
        assert create(house).status_code == 201
        again = create(house)
        assert (again.status_code, again.json()["error_code"]) == (409, "IAM.1109")
        assert create(house, "/v3/users").status_code == 409
        assert create(house, name="Alice").status_code == 201
        house.user("alice", account_id=house.stranger_account_id)

    def test_another_account_is_refused(self, house: Any) -> None:
        for path in (NEWER, "/v3/users"):
            answer = create(house, path, domain_id=house.stranger_account_id)
            assert answer.status_code == 403
            assert "iam:users:createUser" in text_of(answer)
        assert not house.people.roster.users(house.stranger_account_id, "alice")

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"name": ...}, "user.name"),
            ({"name": None}, "user.name"),
            ({"name": ""}, "user.name"),
            ({"name": 1}, "user.name"),
            ({"name": ["a"]}, "user.name"),
            ({"name": "1a"}, "user.name"),
            ({"name": "a\n"}, "user.name"),
            ({"name": "a" * 65}, "user.name"),
            ({"domain_id": ...}, "user.domain_id"),
            ({"domain_id": 1}, "user.domain_id"),
            ({"password": 123456}, "user.password"),
            ({"password": "a1"}, "user.password"),
            ({"password": ""}, "user.password"),
            ({"password": "x1" * 100}, "user.password"),
            ({"password": "aaaa1\u0000"}, "user.password"),
            ({"password": "aaaaaaa"}, "password"),
            ({"email": "x"}, "user.email"),
            ({"email": {}}, "user.email"),
            ({"phone": "1"}, "user.areacode"),
            ({"areacode": "0086"}, "user.areacode"),
            ({"areacode": "0086", "phone": "1x"}, "user.phone"),
            ({"areacode": "123456789", "phone": "1"}, "user.areacode"),
            ({"enabled": "true"}, "user.enabled"),
            ({"enabled": 1}, "user.enabled"),
            ({"pwd_status": "no"}, "user.pwd_status"),
            ({"access_mode": "root"}, "user.access_mode"),
            ({"access_mode": True}, "user.access_mode"),
            ({"description": "d" * 256}, "user.description"),
            ({"description": "描" * 86}, "user.description"),
            ({"description": "\u0007"}, "user.description"),
        ],
    )
    def test_a_bad_field_is_named(
        self, quiet_house: Any, fields: dict[str, object], named: str
    ) -> None:
        answer = create(quiet_house, **fields)
        assert answer.status_code == 400, answer.text
        assert named in text_of(answer)
        assert answer.json()["error_code"].startswith("IAM.")
        assert not quiet_house.people.roster.users(quiet_house.account_id, "alice")

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"[]",
            b'"user"',
            b"{}",
            b'{"user":null}',
            b'{"user":[]}',
            b'{"user":1}',
            DEEP,
            b'\xff{"user":{}}',
            b'{"user":{"name":"\\ud800"}}',
            b"NaN",
        ],
    )
    def test_a_body_that_is_none_is_refused(self, quiet_house: Any, raw: bytes) -> None:
        for method, path in (
            ("POST", NEWER),
            ("POST", "/v3/users"),
            ("POST", f"/v3/users/{quiet_house.owner_id}/password"),
            ("PUT", f"{NEWER}/{quiet_house.owner_id}/info"),
        ):
            assert quiet_house.call(method, path, raw=raw).status_code == 400, path

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"name": "1a"}, "IAM.1101"),
            ({"email": "x"}, "IAM.1102"),
            ({"password": "a1"}, "IAM.1103"),
            ({"areacode": "0086", "phone": "x"}, "IAM.1104"),
            ({"phone": "1"}, "IAM.1106"),
            ({"password": "aaaaaa"}, "IAM.1118"),
            ({"enabled": "x"}, "IAM.0073"),
            ({"name": ...}, "IAM.0072"),
        ],
    )
    def test_the_newer_call_has_codes_of_its_own(
        self, quiet_house: Any, fields: dict[str, object], code: str
    ) -> None:
        assert create(quiet_house, **fields).json()["error_code"] == code

    def test_unknown_fields_are_passed_over(self, house: Any) -> None:
        answer = create(house, xuser_id="x", xuser_type="y", is_owner=True, is_domain_owner=True)
        assert answer.json()["user"]["is_domain_owner"] is False


class TestShowing:
    def test_the_list_is_by_name_and_of_the_own_account(self, house: Any) -> None:
        for name in ("b", "a"):
            house.user(name)
        house.user("c", account_id=house.stranger_account_id)
        answer = house.call("GET", "/v3/users")
        assert answer.status_code == 200
        assert [user["name"] for user in answer.json()["users"]] == ["a", "admin", "b"]
        assert answer.json()["links"] == {
            "self": "http://testserver/v3/users",
            "next": None,
            "previous": None,
        }

    def test_the_list_can_be_filtered(self, house: Any) -> None:
        create(house)
        create(house, name="bob", enabled=False)
        for query, names in [
            ("name=alice", ["alice"]),
            ("name=Alice", []),
            ("name=ali", []),
            ("name=", ["admin", "alice", "bob"]),
            ("enabled=false", ["bob"]),
            ("enabled=TRUE", ["admin", "alice"]),
            ("name=bob&enabled=true", []),
            ("per_page=1&page=2", ["alice"]),
            ("page=2", []),
            ("password_expires_at=lt:2030-01-01T00:00:00Z", []),
        ]:
            answer = house.call("GET", f"/v3/users?{query}")
            assert [user["name"] for user in answer.json()["users"]] == names, query

    @pytest.mark.parametrize(
        "query",
        [
            "enabled=1",
            "page=0",
            "per_page=x",
            "per_page=-1",
            "name=a&name=b",
            "password_expires_at=soon",
        ],
    )
    def test_a_bad_filter_is_refused(self, quiet_house: Any, query: str) -> None:
        assert quiet_house.call("GET", f"/v3/users?{query}").status_code == 400

    def test_another_accounts_list_is_refused(self, house: Any) -> None:
        assert house.call("GET", f"/v3/users?domain_id={house.account_id}").status_code == 200
        other = house.call("GET", f"/v3/users?domain_id={house.stranger_account_id}")
        assert other.status_code == 403

    def test_the_newer_call_tells_more(self, house: Any) -> None:
        user_id = create(house, email="a@b.cn").json()["user"]["id"]
        told = house.call("GET", f"{NEWER}/{user_id}").json()["user"]
        assert told["create_time"] == "2026-03-31 08:15:30.0"
        assert (told["email"], told["is_domain_owner"]) == ("a@b.cn", False)
        owner = house.call("GET", f"{NEWER}/{house.owner_id}").json()["user"]
        assert owner["is_domain_owner"] is True

    def test_users_see_themselves_without_a_right_and_nobody_else(self, house: Any) -> None:
        alice, bob = house.user("alice"), house.user("bob")
        for path in ("/v3/users/", f"{NEWER}/"):
            assert house.call("GET", path + alice.id, by=alice.id).status_code == 200
            assert house.call("GET", path + bob.id, by=alice.id).status_code == 403
            assert house.call("GET", path + "absent", by=alice.id).status_code == 403
        assert house.call("GET", "/v3/users", by=alice.id).status_code == 403
        assert house.call("GET", "/v3/users", by=house.guest().id).status_code == 403
        assert house.call("GET", "/v3/users", by=house.administrator().id).status_code == 200

    @pytest.mark.parametrize("user_id", ["absent", "%00", "..", "a" * 900, "%ff", "%F0%9F"])
    def test_one_that_is_not_there_is_not_found(self, quiet_house: Any, user_id: str) -> None:
        for method, path in (
            ("GET", "/v3/users/"),
            ("PATCH", "/v3/users/"),
            ("DELETE", "/v3/users/"),
            ("GET", f"{NEWER}/"),
            ("PUT", f"{NEWER}/"),
        ):
            answer = quiet_house.call(method, path + user_id, {"user": {"name": "x"}})
            assert answer.status_code in {404, 405}, (method, path)


class TestChanging:
    def test_both_calls_change_what_is_given_and_nothing_else(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        answer = house.call("PATCH", f"/v3/users/{alice.id}", {"user": {"name": "al"}})
        assert (answer.status_code, answer.json()["user"]["name"]) == (200, "al")
        answer = house.call(
            "PUT",
            f"{NEWER}/{alice.id}",
            {
                "user": {
                    "email": "a@b.cn",
                    "areacode": "0086",
                    "phone": "1",
                    "access_mode": "console",
                    "description": "d",
                }
            },
        )
        told = answer.json()["user"]
        assert answer.status_code == 200
        assert (told["name"], told["email"], told["phone"]) == ("al", "a@b.cn", "1")
        assert (told["access_mode"], told["description"]) == ("console", "d")
        assert told["pwd_status"] is True
        assert house.epoch(alice) == 0

    def test_contacts_can_be_forgotten(self, house: Any) -> None:
        user_id = create(house, email="a@b.cn", areacode="0086", phone="1").json()["user"]["id"]
        change = {"user": {"email": "", "areacode": "", "phone": "", "description": ""}}
        told = house.call("PUT", f"{NEWER}/{user_id}", change).json()["user"]
        assert (told["email"], told["areacode"], told["phone"]) == ("", "", "")

    def test_a_taken_name_is_refused(self, house: Any) -> None:
        alice = house.user("alice")
        house.user("bob")
        change = {"user": {"name": "bob", "description": "d"}}
        assert house.call("PATCH", f"/v3/users/{alice.id}", change).status_code == 409
        newer = house.call("PUT", f"{NEWER}/{alice.id}", change)
        assert newer.json()["error_code"] == "IAM.1109"
        assert house.people.roster.get_user(alice.account_id, alice.id) == alice
        same = house.call("PATCH", f"/v3/users/{alice.id}", {"user": {"name": "alice"}})
        assert same.status_code == 200

    def test_a_bad_field_changes_nothing(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for fields in [
            {"name": ""},
            {"name": 5},
            {"enabled": "no"},
            {"password": "a"},
            {"password": "aaaaaa"},
            {"email": "x"},
            {"phone": "1"},
            {"pwd_status": 0},
            {"description": "d" * 256},
        ]:
            change = {"user": {"access_mode": "console"} | fields}
            for method, path in (("PATCH", "/v3/users/"), ("PUT", f"{NEWER}/")):
                assert house.call(method, path + alice.id, change).status_code == 400
            assert house.people.roster.get_user(alice.account_id, alice.id) == alice

    def test_another_domain_is_refused(self, house: Any) -> None:
        alice = house.user("alice")
        change = {"user": {"domain_id": house.stranger_account_id}}
        assert house.call("PATCH", f"/v3/users/{alice.id}", change).status_code == 403

    def test_a_status_withdraws_tokens_only_if_it_is_another(self, house: Any) -> None:
        alice = house.user("alice")
        path = f"/v3/users/{alice.id}"
        for enabled, epoch in ((True, 0), (False, 1), (False, 1), (True, 2)):
            house.call("PATCH", path, {"user": {"enabled": enabled}})
            assert house.epoch(alice) == epoch

    def test_a_reset_password_must_be_changed_and_withdraws_tokens(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for method, path, told, epoch in (
            ("PATCH", "/v3/users/", {}, 1),
            ("PUT", f"{NEWER}/", {"pwd_status": False}, 2),
        ):
            change = {"user": {"password": f"Another-{epoch}"} | told}
            answer = house.call(method, path + alice.id, change)
            assert answer.json()["user"]["pwd_status"] is told.get("pwd_status", True)
            assert house.epoch(alice) == epoch
            stored = house.repository.find_password_hash(alice.account_id, alice.id)
            assert house.hasher.verify(stored, f"Another-{epoch}")

    def test_a_reset_password_must_be_another_and_fit_the_new_name(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        path = f"/v3/users/{alice.id}"
        same = house.call("PATCH", path, {"user": {"password": PASSWORD}})
        assert (same.status_code, house.epoch(alice)) == (400, 0)
        named = {"user": {"name": "Bobby-1", "password": "1-ybboB"}}
        assert house.call("PATCH", path, named).status_code == 400

    def test_users_change_their_own_contacts_and_nothing_else(self, house: Any) -> None:
        alice, bob = house.user("alice"), house.user("bob")
        path = f"{NEWER}/{alice.id}/info"
        wish = {"user": {"email": "a@b.cn", "mobile": "0086-138", "enabled": False, "name": "x"}}
        answer = house.call("PUT", path, wish, by=alice.id)
        assert (answer.status_code, answer.content) == (204, b"")
        changed = house.people.roster.get_user(alice.account_id, alice.id)
        assert (changed.email, changed.area_code, changed.phone) == ("a@b.cn", "0086", "138")
        assert (changed.name, changed.enabled) == ("alice", True)
        for mobile in ("0086139", ""):
            house.call("PUT", path, {"user": {"mobile": mobile}}, by=alice.id)
            changed = house.people.roster.get_user(alice.account_id, alice.id)
            assert (changed.area_code + changed.phone, changed.email) == (mobile, "a@b.cn")
        for by in (bob.id, house.administrator().id, house.owner_id):
            assert house.call("PUT", path, wish, by=by).status_code == 403

    def test_bad_contacts_are_refused(self, house: Any) -> None:
        alice = house.user("alice")
        path = f"{NEWER}/{alice.id}/info"
        for fields in [
            {},
            {"email": None},
            {"mobile": "x"},
            {"mobile": "+86-1"},
            {"mobile": 86},
            {"email": "x"},
            {"mobile": "0086-" + "1" * 33},
            {"mobile": "0086-"},
            {"mobile": "1"},
        ]:
            assert house.call("PUT", path, {"user": fields}, by=alice.id).status_code == 400

    def test_a_removed_user_is_gone_with_all_that_was_theirs(self, house: Any) -> None:
        alice = house.administrator("alice")
        issued = issue_key(house.people, house.account_id, "alice")
        before = house.identities.revision()
        answer = house.call("DELETE", f"/v3/users/{alice.id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert house.identities.revision() > before
        directory = house.identity.directory
        assert alice.id not in directory.users
        assert alice.id not in directory.memberships
        assert issued.access_key not in directory.keys
        assert house.repository.keys.find(house.account_id, issued.access_key) is None
        assert house.call("DELETE", f"/v3/users/{alice.id}").status_code == 404
        house.user("alice")


class TestOwnPassword:
    def change(self, house: Any, user: Any, original: object, password: object, **by: str) -> Any:
        wish = {"user": {"original_password": original, "password": password}}
        return house.call(
            "POST", f"/v3/users/{user.id}/password", wish, by=by.pop("by", user.id), headers=by
        )

    def test_a_right_one_is_replaced_and_tokens_end(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        answer = self.change(house, alice, PASSWORD, "Another-1")
        assert (answer.status_code, answer.content) == (204, b"")
        changed = house.people.roster.get_user(alice.account_id, alice.id)
        assert (changed.credential_epoch, changed.must_change_password) == (1, False)
        assert self.change(house, alice, PASSWORD, "Another-2").status_code == 401
        assert self.change(house, alice, "Another-1", "Another-2").status_code == 204

    def test_a_wrong_one_and_none_are_told_alike(self, house: Any) -> None:
        alice, bob = house.user("alice", PASSWORD), house.user("bob")
        texts = {self.change(house, user, "Wrong-one1", "Another-1").text for user in (alice, bob)}
        assert len(texts) == 1
        assert self.change(house, bob, "Wrong-one1", "Another-1").status_code == 401
        assert house.epoch(alice) == 0

    def test_a_wrong_one_is_told_before_a_weak_new_one(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        assert self.change(house, alice, "Wrong-one1", "weak").status_code == 401

    def test_a_new_one_must_be_good_and_another(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for password in ["aaaaaa", "a1", "ecila", PASSWORD, 5, None, "", "a1\n234"]:
            assert self.change(house, alice, PASSWORD, password).status_code == 400
            assert house.epoch(alice) == 0

    def test_the_original_is_needed(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for original in [None, "", 5, ["x"], "x" * 200]:
            assert self.change(house, alice, original, "Another-1").status_code == 400

    def test_guessing_is_locked_out_as_at_log_ins(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for _ in range(5):
            assert self.change(house, alice, "Wrong-one1", "Another-1").status_code == 401
        locked = self.change(house, alice, PASSWORD, "Another-1")
        assert locked.status_code == 401
        assert "try again in 15 minutes" in text_of(locked)
        house.clock.pass_s(901)
        assert self.change(house, alice, PASSWORD, "Another-1").status_code == 204

    def test_nobody_else_can_use_it(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        for by in (house.user("bob").id, house.administrator().id, house.owner_id):
            assert self.change(house, alice, PASSWORD, "Another-1", by=by).status_code == 403
        assert self.change(
            house, alice, PASSWORD, "Another-1", by=house.stranger_id
        ).status_code in {
            403,
            404,
        }
        assert house.epoch(alice) == 0

    def test_a_disabled_user_cannot_change_it(self, house: Any) -> None:
        alice = house.user("alice", PASSWORD)
        house.call("PATCH", f"/v3/users/{alice.id}", {"user": {"enabled": False}})
        assert self.change(house, alice, PASSWORD, "Another-1").status_code == 403
