"""A few invoice lines of Online Retail II, in UCI's own layout: a workbook with one sheet a year, or its zip.

The lines show what the mapping has to do: sheets that overlap, a line sold twice, a cancellation, lines without
customer, price or stock number, and codes with and without letters.
"""

import csv
import zipfile
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

HEADER = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
UK = "United Kingdom"


def _line(invoice, stock_code, description, quantity, time, price, customer_id, country=UK):
    return [invoice, stock_code, description, quantity, datetime.fromisoformat(time), price, customer_id, country]


# Both sheets have these days. Within invoice 536365 the bag stands twice, as two of them were scanned.
OVERLAP = [
    _line(536365, "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, "2010-12-01 08:26", 2.55, 17850),
    _line(536365, 20725, "RED RETROSPOT LUNCH BAG", 1, "2010-12-01 08:26", 1.65, 17850),
    _line(536365, 20725, "RED RETROSPOT LUNCH BAG", 1, "2010-12-01 08:26", 1.65, 17850),
    _line(537991, 22111, "SCOTTIE DOG HOT WATER BOTTLE", 3, "2010-12-09 12:00", 4.95, 17850),
]
SHEETS = {
    "Year 2009-2010": [
        _line(489434, 20725, "LUNCH BAG RED SPOTTY", 12, "2009-12-01 07:45", 1.45, 13085, "EIRE"),
        _line("C489449", 20725, "LUNCH BAG RED SPOTTY", -12, "2009-12-01 10:33", 1.45, 13085),
        _line(489450, "POST", "POSTAGE", 1, "2009-12-01 10:40", 18.0, 13085),
        *OVERLAP,
    ],
    "Year 2010-2011": [
        *OVERLAP,
        _line(536390, "15056BL", "EDWARDIAN PARASOL BLACK", 2, "2010-12-10 09:00", 5.95, 13085),
        _line(536391, 20725, "RED RETROSPOT LUNCH BAG", 4, "2010-12-10 09:10", 1.95, 13085),
        _line(536392, "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 4, "2010-12-10 09:20", 2.95, None),
        _line(536393, "85123A", "damaged", 4, "2010-12-10 09:30", 0.0, 17850),
    ],
}


ONE_TABLE = [line for lines in SHEETS.values() for line in lines]


def write_csv(path: Path, lines: list[list] = ONE_TABLE) -> Path:
    """Write the sheets one below the other, or other lines."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(lines)
    return path


def write_zip(path: Path) -> Path:
    """Write the workbook in a zip, as UCI offers it."""
    workbook = write_workbook(path.with_name("online_retail_II.xlsx"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(workbook, workbook.name)
    return path


def write_workbook(path: Path, headers: tuple[list[str], ...] = (HEADER,)) -> Path:
    """Write the sheets as Office Open XML: numbers as numbers, texts inline, times in days since 1899-12-30.

    `headers` stand above the lines of each sheet.
    """
    office = "http://schemas.openxmlformats.org"
    relationships = f"{office}/officeDocument/2006/relationships"
    main = f'xmlns="{office}/spreadsheetml/2006/main"'
    numbers = range(1, len(SHEETS) + 1)
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in zip(numbers, SHEETS, strict=True)
    )
    targets = "".join(
        f'<Relationship Id="r{n}" Type="{relationships}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    package = f"{office}/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{relationships}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{relationships}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{targets}'
        f'<Relationship Id="s" Type="{relationships}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    for n, lines in zip(numbers, SHEETS.values(), strict=True):
        rows = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in [*headers, *lines])
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"
    with zipfile.ZipFile(path, "w") as archive:
        for name, xml in parts.items():
            archive.writestr(name, xml)
    return path


def _cell(value: object) -> str:
    match value:
        case None:
            return "<c/>"
        case str():
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        case datetime():
            days = value - datetime(1899, 12, 30)
            return f'<c s="1"><v>{days.days + days.seconds / 86400}</v></c>'  # style 1 is format 22, a time
        case _:
            return f"<c><v>{value}</v></c>"
