"""What the rooms' REST views share: they ask a service, and answer with a serializer.

REST framework wants a queryset for most of its machinery; ours is an empty list, since the records
come from the services. What is left of `GenericViewSet` is what the browsable API's forms need.
"""

from typing import Any

from rest_framework.viewsets import GenericViewSet

from common.http import Answer


class ServiceViewSet(GenericViewSet[Any]):
    """A viewset over services. `pk` in the path is a record's id."""

    lookup_value_regex = "[^/]+"  # an impossible id is answered like an unknown one
    pagination_class = None

    def get_queryset(self) -> Any:
        """Return nothing; see above."""
        return []

    def answer(self, record: object, *, message: str, status: int = 200) -> Answer:
        """Return the response that shows one record."""
        data = self.get_serializer(record).data
        return Answer(data, message=message, status=status)

    def answer_all(self, records: list[Any], *, noun: str) -> Answer:
        """Return the response that shows some records; `noun` is what one of them is called."""
        data = self.get_serializer(records, many=True).data
        count = f"{len(records)} {noun}{'' if len(records) == 1 else 's'}"
        return Answer(data, message=f"Retrieved {count} successfully")
