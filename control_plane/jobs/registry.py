"""Every type of action, and how it is done."""

from control_plane.customers import erasing
from control_plane.distributions import distributing
from control_plane.exports.exporting import ACTION_TYPE as EXPORT
from control_plane.exports.exporting import write_page
from control_plane.gift_cards import ordering as gift_cards
from control_plane.groups import walking
from control_plane.imports import importing
from control_plane.imports.resources import RESOURCES
from control_plane.jobs.kinds import Kind
from control_plane.vouchers import generating

CODES_PER_S = 10_000
"""50,000 codes in 5 to 6 s (5.2 s measured), the rest is left to others. A slower machine pauses less."""
RECORDS_PER_S = 4_000
"""Rows of a file are read and checked one by one in this process's loop, which answers requests as well."""
EXPORTED_PER_S = 20_000
ERASED_PER_S = 2_000
GIVEN_PER_S = 500
"""Each is a handful of statements, and its code is put in force by itself."""

KINDS: dict[str, Kind] = {
    generating.ACTION_TYPE: Kind(generating.make_chunk, CODES_PER_S, is_batch=True),
    gift_cards.ACTION_TYPE: Kind(gift_cards.make_chunk, CODES_PER_S, is_batch=True),
    distributing.ACTION_TYPE: Kind(distributing.give_to_some, GIVEN_PER_S),
    walking.ACTION_TYPE: Kind(walking.walk, RECORDS_PER_S),
    EXPORT: Kind(write_page, EXPORTED_PER_S),
    erasing.ACTION_TYPE: Kind(erasing.erase_part, ERASED_PER_S),
}
for _resource in RESOURCES.values():
    KINDS[_resource.import_type] = Kind(importing.take_in_file, RECORDS_PER_S, is_batch=_resource.makes_codes)
    KINDS[_resource.update_type] = Kind(importing.take_in_records, RECORDS_PER_S)
