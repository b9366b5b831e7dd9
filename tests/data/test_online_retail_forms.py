"""The smallest file of every form that a shop's invoice lines may have: it is read with the right values, and what is
unusual about it is said; or it is refused in one line with the user's own file, line, column, value and remedy."""

import csv
import gzip
import zipfile
from datetime import date, timedelta

import duckdb
import pytest
import tiny_online_retail

from data.online_retail import write_raw_files
from data.prepare import Request, main, prepare
from data.raw_errors import RawDataError

HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
OLDER_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINE = "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom"
DAYS = 20
READ_ROWS = [[str(date(2010, 12, 1) + timedelta(n)), "17850", "0851230100", "2.55", "2"] for n in range(DAYS)]


def lines(written="%Y-%m-%d 08:26:00", days=DAYS):
    """A line a day from 1 December 2010 on."""
    each = [(date(2010, 12, 1) + timedelta(n)).strftime(written) for n in range(days)]
    return [LINE.replace("2010-12-01 08:26:00", moment) for moment in each]


def text(rows=None, header=HEADER):
    return "\n".join([header, *(lines() if rows is None else rows)]) + "\n"


@pytest.fixture
def write(tmp_path):
    def written(data, name="lines.csv"):
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return written


@pytest.fixture
def read(tmp_path):
    """The transactions of a source, and what is said of it."""

    def rows_and_notes(source):
        folder = tmp_path / "raw"
        folder.mkdir()
        notes = write_raw_files(source, folder)
        with (folder / "transactions_train.csv").open(newline="") as file:
            return list(csv.reader(file))[1:], list(notes)

    return rows_and_notes


@pytest.fixture
def refusal(tmp_path):
    def message(source):
        with pytest.raises(RawDataError) as raised:
            prepare(Request("online-retail", str(source)), tmp_path / "root")
        assert "\n" not in str(raised.value)
        assert [path.name for path in (tmp_path / "root").iterdir()] == [".online-retail.lock"]
        return str(raised.value)

    return message


READ = {
    "the names of UCI's older file": (
        text(lines("%m/%d/%Y 8:26"), OLDER_HEADER),
        ["column InvoiceDate: dates are read with the month first"],
    ),
    "days first": (text(lines("%d/%m/%Y 08:26")), ["column InvoiceDate: dates are read with the day first"]),
    "years of two digits": (text(lines("%m/%d/%y 8:26")), ["column InvoiceDate: dates are read with the month first"]),
    "half days": (text(lines("%m/%d/%Y 8:26 AM")), ["column InvoiceDate: dates are read with the month first"]),
    "offsets": (
        text(lines("%Y-%m-%dT08:26:00+01:00")),
        ["column InvoiceDate: offsets such as Z and +01:00 are not applied"],
    ),
    "Latin-1": (
        text().replace("HEART", "\u00a3 HEART").encode("latin-1"),
        ["read as Windows-1252, not UTF-8; line 2 has '\u00a3'"],
    ),
    "UTF-16": (text().encode("utf-16"), ["read as UTF-16"]),
    "semicolons and decimal commas": (
        text().replace(",", ";").replace("2.55", "2,55"),
        ["separated by ';'", "column Price: commas are read as decimal points"],
    ),
    "spaces around everything": (text().replace(",", " , "), []),
    "customers with a decimal": (text().replace("17850", "17850.0"), []),
    "CR": (text().replace("\n", "\r"), ["lines end with CR"]),
    "one CRLF": (text().replace("\n", "\r\n", 1), ["lines end in different ways"]),
    "an index": (text(["1," + each for each in lines()], "," + HEADER), ["column '' is ignored"]),
}


@pytest.mark.parametrize(("data", "notes"), READ.values(), ids=READ.keys())
def test_unusual_form_is_read_and_said(write, read, data, notes):
    assert read(write(data)) == (READ_ROWS, [f"lines.csv: {note}" for note in notes])


def zip_of(**members):
    def pack(path):
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), data)

    return pack


def parquet_of(columns):
    def pack(path):
        source = path.with_name("source.csv")
        source.write_text(text())
        duckdb.execute(f"copy (select * replace ({columns}) from '{source}') to '{path}' (format parquet)")

    return pack


PACKED = {
    "lines.csv.gz": (lambda path: path.write_bytes(gzip.compress(text().encode())), ["lines.csv.gz: unpacked"]),
    "LINES.CSV": (lambda path: path.write_text(text()), []),
    "lines.zip": (zip_of(year__lines_csv=text()), ["lines.zip, year/lines.csv: unpacked"]),
    "lines.xlsx": (lambda path: path.write_text(text()), ["lines.xlsx: a text, whatever its name says"]),
    "customers as floats, times with a zone.parquet": (
        parquet_of('"Customer ID"::double as "Customer ID", InvoiceDate::timestamptz as InvoiceDate'),
        ["customers as floats, times with a zone.parquet: the times of column 'InvoiceDate' are read in UTC"],
    ),
    "decimals and categories.parquet": (
        parquet_of("Price::decimal(9, 2) as Price, Country::enum('United Kingdom') as Country"),
        [],
    ),
    "parquet, whatever its name says.csv": (parquet_of("Price as Price"), []),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_file_is_read_and_said(tmp_path, read, name):
    pack, notes = PACKED[name]
    pack(tmp_path / name)

    assert read(tmp_path / name) == (READ_ROWS, notes)


def test_workbook_beside_what_macos_leaves_in_a_zip_is_found(tmp_path, read):
    workbook = tiny_online_retail.write_workbook(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "retail.zip", "w") as archive:
        archive.writestr("__MACOSX/._x.xlsx", b"\0\5\x16\7")
        archive.write(workbook, "x.xlsx")

    rows, notes = read(tmp_path / "retail.zip")

    assert len(rows) == 7
    assert notes[0] == "retail.zip, x.xlsx: unpacked"


def test_small_c_is_a_cancellation_and_what_is_left_out_is_said(write, read):
    others = [
        LINE.replace("536365", "c536365"),
        LINE.replace("17850", ""),
        LINE.replace("85123A", "POST"),
        LINE.replace("2.55", "0"),
    ]

    assert read(write(text(lines() + others))) == (
        READ_ROWS,
        [
            "lines.csv: 1 line cancelled is left out",
            "lines.csv: 1 line with a stock code that does not begin with five digits is left out (POST, ...)",
            "lines.csv: 1 line without a customer is left out",
            "lines.csv: 1 line without a quantity and a price above 0 is left out",
        ],
    )


REFUSED = {
    "a price that is no number": (
        text().replace("2.55", "nan", 1),
        "lines.csv, line 2, column Price: 'nan' is not a price (1 such row). Write numbers with a decimal point",
    ),
    "a price beyond what is kept": (
        text([*lines(), LINE.replace("2.55", "1e10")]),
        "lines.csv, line 22, column Price: '1e10'",
    ),
    "a stock code of another form": (
        text().replace("85123A", "90214-K", 1),
        "lines.csv, line 2, column StockCode: '90214-K' is not a stock code (1 such row). Stock codes are "
        "five digits and "
        "up to two letters",
    ),
    "other stock codes throughout": (
        text().replace("85123A", "SKU-1001"),
        "lines.csv, from line 2 on: no line is a purchase (20 lines with a stock code that does not begin with five "
        "digits are left out (SKU-1001, ...)). A purchase has",
    ),
    "half a piece": (
        text([*lines(), LINE.replace(",6,", ",2.5,")]),
        "lines.csv, line 22, column Quantity: '2.5' is not a",
    ),
    "half a customer": (
        text([*lines(), LINE.replace("17850", "17850.5")]),
        "lines.csv, line 22, column Customer ID: '17850.5' is not a customer's number",
    ),
    "a customer whose zeros would be lost": (
        text([*lines(), LINE.replace("17850", "0017850")]),
        "lines.csv, line 22, column Customer ID: '0017850' is not a customer's number",
    ),
    "a sale without a date": (
        text([*lines(), LINE.replace("2010-12-01 08:26:00", "")]),
        "lines.csv, line 22, column InvoiceDate: an empty value is not a date",
    ),
    "a future": (
        text([*lines(), LINE.replace("2010", "2999")]),
        "lines.csv, line 22, column InvoiceDate: '2999-12-01 08:26:00' lies after today",
    ),
    "a lone day": (
        text([*lines(), LINE.replace("2010", "1970")]),
        "lines.csv, line 22, column InvoiceDate: '1970-12-01 08:26:00' lies far from all other purchases",
    ),
    "dates that can be read in two ways": (
        text(lines("%d/%m/%Y 08:26", days=12)),
        "lines.csv, line 2, column InvoiceDate: '01/12/2010 08:26' is 1 December 2010 with the day first or 12 January "
        "2010 with the month first, and no row of the file tells which. Write dates as YYYY-MM-DD HH:MM:SS",
    ),
    "short years that can be read in two ways": (
        text(lines("%m/%d/%y 8:26", days=12)),
        "lines.csv, line 2, column InvoiceDate: '12/01/10 8:26' is 12 January 2010 with the day first or 1 "
        "December 2010",
    ),
    "dates in two orders": (
        text([*lines("%d/%m/%Y 08:26"), LINE.replace("2010-12-01 08:26:00", "12/31/2010 08:26")]),
        "lines.csv, line 22, column InvoiceDate: '12/31/2010 08:26' is not a date, day first as the others "
        "(1 such row)",
    ),
    "seconds since 1970": (
        text([LINE.replace("2010-12-01 08:26:00", "1291191960")]),
        "lines.csv, line 2, column InvoiceDate: '1291191960' is not a date but a number, as computers count",
    ),
    "an older file's price": (
        text(header=OLDER_HEADER).replace("2.55", "free", 1),
        "lines.csv, line 2, column UnitPrice: 'free' is not a price",
    ),
    "two columns missing": (
        text(header=HEADER.replace("Price", "Cost").replace("Customer ID", "Client")),
        "lines.csv, line 1: columns Price, Customer ID are missing",
    ),
    "an open quote": (text().replace("HEART", '"HEART', 1), "lines.csv, line 2: '536365,85123A,\"HEART,6,"),
    "a short line": (text([*lines(), "1,2,3"]), "lines.csv, line 22: '1,2,3' has fewer fields than the header"),
    "a NUL": (text().replace("HEART", "HE\0ART", 1), "lines.csv, line 2: there is a NUL byte"),
    "only a header": (HEADER, "lines.csv has a header but no rows"),
    "nothing": ("", "lines.csv is empty, 0 bytes"),
    "few days": (text(), "there are 20 days from the first purchase, 2010-12-01, to the cutoff, 2010-12-21: too few"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_named_with_its_line(write, refusal, data, message):
    assert refusal(write(data)).startswith(message)


BROKEN_FILES = {
    "page.xlsx": (b"<table><tr><td>", "page.xlsx is HTML or XML, not a table"),
    "old.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "old.xls cannot be read (Cannot detect file format); save",
    ),
    "lines.parquet": (b"PAR1" + bytes(100), "lines.parquet cannot be read ("),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_file_that_is_no_table_is_named(write, refusal, name):
    data, message = BROKEN_FILES[name]

    assert refusal(write(data, name)).startswith(message)


def test_column_of_lists_is_refused(tmp_path, refusal):
    parquet_of("[Price] as Price")(tmp_path / "lines.parquet")

    assert refusal(tmp_path / "lines.parquet").startswith("lines.parquet: column Price is of the type DOUBLE[]")


def test_folder_is_refused(tmp_path, refusal):
    assert refusal(tmp_path).startswith(f"{tmp_path} is a folder, not a file")


def workbook_of(tmp_path, monkeypatch, **sheets):
    monkeypatch.setattr(tiny_online_retail, "SHEETS", sheets)
    return tiny_online_retail.write_workbook(tmp_path / "retail.xlsx", headers=())


FIRST_YEAR = [tiny_online_retail.HEADER, *tiny_online_retail.SHEETS["Year 2010-2011"][4:6]]


def test_empty_sheet_and_a_sheet_of_notes_are_left_out_and_said(tmp_path, monkeypatch, read):
    rows, notes = read(workbook_of(tmp_path, monkeypatch, sales=FIRST_YEAR, empty=[], notes=[["made by", "me"]]))

    assert [row[1] for row in rows] == ["13085", "13085"]
    assert notes == [
        "retail.xlsx: sheet 'empty' is empty and left out",
        "retail.xlsx: sheet 'notes' has another table and is left out",
    ]


def test_header_below_a_title_is_found_and_said(tmp_path, monkeypatch, read):
    rows, notes = read(workbook_of(tmp_path, monkeypatch, sales=[["Sales of 2010"], *FIRST_YEAR]))

    assert [row[1] for row in rows] == ["13085", "13085"]
    assert notes == ["retail.xlsx: the header of sheet 'sales' is in row 2"]


def test_second_sheet_without_a_header_is_refused(tmp_path, monkeypatch, refusal):
    source = workbook_of(tmp_path, monkeypatch, first=FIRST_YEAR, second=FIRST_YEAR[1:])

    assert refusal(source).startswith("retail.xlsx, sheet 'second', row 1: columns Invoice, StockCode,")


def test_second_sheet_that_lacks_a_column_is_refused(tmp_path, monkeypatch, refusal):
    source = workbook_of(tmp_path, monkeypatch, first=FIRST_YEAR, second=[row[:-1] for row in FIRST_YEAR])

    assert refusal(source).startswith("retail.xlsx, sheet 'second', row 1: column Country is missing;")


def test_sheets_may_have_their_columns_in_another_order(tmp_path, monkeypatch, read):
    turned = [row[::-1] for row in FIRST_YEAR]

    rows, _ = read(workbook_of(tmp_path, monkeypatch, first=turned))

    assert [row[1] for row in rows] == ["13085", "13085"]


def test_value_of_a_workbook_is_named_with_sheet_and_row(tmp_path, monkeypatch, refusal):
    header, first, second = FIRST_YEAR
    source = workbook_of(
        tmp_path, monkeypatch, a=[header, first], b=[["title"], header, [*second[:5], "free", *second[6:]]]
    )

    assert refusal(source).startswith("retail.xlsx, sheet 'b', row 3, column Price: 'free' is not a price")


def test_home_folder_is_expanded_where_no_shell_did(tmp_path, write, monkeypatch, capsys):
    write(text(lines(days=30)))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "o'neil's data"))
    monkeypatch.setenv("ONLINE_RETAIL_FILE", "~/lines.csv")

    assert main(["--dataset", "online-retail"]) == 0
    assert "transactions            30" in capsys.readouterr().out
