"""When the professionals work: weekly hours, leave, holidays; edited by supervisors in the admin.

- `domain`: professionals, special days, and the schedule that they make. Pure.
- `holidays`: the public holidays of the clinic's country.
- `models`, `repository`: how professionals and special days are stored, in the appointments table.
- `cache`: the schedule as this process read it, for a few seconds.
- `services`: reads the schedule, and changes it. Interfaces call these functions.

`appointments.rules` and `appointments.availability` ask the schedule which times can be booked.
"""
