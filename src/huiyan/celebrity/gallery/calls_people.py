"""What the calls about the people of a gallery do.

Owns: their handlers. Has no opinion on: who may make them, and how people are kept.
"""

from __future__ import annotations

from huiyan.celebrity.gallery.asked import person_of, project_of, scope_of
from huiyan.celebrity.gallery.enrolment import Enrolment
from huiyan.celebrity.gallery.facts import check_facts
from huiyan.celebrity.gallery.render import (
    render_candidate,
    render_duplicate,
    render_person,
)
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.wire import (
    named_as_written,
    parse_facts,
    parse_ids,
    parse_photos,
)
from huiyan.iam.call import Answer, Call
from huiyan.iam.field import flag_field, text_field
from huiyan.kernel.errors import MissingParameterError, QuotaError

_PAGE = 100
_LARGEST_PAGE = 1000
_LARGEST_MARKER = 10**15 - 1

MOST_COMPARED = 100_000
"""Photos that a call compares with each other: more take longer than a caller waits."""


class PeopleCalls:
    """Handlers that share the galleries.

    Parameters
    ----------
    service : GalleryService
        The galleries.
    enrolment : Enrolment
        Looks at photos.
    """

    def __init__(self, service: GalleryService, enrolment: Enrolment) -> None:
        self._service = service
        self._enrolment = enrolment

    def list_people(self, call: Call) -> Answer:
        """List people by pages, those added first at the front.

        Parameters
        ----------
        call : Call
            With ``text``, ``enabled``, ``limit`` and ``marker`` in the query.

        Returns
        -------
        Answer
            The page.
        """
        page = self._service.list_people(
            scope_of(call),
            text_field(dict(call.query), "text") or None,
            call.flag("enabled"),
            call.number("limit", most=_LARGEST_PAGE) or _PAGE,
            call.number("marker", most=_LARGEST_MARKER, least=0),
        )
        marker = None if page.next_marker is None else str(page.next_marker)
        people = [render_person(person) for person in page.people]
        return Answer(document={"people": people, "marker": marker, "total": page.total})

    def add_person(self, call: Call) -> Answer:
        """Add a person, with photos or without.

        Parameters
        ----------
        call : Call
            With ``person`` and ``photos`` in the body.

        Returns
        -------
        Answer
            The person, and who may be the same.
        """
        asked = parse_photos(call.request.body)
        if asked.person is None:
            raise MissingParameterError("'person' is a required property")
        scope = scope_of(call)
        with named_as_written():
            # The names first: they are cheap to check, photos are not.
            facts = check_facts(parse_facts(asked.person))
        photos = self._enrolment.judge(asked.photos, scope, project_of(call))
        added = self._service.add_person(scope, facts, photos)
        return Answer(
            201,
            {
                "person": render_person(added.person),
                "alike": [render_candidate(it) for it in added.alike],
            },
            told={"photos": str(len(photos))},
        )

    def show_person(self, call: Call) -> Answer:
        """Show a person.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            The person.
        """
        person = self._service.get_person(scope_of(call), person_of(call))
        return Answer(document={"person": render_person(person)})

    def change_person(self, call: Call) -> Answer:
        """Change what is said about a person, or whether they are looked for.

        Parameters
        ----------
        call : Call
            With ``person`` in the body; what it does not name stays.

        Returns
        -------
        Answer
            The person as they are now.
        """
        scope, person_id = scope_of(call), person_of(call)
        asked = dict(call.member("person"))
        enabled = flag_field(asked, "enabled", "person.")
        asked.pop("enabled", None)
        if enabled is None and not asked:
            raise MissingParameterError("'person' must say what is to be changed")
        facts = None
        if asked:
            facts = parse_facts(asked, self._service.get_person(scope, person_id).facts)
        with named_as_written():
            person = self._service.change_person(scope, person_id, facts=facts, enabled=enabled)
        return Answer(document={"person": render_person(person)})

    def remove_person(self, call: Call) -> Answer:
        """Remove a person with everything that is known of them.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            Nothing.
        """
        self._service.remove_person(scope_of(call), person_of(call))
        return Answer(204)

    def merge(self, call: Call) -> Answer:
        """Make several people one.

        Parameters
        ----------
        call : Call
            With the others' ids, ``from``, in the body.

        Returns
        -------
        Answer
            The one who is left.
        """
        into_id, from_ids = person_of(call), parse_ids(call.document(), "from")
        with named_as_written():
            person = self._service.merge(scope_of(call), into_id, from_ids)
        return Answer(document={"person": render_person(person)})

    def list_duplicates(self, call: Call) -> Answer:
        """List people who may be one, the most alike first.

        Parameters
        ----------
        call : Call
            With ``limit`` in the query.

        Returns
        -------
        Answer
            The pairs.

        Raises
        ------
        QuotaError
            The gallery has too many photos for a call.
        """
        limit = call.number("limit", most=_LARGEST_PAGE) or _PAGE
        scope = scope_of(call)
        if self._service.describe(scope).photo_count > MOST_COMPARED:
            raise QuotaError(
                f"the gallery has more than {MOST_COMPARED} photos, too many to be compared by a "
                "call: use 'huiyan celebrity duplicates' on the server"
            )
        pairs = self._service.duplicates(scope, limit)
        return Answer(document={"duplicates": [render_duplicate(pair) for pair in pairs]})
