"""UCI's invoice lines become H&M's three files: the clean slice, one row a line, ids that cannot collide."""

import csv
import string
import threading
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from itertools import product

import duckdb
import pytest
import tiny_online_retail
from hypothesis import given
from hypothesis import strategies as st

from data.online_retail import article_id, write_raw_files
from data.online_retail_source import UCI_NAMES, Rows, download
from data.raw_errors import RawColumnError, RawSourceError, RawValueError
from data.raw_layout import RAW_COLUMNS

PARASOL, BAG, BOTTLE, HOLDER = "0150560212", "0207250000", "0221110000", "0851230100"

TRANSACTIONS = [
    ("2009-12-01", "13085", BAG, "1.45"),
    ("2010-12-01", "17850", HOLDER, "2.55"),
    ("2010-12-01", "17850", BAG, "1.65"),
    ("2010-12-01", "17850", BAG, "1.65"),  # two lines of one invoice, both sold
    ("2010-12-09", "17850", BOTTLE, "4.95"),
    ("2010-12-10", "13085", PARASOL, "5.95"),
    ("2010-12-10", "13085", BAG, "1.95"),
]

NUMBER_COLUMNS = {
    "product_type_name": "product_type_no",
    "graphical_appearance_name": "graphical_appearance_no",
    "colour_group_name": "colour_group_code",
    "perceived_colour_value_name": "perceived_colour_value_id",
    "perceived_colour_master_name": "perceived_colour_master_id",
    "department_name": "department_no",
    "index_name": "index_code",
    "index_group_name": "index_group_no",
    "section_name": "section_no",
    "garment_group_name": "garment_group_no",
}


def write_parquet(path):
    """One table under our column names, which has the days of both sheets once."""
    first, second = tiny_online_retail.SHEETS.values()
    lines = first + second[len(tiny_online_retail.OVERLAP) :]
    table = tiny_online_retail.write_csv(path.with_name("table.csv"), lines)
    columns = ", ".join(f'"{ucis}" as {ours}' for ours, ucis in UCI_NAMES.items())
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {columns} from '{table}') to '{path}'")
    return path


TINY_ROWS = Rows(11, "119807685514178018899")
SOURCES = {
    "online_retail_ii.zip": tiny_online_retail.write_zip,
    "online_retail_II.xlsx": tiny_online_retail.write_workbook,
    "online_retail_II.csv": tiny_online_retail.write_csv,
    "online_retail_ii.parquet": write_parquet,
}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def raw_dir(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def mapped(tmp_path, raw_dir):
    write_raw_files(tiny_online_retail.write_csv(tmp_path / "lines.csv"), raw_dir)
    return raw_dir


@pytest.mark.parametrize("name", SOURCES)
def test_each_line_of_the_clean_slice_is_one_transaction_whatever_the_file(tmp_path, raw_dir, name):
    write_raw_files(SOURCES[name](tmp_path / name), raw_dir)

    transactions = [tuple(row.values()) for row in rows_of(raw_dir / "transactions_train.csv")]
    assert transactions == [(day, customer, article, price, "2") for day, customer, article, price in TRANSACTIONS]
    assert sorted(path.name for path in raw_dir.iterdir()) == sorted(RAW_COLUMNS)


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_rows_are_known_again_in_whatever_file_and_order(tmp_path, raw_dir, name):
    notes = write_raw_files(SOURCES[name](tmp_path / name), raw_dir, TINY_ROWS)
    assert not [note for note in notes if "UCI published" in note]


def test_other_rows_than_were_expected_are_used_and_said(tmp_path, raw_dir):
    first, *others = tiny_online_retail.ONE_TABLE
    dearer = tiny_online_retail.write_csv(tmp_path / "dearer.csv", [[*first[:5], 1.46, *first[6:]], *others])
    fewer = tiny_online_retail.write_csv(tmp_path / "fewer.csv", others)
    expected = "these are not the 11 rows that UCI published in 2019:"
    assert f"dearer.csv: {expected} they differ in content" in write_raw_files(dearer, raw_dir, TINY_ROWS)
    assert f"fewer.csv: {expected} the file has 10" in write_raw_files(fewer, raw_dir, TINY_ROWS)


def test_files_have_exactly_the_columns_of_hm(mapped):
    for name, columns in RAW_COLUMNS.items():
        assert tuple(rows_of(mapped / name)[0]) == columns


def test_articles_are_described_by_their_commonest_description_and_first_price(mapped):
    articles = {row["article_id"]: row for row in rows_of(mapped / "articles.csv")}

    assert list(articles) == [PARASOL, BAG, BOTTLE, HOLDER]
    bag = articles[BAG]
    assert bag["prod_name"] == "RED RETROSPOT LUNCH BAG"  # 3 of its 4 lines, the first one said LUNCH BAG RED SPOTTY
    assert bag["section_name"] == "1.45 to 2.09"  # 1.45 first, 1.95 in the end
    assert (bag["product_group_name"], bag["graphical_appearance_name"]) == ("Bags and travel", "Retrospot")
    assert bag["department_name"] == "Stock numbers 20000 to 20999"
    assert bag["product_code"] == BAG[:7]
    assert articles[BOTTLE]["index_group_name"] == "Winter"  # SCOTTIE DOG HOT WATER BOTTLE
    assert articles[PARASOL]["perceived_colour_value_name"] == "Dark"  # EDWARDIAN PARASOL BLACK


def test_number_of_an_attribute_tells_its_name(mapped):
    articles = rows_of(mapped / "articles.csv")

    for name, number in NUMBER_COLUMNS.items():
        pairs = {(row[name], row[number]) for row in articles}
        assert len(pairs) == len({value for value, _ in pairs}) == len({value for _, value in pairs}), name
        assert all((value == "unknown") == (code == "0") for value, code in pairs), name


def test_customers_have_the_country_of_most_of_their_lines(mapped):
    customers = rows_of(mapped / "customers.csv")

    assert [(row["customer_id"], row["postal_code"]) for row in customers] == [
        ("13085", "United Kingdom"),  # 2 lines from there, 1 from EIRE
        ("17850", "United Kingdom"),
    ]
    assert {row["age"] for row in customers} == {""}


def test_same_source_gives_the_same_bytes(tmp_path, mapped):
    again = tmp_path / "again"
    again.mkdir()
    write_raw_files(tmp_path / "lines.csv", again)

    for name in RAW_COLUMNS:
        assert (again / name).read_bytes() == (mapped / name).read_bytes()


def test_article_id_writes_letters_as_positions():
    assert article_id("85048") == "0" + "85048" + "00" + "00"
    assert article_id("79323P") == "0" + "79323" + "16" + "00"  # P is the 16th letter
    assert article_id("15056BL") == "0" + "15056" + "02" + "12"
    assert article_id("79323a") == "0" + "79323" + "27" + "00"  # small letters follow Z, the 26th


def test_no_two_suffixes_share_an_article_id():
    letters = ["", *string.ascii_letters]
    suffixes = {first + second for first, second in product(letters, letters)}

    assert len({article_id(f"85048{suffix}") for suffix in suffixes}) == len(suffixes) == 1 + 52 + 52 * 52


@given(st.from_regex(r"[0-9]{5}[A-Za-z]{0,2}", fullmatch=True))
def test_article_id_is_ten_digits_and_tells_the_stock_number(stock_code):
    assert len(article_id(stock_code)) == 10
    assert article_id(stock_code).isdecimal()
    assert article_id(stock_code)[:6] == "0" + stock_code[:5]


@pytest.mark.parametrize("stock_code", ["850481", "85048ABC", "85048-A", "85048 ", "8504", "85048É", "DOT"])
def test_stock_code_of_another_form_is_refused(stock_code):
    with pytest.raises(RawValueError, match=f"stock code '{stock_code}' has no article_id"):
        article_id(stock_code)


def test_clean_line_with_an_unusable_stock_code_stops_the_mapping(tmp_path, raw_dir):
    source = tiny_online_retail.write_csv(tmp_path / "lines.csv")
    source.write_text(source.read_text().replace("15056BL", "15056BLK"))

    with pytest.raises(RawValueError, match="lines.csv, line 13, column StockCode: '15056BLK' is not a stock code"):
        write_raw_files(source, raw_dir)


def test_product_type_of_fewer_than_five_articles_is_other(tmp_path, raw_dir):
    source = tmp_path / "lines.csv"
    descriptions = ["TEA MUG"] * 5 + ["TEA TRAY"] * 4
    lines = [f"1,{20000 + n},{text},1,2010-12-01 08:26:00,1,1,EIRE" for n, text in enumerate(descriptions)]
    source.write_text("\n".join([",".join(tiny_online_retail.HEADER), *lines]))

    write_raw_files(source, raw_dir)

    types = [(row["product_type_no"], row["product_type_name"]) for row in rows_of(raw_dir / "articles.csv")]
    assert types == [("1", "Mug")] * 5 + [("2", "Other")] * 4


def test_missing_column_is_named(tmp_path, raw_dir):
    source = tiny_online_retail.write_csv(tmp_path / "lines.csv")
    source.write_text(source.read_text().replace("Customer ID", "Client"))

    with pytest.raises(RawColumnError, match="lines.csv, line 1: column Customer ID is missing"):
        write_raw_files(source, raw_dir)


def test_value_that_cannot_be_read_is_named_with_its_line(tmp_path, raw_dir):
    source = tiny_online_retail.write_csv(tmp_path / "lines.csv")
    source.write_text(source.read_text().replace("18.0", "free"))  # the postage, below two others

    with pytest.raises(RawValueError, match="lines.csv, line 4, column Price: 'free' is not a price"):
        write_raw_files(source, raw_dir)


@pytest.mark.parametrize("name", ["lines.parquet", "lines.xlsx", "lines.zip"])
def test_file_that_is_not_what_its_name_says_is_refused(tmp_path, raw_dir, name):
    source = tmp_path / name
    source.write_text("no table")

    with pytest.raises(RawSourceError, match=f"{name} cannot be read .*; name UCI's"):
        write_raw_files(source, raw_dir)


def test_zip_without_a_workbook_is_refused(tmp_path, raw_dir):
    source = tmp_path / "lines.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("readme.txt", "nothing")

    with pytest.raises(
        RawColumnError, match="lines.zip, readme.txt, line 1: columns Invoice, StockCode, .* are missing"
    ):
        write_raw_files(source, raw_dir)


def test_missing_source_is_named(tmp_path, raw_dir):
    with pytest.raises(RawSourceError, match="ONLINE_RETAIL_FILE=.*nowhere.xlsx does not exist"):
        write_raw_files(tmp_path / "nowhere.xlsx", raw_dir)


@pytest.fixture
def web(tmp_path):
    """A folder, and the address under which a server offers it; it breaks off in the middle of `broken.zip`."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def send_header(self, keyword, value):
            longer = keyword == "Content-Length" and self.path == "/broken.zip"
            super().send_header(keyword, str(int(value) + 1000) if longer else value)

        def log_message(self, *_):
            """Keep the requests out of the test output."""

    server = HTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_download_is_kept_for_the_next_time(tmp_path, web, raw_dir):
    folder, address = web
    tiny_online_retail.write_zip(folder / "uci.zip")
    target = tmp_path / "downloads/uci.zip"

    assert download(target, f"{address}/uci.zip") == target
    (folder / "uci.zip").unlink()
    assert download(target, f"{address}/uci.zip") == target

    assert [path.name for path in target.parent.iterdir()] == ["uci.zip"]
    write_raw_files(target, raw_dir)
    assert len(rows_of(raw_dir / "transactions_train.csv")) == len(TRANSACTIONS)


@pytest.mark.parametrize(
    ("file_name", "reason"),
    [("gone.zip", "HTTP Error 404"), ("broken.zip", "1,000 bytes did not arrive")],
)
def test_failed_download_leaves_nothing_and_names_the_way_out(tmp_path, web, file_name, reason):
    folder, address = web
    tiny_online_retail.write_zip(folder / "broken.zip")
    target = tmp_path / "downloads/uci.zip"

    with pytest.raises(RawSourceError, match=f"{reason}.*ONLINE_RETAIL_FILE=/path/to"):
        download(target, f"{address}/{file_name}")

    assert list(target.parent.iterdir()) == []


def test_unreachable_server_names_the_way_out(tmp_path):
    with pytest.raises(RawSourceError, match="cannot be downloaded .* ONLINE_RETAIL_FILE=/path/to"):
        download(tmp_path / "uci.zip", "http://127.0.0.1:9/uci.zip")
