"""Whatever form a shop's files have they say the same, and whatever is wrong in them is named with file and line.

The cases are drawn by Hypothesis and the same every time (`derandomize`): 300 in each `make test`, 10,000 in
`make test-long PART=tests`. Each knows what it did, so there are two outcomes only: exactly the right values, or a
`RawDataError` of one line that names the file and, where there is one, the line and the value.
"""

import tempfile
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from written_tables import Form, forms, pack, write

from data.prepare import Request, prepare
from data.raw_errors import RawDataError
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE
from data.reading.column_names import same_columns
from data.reading.raw_table import open_table

FIRST_DAY = date(2020, 8, 20)
ARTICLES = ("0108775015", "0108775044", "0999999999")
# Letters with accents that are neither words of another code page nor UTF-8 by chance.
TEXTS = st.sampled_from(
    [
        "A text",
        '5" heel',
        'ends with "',
        "a, b; c | d",
        "caf\u00e9",
        "\u00a3 5",
        "two\nlines",
        "three\r\nmore\n\nlines",
        "#1",
        "-",
        "NULL",
    ]
)
IDS = st.sampled_from(
    ["ann", "bob", "1", "0017", "a b", "x,y;z", "o'neil", "a" * 128, "5f0d", "\u00e9ve", "NULL", "None"]
)
KINDS_OF_DATES = {
    "%Y-%m-%d": "",
    "%Y-%m-%d 00:00:00": "",
    "%Y-%m-%dT13:59:59.25Z": "",
    "%Y/%m/%d": "",
    "%Y%m%d": "",
    "%d/%m/%Y": "day",
    "%d.%m.%y 8:26": "day",
    "%m/%d/%Y": "month",
    "%m-%d-%y 8:26 PM": "month",
}


@dataclass(frozen=True)
class Damage:
    """What is broken: in which file, and what the message must name."""

    name: str
    file: str = TRANSACTIONS_FILE
    column: str = ""
    value: str = ""
    row_text: str = ""  # in the place of a whole row
    has_line: bool = True


def values(file: str, column: str, *broken: str) -> list[Damage]:
    return [Damage(f"{column} {value[:20]!r}", file, column, value) for value in broken]


BROKEN_VALUES = [
    *values(TRANSACTIONS_FILE, "price", "nan", "inf", "-1", "1e9", "", "1_0", "$2.5", "free", "0x10", "2.5.1", "1 000"),
    *values(
        TRANSACTIONS_FILE, "t_dat", "", "2999-01-01", "9999-12-31", "1970-01-01", "32.13.2020", "yesterday", "44096"
    ),
    *values(TRANSACTIONS_FILE, "article_id", "SKU-15", "0000000000", "108775015", "0999999001", ""),
    *values(TRANSACTIONS_FILE, "customer_id", "nobody", ""),
    *values(TRANSACTIONS_FILE, "sales_channel_id", "3", "1.5", "", "online"),
    *values(ARTICLES_FILE, "article_id", "SKU-15", "0000000000", "108775015", "0shirt1234", "01087750150", ""),
    *values(CUSTOMERS_FILE, "customer_id", "b" * 129, "a\x07", "..", "", "a\tb"),
    *values(CUSTOMERS_FILE, "age", "old", "9", "121", "nan", "-20"),
]
BROKEN_LINES = [
    Damage("too few fields", row_text="2020-09-01"),
    Damage("an open quote", row_text='2020-09-01"'),
    Damage("a NUL", row_text="2020\0-09-01"),
]
BROKEN_FILES = [
    Damage(name, file, has_line=name in ("no such column", "a column twice"))
    for name in ("empty", "only a header", "no such column", "a column twice", "a page", "cut off", "a folder", "gone")
    for file in RAW_COLUMNS
]


@st.composite
def shops(draw):
    """The three tables of a shop of 30 days, as H&M's layout has them."""
    customers = draw(st.lists(IDS, min_size=2, max_size=4, unique=True))
    articles = [[article, article[:7], *["some"] * 22, draw(TEXTS)] for article in ARTICLES[: draw(st.integers(2, 3))]]
    people = [
        [each, "1.0", "", "ACTIVE", "NONE", draw(st.sampled_from(["24.0", "", "57"])), "0a1b"] for each in customers
    ]
    purchases = [
        [
            str(FIRST_DAY + timedelta(n)),
            customers[n % len(customers)],
            ARTICLES[n % 2],
            draw(st.sampled_from(["0.0254", "12", "0", "0.5", "1e-05"])) if n else "0.0254",
            "12"[n % 2],
        ]
        for n in range(30)
    ]
    return {ARTICLES_FILE: articles, CUSTOMERS_FILE: people, TRANSACTIONS_FILE: purchases}


def suited(form: Form, rows) -> Form:
    """The form, in UTF-8 where Windows-1252 would not be told."""
    text = "".join(value for row in rows for value in row)
    if not rows[-1][-1].isascii():  # a file that ends with its only such letter may have been cut off
        form = replace(form, has_last_end=True)
    return form if form.encoding != "cp1252" or not text.isascii() else replace(form, encoding="utf-8")


def in_other_words(draw, rows):
    """The purchases with the same values in another form: dates, decimals, channels, spaces."""
    kind = draw(st.sampled_from(["%Y-%m-%d"] * 6 + list(KINDS_OF_DATES)))
    has_commas, has_points, spaces = (draw(st.sampled_from([False, False, False, True])) for _ in range(3))
    around = " " if spaces else ""
    changed = []
    for day, customer, article, price, channel in rows:
        shown = price.replace(".", ",") if has_commas and "e" not in price else "0,5" if has_commas else price
        changed.append(
            [
                date.fromisoformat(day).strftime(kind),
                f"{around}{customer}",
                f"{article}{around}",
                f"{around}{shown}",
                f"{channel}.0" if has_points else channel,
            ]
        )
    prices = [row[3].strip().replace(",", ".") for row in changed]
    return changed, [[*row[:3], price, row[4]] for row, price in zip(rows, prices, strict=True)]


def read_as_later_steps_do(path: Path) -> list[list[str]]:
    """All rows as dbt reads them."""
    columns = ", ".join(f"coalesce(\"{name}\", '')" for name in RAW_COLUMNS[path.name])
    sql = f"""select {columns} from read_csv($path, header=true, delim=',', quote='"', escape='"', all_varchar=true)"""
    rows = duckdb.execute(sql, {"path": str(path)}).fetchall()
    return [[with_one_line_end(value) for value in row] for row in rows]


def is_as_later_steps_need_it(path: Path) -> bool:
    """Whether a file can be read as it lies."""
    return open_table(path, same_columns(RAW_COLUMNS[path.name]), scratch=None).is_as_is


def with_one_line_end(value: str) -> str:
    """A text as it is in a file of LF."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def run_hm(case) -> None:
    """Write one shop in its forms, bring it, and compare."""
    tables, shop_forms, damage, row, expected = case
    note(f"{damage} in row {row}; {shop_forms}; {tables}")
    with tempfile.TemporaryDirectory(prefix="any raw file's ") as folder:
        source, root = Path(folder) / "own", Path(folder) / "raw"
        source.mkdir()
        lines = {}
        for name, rows in tables.items():
            form, rows, texts = shop_forms[name], [list(each) for each in rows], {}
            if damage and damage.file == name:
                form = damaged(rows, texts, damage, row, form)
            written = write(RAW_COLUMNS[name], rows, form, texts)
            lines[name] = written.lines
            pack(written.data, source / name, form.container)
        if damage and damage in BROKEN_FILES:
            damage_file(next(source.glob(f"{damage.file}*")), damage, shop_forms[damage.file])
        if damage is None:
            assert prepare(Request("kaggle-hm", str(source)), root).transactions == 30
            assert all(is_as_later_steps_need_it(root / "kaggle-hm" / name) for name in RAW_COLUMNS)
            for name, rows in expected.items():
                assert read_as_later_steps_do(root / "kaggle-hm" / name) == [
                    [with_one_line_end(value) for value in each] for each in rows
                ]
            return
        with pytest.raises(RawDataError) as raised:
            prepare(Request("kaggle-hm", str(source)), root)
        message = str(raised.value)
        assert "\n" not in message
        assert damage.file in message
        assert not (root / "kaggle-hm").exists()
        if damage.column:
            assert f"line {lines[damage.file][row]}, column {damage.column}".lower() in message.lower()
            assert repr(damage.value[:80]) in message or not damage.value
        elif damage.has_line:
            at = lines[damage.file][row if damage in BROKEN_LINES else 0]
            assert f"line {at}:" in message, (at, message)


def damaged(rows, texts, damage, row, form) -> Form:
    """Break a row of a table, or note the text that takes its place."""
    if damage.column:
        rows[row - 1][RAW_COLUMNS[damage.file].index(damage.column)] = damage.value
        return form if damage.value.isascii() else replace(form, encoding="utf-8")
    if damage in BROKEN_LINES:
        texts[row] = f'"{damage.row_text}' if damage.name == "an open quote" else damage.row_text
        if damage.name == "a NUL":
            texts[row] += form.separator.join(["", *rows[row - 1][1:], *extra(form)])
        return replace(form, has_index=False, has_trailing_separator=False)
    return form


def extra(form: Form) -> list[str]:
    return ["nothing"] if form.has_other_column else []


def damage_file(path: Path, damage: Damage, form: Form) -> None:
    """Break a whole file; what is inside an archive is not known any more, so it is replaced by plain text."""
    plain = path.with_name(damage.file)
    header = form.separator.join(RAW_COLUMNS[damage.file])
    path.unlink()
    match damage.name:
        case "empty":
            plain.write_bytes(b"")
        case "only a header":
            plain.write_text(header + "\n")
        case "no such column":
            plain.write_text(header.replace(RAW_COLUMNS[damage.file][1], "other", 1) + "\n")
        case "a column twice":
            plain.write_text(f"{header}{form.separator}{RAW_COLUMNS[damage.file][0].upper()}\n")
        case "a page":
            plain.write_text("<!DOCTYPE html><html>Sign in</html>")
        case "cut off":
            packed = pack(b"text that is cut off" * 50, plain, form.container or ".zip")
            packed.write_bytes(packed.read_bytes()[:-30])
        case "a folder":
            plain.mkdir()


@st.composite
def hm_cases(draw):
    tables = draw(shops())
    damage = draw(st.none() | st.sampled_from([*BROKEN_VALUES, *BROKEN_LINES, *BROKEN_FILES]))
    expected = dict(tables)
    if damage is None or damage.file != TRANSACTIONS_FILE:
        tables[TRANSACTIONS_FILE], expected[TRANSACTIONS_FILE] = in_other_words(draw, tables[TRANSACTIONS_FILE])
    shop_forms = {name: suited(draw(forms()), rows) for name, rows in tables.items()}
    row = draw(st.integers(2, len(tables[damage.file]) - 1)) if damage and len(tables[damage.file]) > 3 else 1
    return tables, shop_forms, damage, row, expected


RETAIL_HEADERS = (
    ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"),
    ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
)
RETAIL_FILE = "retail.csv"
CODE, QUANTITY, MOMENT, PRICE, CUSTOMER = 1, 3, 4, 5, 6  # positions of columns
KINDS_OF_MOMENTS = ("%Y-%m-%d 08:26:00", "%Y-%m-%dT08:26:00Z", "%m/%d/%Y 8:26", "%d/%m/%Y 08:26", "%m/%d/%y 8:26 PM")
BROKEN_CELLS = {
    CODE: ("90214-K", "85123ABC", "85123 A", "851231"),
    QUANTITY: ("2.5", "many", "nan", "1_0"),
    MOMENT: ("", "2999-12-01 08:26:00", "1970-01-01 00:00:00", "40513.35", "soon", "2010-12-01 24:00:00"),
    PRICE: ("nan", "inf", "free", "1e10", "$2", "1 000"),
    CUSTOMER: ("17850.5", "C-1", "nan", "1e16", "12345678901234567890"),
}


@st.composite
def retail_cases(draw):
    """Invoice lines with what their purchases are, in one form, and perhaps the row and the column of a broken cell."""
    kind, has_commas = draw(st.sampled_from(KINDS_OF_MOMENTS)), draw(st.booleans())
    rows, purchases = [], []
    for n in range(31):
        code, article = draw(
            st.sampled_from([("85123A", "0851230100"), ("20725", "0207250000"), ("79323b", "0793232800")])
        )
        price = draw(st.sampled_from(["2.55", "0.85", "12.5"])) if n else "2.55"
        day = FIRST_DAY + timedelta(n)
        customer = draw(st.sampled_from(["17850", "13085.0"]))
        shown = price.replace(".", ",") if has_commas else price
        rows.append([str(n), code, draw(TEXTS), "6", day.strftime(kind), shown, customer, "UK"])
        what = (
            draw(st.sampled_from(["sold"] * 6 + ["cancelled", "nobody's", "free", "postage", "returned"]))
            if n
            else "sold"
        )
        _leave_out(rows[-1], what)
        if what == "sold":
            purchases.append([str(day), customer.partition(".")[0], article, price, "2"])
    form = suited(draw(forms()), rows)
    header = draw(st.sampled_from(RETAIL_HEADERS))
    column = draw(st.none() | st.sampled_from(list(BROKEN_CELLS)))
    row = draw(st.integers(1, 30))
    value = draw(st.sampled_from(BROKEN_CELLS[column])) if column else ""
    return rows, purchases, form, header, column, row, value


def _leave_out(row: list[str], what: str) -> None:
    """Make a line one that is no purchase."""
    match what:
        case "cancelled":
            row[0] = f"c{row[0]}"
        case "nobody's":
            row[CUSTOMER] = ""
        case "free":
            row[PRICE] = "0"
        case "postage":
            row[CODE] = "POST"
        case "returned":
            row[QUANTITY] = "-6"


def run_retail(case) -> None:
    """Write invoice lines, bring them, and compare."""
    rows, purchases, form, header, column, row, value = case
    note(f"{value!r} in row {row}, column {column}; {form}; {rows}")
    rows = [list(each) for each in rows]
    if column:
        rows[row - 1] = [
            str(row),
            "85123A",
            "A text",
            "6",
            rows[row - 1][MOMENT],
            "2,55" if "," in rows[0][PRICE] else "2.55",
        ]
        rows[row - 1] += ["17850", "UK"]
        rows[row - 1][column] = value
    written = write(header, rows, form)
    with tempfile.TemporaryDirectory(prefix="any raw file's ") as folder:
        source, root = pack(written.data, Path(folder) / RETAIL_FILE, form.container), Path(folder) / "raw"
        if column is None and len({each[0] for each in purchases}) and _is_long_enough(purchases):
            prepare(Request("online-retail", str(source)), root)
            assert read_as_later_steps_do(root / "online-retail" / TRANSACTIONS_FILE) == purchases
            return
        with pytest.raises(RawDataError) as raised:
            prepare(Request("online-retail", str(source)), root)
        message = str(raised.value)
        assert "\n" not in message
        assert not (root / "online-retail").exists()
        if column:
            assert RETAIL_FILE in message
            assert f"line {written.lines[row]}, column {header[column]}".lower() in message.lower(), message
            assert repr(value) in message or not value


def _is_long_enough(purchases) -> bool:
    """Whether the purchases are of four weeks and have both last ones."""
    first, last = (date.fromisoformat(purchases[at][0]) for at in (0, -1))
    weeks = {(last - date.fromisoformat(day)).days // 7 for day, *_ in purchases}
    return (last - first).days + 1 >= 28 and {0, 1} <= weeks


# A case that fails is shown as it is: to make it smaller takes longer than all the others together.
QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
LONG = settings(QUICK, max_examples=5_000)


@QUICK
@given(hm_cases())
def test_hm_files_in_any_form_are_read_rightly_or_refused_with_their_line(case):
    run_hm(case)


@QUICK
@given(retail_cases())
def test_invoice_lines_in_any_form_are_read_rightly_or_refused_with_their_line(case):
    run_retail(case)


@pytest.mark.long
@LONG
@given(hm_cases())
def test_5000_hm_shops_in_any_form_are_read_rightly_or_refused_with_their_line(case):
    run_hm(case)


@pytest.mark.long
@LONG
@given(retail_cases())
def test_5000_files_of_invoice_lines_are_read_rightly_or_refused_with_their_line(case):
    run_retail(case)
