"""A reproducible sample of the served lists: every list of some customers, the same ones every night on every server.

Stage: around the routes. In: the lists of an answer. Out: `served-*.jsonl` in `SAMPLE_DIR`, a line for each list.
Customers are drawn by a hash of their id, so a larger `SAMPLE_SHARE` includes all customers of a smaller one.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from serving.customer_mask import CustomerMask, customer_mask
from serving.logs.background_lines import BackgroundLines
from serving.logs.line_format import iso_time, json_line
from serving.logs.rotating_files import RotatingFiles
from serving.lookup.answers import Recommendations, ServedList
from serving.settings import Settings, SettingsError

PURPOSE = b"served-sample"  # independent of everything else that is drawn by a hash of the customer


class SampledList(NamedTuple):
    """One list of the sample; `time` is in Unix seconds."""

    time: float
    request_id: str
    caller: str | None
    served: Recommendations


class ServedSample:
    """The sample of one application.

    Raises:
        SettingsError: the folder cannot be written.
    """

    def __init__(self, settings: Settings, count_dropped: Callable[[int], None]) -> None:
        self._share, self._mask = settings.sample_share, customer_mask(settings.log_customer_ids, settings.log_hash_key)
        files = RotatingFiles(
            Path(settings.sample_dir),
            "served",
            max_bytes=int(settings.sample_file_mib * 2**20),
            max_seconds=settings.sample_file_hours * 3600,
            max_files=settings.sample_files,
        )
        try:
            files.check()
        except OSError as error:
            raise SettingsError(f"SAMPLE_DIR is {settings.sample_dir!r}, which cannot be written: {error}") from error
        self.lines: BackgroundLines[SampledList] = BackgroundLines("sample", self._line_of, files.write, count_dropped)

    def offer(self, time: float, request_id: str, caller: str | None, served: Sequence[ServedList]) -> None:
        """Keep the lists of customers who are in the sample; lists that belong to no customer are never kept."""
        for each in served:
            if isinstance(each, Recommendations) and is_sampled(each.customer_id, self._share):
                self.lines.put(SampledList(time, request_id, caller, each))

    def _line_of(self, each: SampledList) -> str:
        return sample_line(each, self._mask)


def is_sampled(customer_id: str, share: float) -> bool:
    """Whether a customer is in a sample of a share, from 0 to 1, of all customers."""
    digest = blake2b(customer_id.encode(errors="surrogatepass"), digest_size=8, person=PURPOSE).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def sample_line(each: SampledList, mask: CustomerMask) -> str:
    """Return the line of a list."""
    served = each.served
    return json_line(
        {
            "time": iso_time(each.time),
            "request_id": each.request_id,
            "caller": each.caller,
            "customer": mask(served.customer_id),
            "version": served.version,
            "variant": served.variant,
            "source": served.source.name.lower(),
            "article_ids": [item.article_id for item in served.items],
            "scores": [item.score for item in served.items],
        }
    )
