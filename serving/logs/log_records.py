"""Records of Python's `logging`, from this code and from every library, as lines of the application's log.

In: log records. Out: lines of JSON with the id of the request they belong to. Unless customers' ids may be clear, no
line names a customer, whoever logs it: errors are written without their messages (`KeyError: 'customer-7'` names one),
and a library's record without the values in it, since Mangum logs each path.
"""

import logging
import re
import traceback
from contextvars import ContextVar

from serving.logs.background_lines import BackgroundLines
from serving.logs.line_format import iso_time, json_line
from serving.logs.repeated_lines import RepeatedLines
from serving.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that the current task answers."""

NAMES_NOBODY = frozenset({"serving", "uvicorn"})  # known from their code
TALKATIVE = "mangum", "asyncio"
"""Libraries that log a line for each request, which has one of its own."""
VALUE = re.compile(r"[(<\[{'\":=0-9]")
"""Where the first value in a message may begin."""


class LineHandler(logging.Handler):
    """Writes records as lines."""

    def __init__(self, lines: BackgroundLines, is_clear: bool) -> None:
        super().__init__()
        self._lines, self._is_clear = lines, is_clear

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        error = record.exc_info[1] if record.exc_info else None
        facts = {
            "time": iso_time(record.created),
            "level": record.levelname.lower(),
            "request_id": REQUEST_ID.get(),
            "logger": record.name,
            "message": message_of(record, self._is_clear),
            "left_out": getattr(record, "n_left_out", 0) or None,
            "error": error_text(error, self._is_clear) if error is not None else None,
        }
        self._lines.put(json_line(facts))


def message_of(record: logging.LogRecord, is_clear: bool) -> str:
    """Return a record's message; of a library's only what cannot name a customer, unless `is_clear`.

    With values apart from its text, that is the text; else what comes before the first value, since asyncio writes
    `Exception in callback answer('customer-7')`.
    """
    if is_clear or record.name.partition(".")[0] in NAMES_NOBODY:
        return record.getMessage()
    text = str(record.msg)
    return text if record.args else VALUE.split(text)[0].partition("\n")[0].strip()


def error_text(error: BaseException, is_clear: bool) -> str:
    """Return an error and those that led to it, with where they came from; their messages only if `is_clear`."""
    if is_clear:
        return "".join(traceback.format_exception(error))
    chain = [error]
    while (earlier := chain[-1].__cause__ or chain[-1].__context__) and earlier not in chain:
        chain.append(earlier)
    return "\n".join("".join([*traceback.format_tb(each.__traceback__), type(each).__name__]) for each in chain)


def configure_logging(settings: Settings, lines: BackgroundLines) -> None:
    """Send all records of this process to the application's log, and nowhere else."""
    root = logging.getLogger()
    handler = LineHandler(lines, is_clear=settings.log_customer_ids == "clear")
    handler.addFilter(RepeatedLines())
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
