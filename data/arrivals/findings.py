"""Are these tonight's data? All rules, over files and days, against the nights that are known.

Stage: raw data, before anything is built. In: the profile of tonight's files, those of earlier nights, and today. Out:
findings in the order in which to look at them, one for each rule and thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from data.arrivals import day_rules, file_rules
from data.arrivals.finding import Finding, Reference, Thresholds
from data.arrivals.profile import FilesProfile

AGAINST_A_NIGHT = (
    file_rules.older,
    file_rules.lost_rows,
    file_rules.changed_history,
    file_rules.id_format,
    file_rules.lost_ids,
    file_rules.columns,
    file_rules.new_department,
    file_rules.unseen_values,
    file_rules.lost_values,
)


def find(
    tonight: FilesProfile,
    references: Sequence[Reference],
    today: date,
    thresholds: Thresholds,
    in_two_files: Sequence[str] = (),
) -> list[Finding]:
    """Apply all rules.

    Args:
        tonight: the files of this night.
        references: the files of the night that is served and of the last one, where they are known; days are new that
            the first of them did not see.
        today: by the clock.
        thresholds: from where on something is found.
        in_two_files: what is to be said of each day whose purchases lie in two files.
    """
    first = references[0] if references else None
    found = [Finding("day_in_two_files", each) for each in in_two_files]
    found += _about_days(tonight, first, today, thresholds)
    if references and not any(finding.rule == "late" for finding in found):
        found += day_rules.nothing_new(tonight, references[-1], thresholds)
    for reference in references:
        told = {finding.rule for finding in found}
        against = (finding for rule in AGAINST_A_NIGHT for finding in rule(tonight, reference, thresholds))
        found += [finding for finding in against if finding.rule not in told]
    return found


def _about_days(
    tonight: FilesProfile, reference: Reference | None, today: date, thresholds: Thresholds
) -> Iterator[Finding]:
    judged = day_rules.new_days(tonight, reference)
    yield from day_rules.late(tonight, today, thresholds)
    yield from day_rules.missing_days(tonight, reference, thresholds)
    yield from day_rules.few_rows(tonight, judged, thresholds)
    yield from day_rules.missing_channels(tonight, judged, thresholds)
    yield from day_rules.repeated_days(tonight, reference, judged)
    yield from day_rules.changed_prices(tonight, reference, judged, thresholds)
