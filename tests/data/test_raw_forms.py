"""The smallest file of every form that H&M's layout may have: it is read with the right values, and what is unusual
about it is said; or it is refused in one line with the user's own file, line, column, value and remedy."""

import gzip
import zipfile
from datetime import date, datetime, timedelta

import duckdb
import pytest
from tiny_raw_files import JEANS, LAST_DAY, SHIRT, replace_in_line, write_raw_files

from data.prepare import Request, main, prepare
from data.raw_errors import RawDataError
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE

DAYS = 30
FIRST_ROW = ("2020-08-24", "ann", SHIRT, "0.0254", "2")


@pytest.fixture
def source(tmp_path):
    return write_raw_files(tmp_path / "own", days=DAYS)


@pytest.fixture
def raw_root(tmp_path):
    return tmp_path / "raw"


def rows_in(folder, name=TRANSACTIONS_FILE):
    """The rows of a file as dbt reads them."""
    columns = ", ".join(RAW_COLUMNS[name])
    sql = f"""select {columns} from read_csv($path, header=true, delim=',', quote='"', escape='"', all_varchar=true)"""
    return duckdb.execute(sql, {"path": str(folder / "kaggle-hm" / name)}).fetchall()


def change(path, changed):
    path.write_bytes(changed(path.read_bytes()))


def said_of(source, raw_root):
    """What is said of files that are read with the right values."""
    summary = prepare(Request("kaggle-hm", str(source)), raw_root)
    rows = rows_in(raw_root)
    assert len(rows) == DAYS
    assert rows[0] == FIRST_ROW
    assert rows[-1][0] == str(LAST_DAY)
    return list(summary.notes)


def refusal(source, raw_root):
    """The one line in which files are refused, which leaves nothing behind."""
    with pytest.raises(RawDataError) as raised:
        prepare(Request("kaggle-hm", str(source)), raw_root)
    assert "\n" not in str(raised.value)
    assert [path.name for path in raw_root.iterdir()] == [".kaggle-hm.lock"]
    return str(raised.value)


def with_index(data):
    lines = data.decode().strip().split("\n")
    return "\n".join([f",{lines[0]}", *(f"{n},{line}" for n, line in enumerate(lines[1:]))]).encode()


def with_days(written):
    """A change of every date."""

    def changed(data):
        text = data.decode()
        for n in range(DAYS):
            day = LAST_DAY - timedelta(days=n)
            text = text.replace(str(day), day.strftime(written))
        return text.encode()

    return changed


READ = {
    "an unnamed index column": (with_index, ["column '' is ignored"]),
    "one CRLF line": (lambda data: data[:-1] + b"\r\n", ["lines end in different ways"]),
    "lines that end with CR": (lambda data: data.replace(b"\n", b"\r"), ["lines end with CR"]),
    "a last line without end": (lambda data: data[:-1], []),
    "blank lines": (lambda data: data.replace(b"\n", b"\n\n"), []),
    "blank lines above the header": (lambda data: b"\n\n" + data, []),
    "a comma at the end of every line": (lambda data: data.replace(b"\n", b",\n"), []),
    "a comma at the end of the header": (lambda data: data.replace(b"\n", b",\n", 1), []),
    "semicolons": (lambda data: data.replace(b",", b";"), ["separated by ';'"]),
    "semicolons and Excel's own line": (lambda data: b"sep=;\n" + data.replace(b",", b";"), ["separated by ';'"]),
    "tabs": (lambda data: data.replace(b",", b"\t"), ["separated by tabs"]),
    "pipes": (lambda data: data.replace(b",", b"|"), ["separated by '|'"]),
    "decimal commas": (
        lambda data: data.replace(b",", b";").replace(b"0.0254", b"0,0254"),
        ["separated by ';'", "column price: commas are read as decimal points"],
    ),
    "names in capitals and with spaces": (
        lambda data: data.replace(b"t_dat,customer_id", b" T_DAT , Customer ID"),
        ["column 'T_DAT' is read as t_dat", "column 'Customer ID' is read as customer_id"],
    ),
    "UTF-8 with a mark": (lambda data: data.decode().encode("utf-8-sig"), []),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), ["read as UTF-16"]),
    "UTF-16 without a mark": (lambda data: data.decode().encode("utf-16-be"), ["read as UTF-16"]),
    "UTF-32": (lambda data: data.decode().encode("utf-32"), ["read as UTF-32"]),
    "times of midnight": (with_days("%Y-%m-%d 00:00:00"), ["column t_dat: dates are written as YYYY-MM-DD"]),
    "digits alone": (with_days("%Y%m%d"), ["column t_dat: dates are written as YYYY-MM-DD"]),
    "times of the day": (
        with_days("%Y-%m-%dT13:59:59.5Z"),
        ["column t_dat: offsets such as Z and +01:00 are not applied; times of day are left out"],
    ),
    "days first": (with_days("%d/%m/%Y"), ["column t_dat: dates are read with the day first"]),
    "months first, two digits of the year": (
        with_days("%m/%d/%y"),
        ["column t_dat: dates are read with the month first"],
    ),
    "channels with a decimal": (
        lambda data: data.replace(b",2\n", b",2.0\n"),
        ["column sales_channel_id: spaces and decimal points are left out"],
    ),
    "spaces around ids": (
        lambda data: data.replace(b",ann,", b", ann ,"),
        ["column customer_id: spaces around values are left out"],
    ),
}


@pytest.mark.parametrize(("changed", "notes"), READ.values(), ids=READ.keys())
def test_unusual_form_is_read_and_said(source, raw_root, changed, notes):
    change(source / TRANSACTIONS_FILE, changed)

    assert said_of(source, raw_root) == [f"{TRANSACTIONS_FILE}: {note}" for note in notes]


def test_windows_1252_is_read_and_said(source, raw_root):
    change(source / ARTICLES_FILE, lambda data: data.replace(b"A text", b"\xa3 caf\xe9", 1))

    assert said_of(source, raw_root) == ["articles.csv: read as Windows-1252, not UTF-8; line 2 has '\u00a3'"]
    assert rows_in(raw_root, ARTICLES_FILE)[0][-1] == "\u00a3 caf\u00e9, with a comma"


def test_windows_1252_may_end_with_an_accent(source, raw_root):
    change(source / ARTICLES_FILE, lambda data: data.replace(b'"A text, with a comma"', b"caf\xe9")[:-1])

    assert said_of(source, raw_root) == ["articles.csv: read as Windows-1252, not UTF-8; line 2 has '\u00e9'"]


def gzipped(source):
    path = source / TRANSACTIONS_FILE
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def zipped(source, *names):
    path = source / TRANSACTIONS_FILE
    with zipfile.ZipFile(path.with_name(f"{path.name}.zip"), "w") as archive:
        for name in names:
            archive.writestr(name, b"\0\5\x16\7" if "__MACOSX" in name else path.read_bytes())
    path.unlink()


def as_parquet(columns):
    def pack(source):
        path = source / TRANSACTIONS_FILE
        rows = f"read_csv('{path}', types={{'article_id': 'VARCHAR'}})"
        duckdb.execute(f"copy (select * replace ({columns}) from {rows}) to '{path.with_suffix('.parquet')}'")
        path.unlink()

    return pack


PACKED = {
    "gzip": (gzipped, ["transactions_train.csv.gz: unpacked"]),
    "zip": (
        lambda source: zipped(source, f"__MACOSX/._{TRANSACTIONS_FILE}", f"a/b/{TRANSACTIONS_FILE}"),
        ["transactions_train.csv.zip, a/b/transactions_train.csv: unpacked"],
    ),
    "capitals": (lambda source: (source / TRANSACTIONS_FILE).rename(source / "Transactions_Train.CSV"), []),
    "a text that is called a zip": (
        lambda source: (source / TRANSACTIONS_FILE).rename(source / f"{TRANSACTIONS_FILE}.zip"),
        ["transactions_train.csv.zip: a text, whatever its name says"],
    ),
    "Parquet with times and decimals": (
        as_parquet("t_dat::timestamp as t_dat, price::decimal(9, 4) as price, 2.0::double as sales_channel_id"),
        [
            "transactions_train.parquet: column t_dat: dates are written as YYYY-MM-DD",
            "transactions_train.parquet: column sales_channel_id: spaces and decimal points are left out",
        ],
    ),
}


@pytest.mark.parametrize(("pack", "notes"), PACKED.values(), ids=PACKED.keys())
def test_packed_file_is_read_and_said(source, raw_root, pack, notes):
    pack(source)

    assert said_of(source, raw_root) == notes


def test_zip_of_all_three_is_read(source, raw_root, tmp_path):
    archive = tmp_path / "h-and-m.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in RAW_COLUMNS:
            packed.write(source / name, f"h-and-m/{name}")

    assert len(said_of(archive, raw_root)) == 3


REFUSED = {
    "two columns that differ by case": (
        CUSTOMERS_FILE,
        lambda data: data.replace(b"postal_code", b"postal_code,AGE").replace(b"0a1b", b"0a1b,3"),
        "customers.csv, line 1: column age is repeated; name every column once",
    ),
    "a field of 3 MB": (
        ARTICLES_FILE,
        lambda data: data.replace(b"A text", b"x" * 3_000_000, 1),
        "articles.csv, line 2: '0108775015,0108775,some,",
    ),
    "a NUL": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"bob", b"b\0b", 1),
        "transactions_train.csv, line 3: there is a NUL byte, which no text has. The file is damaged",
    ),
    "a text in no encoding": (
        ARTICLES_FILE,
        lambda data: data.replace(b"A text", b"caf\xe9 \xc3\xa9", 1),
        "articles.csv, line 2: ",
    ),
    "half a letter at the end": (
        CUSTOMERS_FILE,
        lambda data: data[:-1] + b"\xc3",
        "customers.csv, line 4: ",
    ),
    "half a letter of UTF-16 in UTF-8": (
        ARTICLES_FILE,
        lambda data: data.replace(b"A text", b"\xed\xa0\x80", 1),
        "articles.csv, line 2: ",
    ),
    "an age with a sign": (
        CUSTOMERS_FILE,
        lambda data: data.replace(b"24.0", b"2_4", 1),
        "customers.csv, line 2, column age: '2_4' is not an age",
    ),
    "Cyrillic of Windows-1251": (
        ARTICLES_FILE,
        lambda data: data.replace(b"A text", b"\xca\xe0\xf2\xe5\xe3\xee\xf0\xe8\xff", 1),
        "articles.csv, line 2: ",
    ),
    "a far future": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-09-22", b"9999-12-31"),
        "transactions_train.csv, line 31, column t_dat: '9999-12-31' lies after today",
    ),
    "a future": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-08-30", b"2999-08-29"),
        "transactions_train.csv, line 8, column t_dat: '2999-08-29' lies after today",
    ),
    "a lone day in the past": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-08-30", b"1970-01-01"),
        "transactions_train.csv, line 8, column t_dat: '1970-01-01' lies far from all other purchases; the "
        "nearest are of "
        "2020-08-24 (1 such row). Correct the date, or leave out the row.",
    ),
    "a lone day, years after the others": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-08-30", b"2023-08-30"),
        "transactions_train.csv, line 8, column t_dat: '2023-08-30' lies far from all other purchases",
    ),
    "an article of zeros": (
        ARTICLES_FILE,
        lambda data: data.replace(SHIRT.encode(), b"0000000000"),
        "articles.csv, line 2, column article_id: '0000000000' is not 10 digits with a leading zero that are not all 0",
    ),
    "an article with letters": (
        ARTICLES_FILE,
        lambda data: data.replace(SHIRT.encode(), b"SKU-15"),
        "articles.csv, line 2, column article_id: 'SKU-15' is not 10 digits with a leading zero that are "
        "not all 0 (1 such "
        "row). Give every article such a number, such as 0108775015",
    ),
    "an article that lost its zero": (
        ARTICLES_FILE,
        lambda data: data.replace(SHIRT.encode(), SHIRT[1:].encode()),
        "articles.csv, line 2, column article_id: '108775015' is not 10 digits with a leading zero (1 such "
        "row). A reader "
        "that guesses integers drops the zero",
    ),
    "a price beyond what is kept": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"0.0254", b"1e9", 1),
        "transactions_train.csv, line 2, column price: '1e9' is not a price (1 such row). Write a number from 0 to "
        "999,999,999",
    ),
    "a comma that may divide thousands": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"0.0254", b'"1,234"'),
        "transactions_train.csv, line 2, column price: '1,234' is 1.234 with a decimal comma or 1234 with a "
        "comma between "
        "thousands",
    ),
    "days as Excel counts them": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-08-", b"439").replace(b"2020-09-", b"440"),
        "transactions_train.csv, line 2, column t_dat: '43924' is not a date but a number, as Excel counts days",
    ),
    "one date in another order": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"2020-08-30", b"30.08.2020"),
        "transactions_train.csv, line 8, column t_dat: '30.08.2020' is not a date, year first as the others "
        "(1 such row)",
    ),
    "an open quote": (
        TRANSACTIONS_FILE,
        lambda data: data.replace(b"bob", b'"bob', 1),
        "transactions_train.csv, line 3: '2020-08-25,\"bob,",
    ),
    "no header": (
        TRANSACTIONS_FILE,
        lambda data: data.partition(b"\n")[2],
        "transactions_train.csv, line 1: columns t_dat, customer_id, article_id, price, sales_channel_id are missing",
    ),
    "blank lines only": (
        TRANSACTIONS_FILE,
        lambda _: b"\n\n",
        "transactions_train.csv has no line with anything on it",
    ),
    "a web page": (TRANSACTIONS_FILE, lambda _: b"<html>Sign in", "transactions_train.csv is HTML or XML, not a table"),
    "another archive": (
        TRANSACTIONS_FILE,
        lambda _: b"7z\xbc\xaf\x27\x1c...",
        "transactions_train.csv is a 7z archive",
    ),
}


@pytest.mark.parametrize(("name", "changed", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_used_is_named_with_its_line(source, raw_root, name, changed, message):
    change(source / name, changed)

    assert refusal(source, raw_root).startswith(message)


def rename_customer(source, new):
    for name in (CUSTOMERS_FILE, TRANSACTIONS_FILE):
        path = source / name
        path.write_text("\n".join(line.replace("ann,", f"{new},", 1) for line in path.read_text().split("\n")))


@pytest.mark.parametrize(
    ("customer", "problem"),
    [
        ("a" * 129, f"{'a' * 80!r} is an id of more than 128 characters"),
        ("a\x07", "'a\\x07' is not an id that anyone can ask for"),
        ('"a\nb"', "'a\\nb' is not an id that anyone can ask for"),
        ("..", "'..' is not an id that anyone can ask for"),
        ("   ", "an empty value is not an id"),
        ("17850.0", "'17850.0' is a number that some program has given decimals"),
    ],
)
def test_customer_id_that_breaks_a_later_step_is_refused(source, raw_root, customer, problem):
    rename_customer(source, customer)

    assert refusal(source, raw_root).startswith(f"customers.csv, line 2, column customer_id: {problem}")


def test_longest_customer_id_is_read(source, raw_root):
    rename_customer(source, "a" * 128)

    prepare(Request("kaggle-hm", str(source)), raw_root)

    assert rows_in(raw_root)[0][1] == "a" * 128


def test_first_date_that_can_be_read_in_two_ways_is_refused_with_both(tmp_path, raw_root):
    source = write_raw_files(tmp_path / "own", days=12, last_day=date(2020, 9, 12))
    change(source / TRANSACTIONS_FILE, with_days_of_september)

    assert refusal(source, raw_root) == (
        "transactions_train.csv, line 2, column t_dat: '01/09/2020' is 1 September 2020 with the day first "
        "or 9 January "
        "2020 with the month first, and no row of the file tells which. Write dates as YYYY-MM-DD, such as 2020-09-22."
    )


def with_days_of_september(data):
    text = data.decode()
    for day in range(1, 13):
        text = text.replace(f"2020-09-{day:02d}", f"{day:02d}/09/2020")
    return text.encode()


def test_line_in_a_zip_is_that_of_the_users_file(source, raw_root):
    replace_in_line(source / TRANSACTIONS_FILE, 7, "0.0254", "free")
    zipped(source, TRANSACTIONS_FILE)

    assert refusal(source, raw_root).startswith(
        "transactions_train.csv.zip, transactions_train.csv, line 7, column price: 'free' is not a price"
    )


def test_line_below_quoted_lines_and_blank_ones_is_that_of_an_editor(source, raw_root):
    path = source / ARTICLES_FILE
    text = path.read_text().replace("A text, with", "A text,\n\nof three lines, with", 1).replace(JEANS, "SKU-1")
    path.write_text("\n" + text, newline="\r\n")

    assert refusal(source, raw_root).startswith("articles.csv, line 6, column article_id: 'SKU-1'")


BROKEN_ARCHIVES = {
    "a zip cut off": (lambda data: data[:-30], "cannot be read (File is not a zip file)"),
    "a zip with damaged bytes": (lambda data: data.replace(b"2020-08-27", b"2020-08-28"), "cannot be read (Bad CRC-32"),
    "a zip with a password": (lambda data: set_password_flag(data), "has a password; unpack it"),
}


def set_password_flag(data):
    """Mark the only member of a zip as encrypted, in the list of members at its end."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + b"\x01" + data[at + 1 :]


@pytest.mark.parametrize(("broken", "problem"), BROKEN_ARCHIVES.values(), ids=BROKEN_ARCHIVES.keys())
def test_broken_zip_is_named(source, raw_root, broken, problem):
    zipped(source, TRANSACTIONS_FILE)
    change(source / f"{TRANSACTIONS_FILE}.zip", broken)

    message = refusal(source, raw_root)
    assert message.startswith("transactions_train.csv.zip")
    assert problem in message


def test_gzip_that_is_cut_off_is_named(source, raw_root):
    gzipped(source)
    change(source / f"{TRANSACTIONS_FILE}.gz", lambda data: data[:-20])

    assert refusal(source, raw_root).startswith("transactions_train.csv.gz cannot be read (Compressed file ended")


def test_zip_of_two_candidates_is_refused_with_both(source, raw_root):
    zipped(source, f"a/{TRANSACTIONS_FILE}", f"b/{TRANSACTIONS_FILE}")

    assert "holds several tables: a/transactions_train.csv, b/transactions_train.csv" in refusal(source, raw_root)


def test_two_files_of_one_name_are_refused_unless_one_has_the_very_name(source, raw_root):
    gzipped(source)
    (source / "transactions_train.txt").write_text("other")

    assert "has transactions_train.csv.gz, transactions_train.txt for transactions_train.csv" in refusal(
        source, raw_root
    )


def test_folder_in_the_place_of_a_file_is_named(source, raw_root):
    (source / TRANSACTIONS_FILE).unlink()
    (source / TRANSACTIONS_FILE).mkdir()

    assert refusal(source, raw_root) == f"{source / TRANSACTIONS_FILE} is a folder, not a file; name the file in it."


def test_pattern_in_a_name_reads_no_other_file(tmp_path, raw_root):
    source = write_raw_files(tmp_path / "own*", days=DAYS)
    write_raw_files(tmp_path / "own others", days=DAYS + 1)

    assert prepare(Request("kaggle-hm", str(source)), raw_root).transactions == DAYS


@pytest.mark.parametrize("folder", ["it's", "with spaces", "\u00fcn\u00ef"])
def test_any_path_will_do(tmp_path, folder):
    source = write_raw_files(tmp_path / folder / "own", days=DAYS)
    change(source / TRANSACTIONS_FILE, lambda data: data.replace(b",", b";"))

    assert said_of(source, tmp_path / folder / "raw") == ["transactions_train.csv: separated by ';'"]


def test_home_folder_is_expanded_where_no_shell_did(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RAW_DIR", "~/own/")

    assert main(["--dataset", "kaggle-hm"]) == 0
    assert "transactions            30" in capsys.readouterr().out


def test_command_says_what_it_recognised(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    change(source / TRANSACTIONS_FILE, lambda data: data.replace(b",", b";"))

    assert main(["--dataset", "kaggle-hm", "--raw-dir", str(source)]) == 0
    assert "  read: transactions_train.csv: separated by ';'\n" in capsys.readouterr().out


def test_copy_follows_the_users_file_where_raw_dir_is_not_given_again(source, raw_root):
    change(source / TRANSACTIONS_FILE, lambda data: data.replace(b",", b";"))
    prepare(Request("kaggle-hm", str(source)), raw_root)
    change(source / TRANSACTIONS_FILE, lambda data: data.replace(b"0.0254", b"0.5"))

    prepare(Request("kaggle-hm"), raw_root)

    assert {row[3] for row in rows_in(raw_root)} == {"0.5"}


def test_users_files_are_left_as_they_are(source, raw_root):
    change(source / TRANSACTIONS_FILE, with_days("%d/%m/%Y"))
    before = {path: path.read_bytes() for path in source.iterdir()}

    prepare(Request("kaggle-hm", str(source)), raw_root)

    assert {path: path.read_bytes() for path in source.iterdir()} == before


def test_file_put_in_place_by_hand_must_be_as_later_steps_read_it(raw_root):
    folder = write_raw_files(raw_root / "kaggle-hm", days=DAYS)
    change(folder / TRANSACTIONS_FILE, lambda data: data.replace(b",", b";"))

    with pytest.raises(RawDataError, match="is not written as it has to be in .* \\(separated by ';'\\). Move it"):
        prepare(Request("kaggle-hm"), raw_root)


def test_today_is_no_future(tmp_path, raw_root):
    source = write_raw_files(tmp_path / "own", days=DAYS, last_day=datetime.now().date())

    assert prepare(Request("kaggle-hm", str(source)), raw_root).transactions == DAYS
