"""What this code and uvicorn log with Python's `logging`, as lines of the application's log.

In: log records. Out: lines of JSON with the id of the request they belong to. Errors are written without their
messages, unless customers' ids may be clear: `KeyError: 'customer-7'` names a customer.
"""

import logging
import traceback
from contextvars import ContextVar

from serving.logs.background_lines import BackgroundLines
from serving.logs.json_lines import iso_time, json_line
from serving.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that this code runs for."""


class LineHandler(logging.Handler):
    """Hands records on as lines."""

    def __init__(self, lines: BackgroundLines, is_clear: bool) -> None:
        super().__init__()
        self._lines, self._is_clear = lines, is_clear

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        error = record.exc_info[1] if record.exc_info else None
        message = record.getMessage()
        if error is not None and not self._is_clear:
            message = message.partition("\n")[0]  # asyncio repeats the error in the lines below
        facts = {
            "time": iso_time(record.created),
            "level": record.levelname.lower(),
            "request_id": REQUEST_ID.get(),
            "logger": record.name,
            "message": message,
            "error": error_text(error, self._is_clear) if error is not None else None,
        }
        self._lines.put(json_line(facts))


def error_text(error: BaseException, is_clear: bool) -> str:
    """Return an error and those that led to it, with where they came from; their messages only if `is_clear`."""
    if is_clear:
        return "".join(traceback.format_exception(error))
    chain = [error]
    while (earlier := chain[-1].__cause__ or chain[-1].__context__) and earlier not in chain:
        chain.append(earlier)
    return "\n".join("".join([*traceback.format_tb(each.__traceback__), type(each).__name__]) for each in chain)


def configure_logging(settings: Settings, lines: BackgroundLines) -> None:
    """Send everything this process logs to the application's log, and nowhere else."""
    root = logging.getLogger()
    root.handlers = [LineHandler(lines, is_clear=settings.log_customer_ids == "clear")]
    root.setLevel(settings.log_level.upper())
