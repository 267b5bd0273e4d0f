"""Appointments: which patient sees which doctor, and when; no doctor has two at once.

`orders` and `appointments` have the same modules, and each kind of code has one place in both:

- `domain`: values, enums and the table of status transitions. Pure: no I/O, clock or Django.
- `models`: how records are stored in DynamoDB (PynamoDB classes). Shape only.
- `repository`: every read and write, one function for each access pattern. Rows in, domain values out.
- `validation`: turns each input field into the value that is stored, or raises `InvalidFieldError`.
  Looks at one value at a time, never at the stored record.
- `rules`: business rules that depend on the stored record, the clock or other records: `ensure_…`
  functions that raise, and `change_status`.
- `services`: the operations. Each is one function and at most one transaction; it calls `validation`,
  `rules` and `repository`. REST, the admin and the voice tools call services and nothing below.
- `errors`: the domain errors, each with its code. `labels`: names of statuses and types for people.
- `serializers`, `openapi`, `views`, `urls`: the REST API.
- `admin`, `admin_forms`, `admin_records`: the staff admin.
- `demo`: the demo records that `manage.py seed_appointments` stores.

Only appointments have:

- `opening_hours`: when the clinic is open, and which start times that allows. Pure.
- `clinic`: the clinic as the settings describe it: time zone, opening hours, slots.
- `schedules`: professionals, holidays and closed days, edited by supervisors.
- `availability`: which times are free; combines the schedule with what is booked.
- `schedule_admin`, `schedule_admin_records`: the admin pages of professionals and special days.
- `spoken_forms`: types and lengths as the model writes them, for the voice tools. Pure.
"""
