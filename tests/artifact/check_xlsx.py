#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a spreadsheet back with openpyxl: texts, numbers, nothing that computes.

usage: check_xlsx.py TEST_XLSX

Exit code 77 where openpyxl is absent (Debian: python3-openpyxl).
"""
import datetime
import os
import subprocess
import sys
import tempfile

try:
    import openpyxl
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_XLSX_AGAIN" not in os.environ:
        os.environ["CHECK_XLSX_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no openpyxl to read with (Debian: python3-openpyxl)")
    sys.exit(77)

with tempfile.TemporaryDirectory() as home:
    path = os.path.join(home, "t.xlsx")
    subprocess.run([sys.argv[1], path], check=True)
    book = openpyxl.load_workbook(path)
assert book.sheetnames == ["attendance 2024-01"], book.sheetnames
sheet = book.active
rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
assert rows == [
    ["code", "name", "score"],
    ["STU001", 'J\u00fcrgen <& "\u20ac">', 0.1],
    ["=1+1", None, -1e-300],
    ["007", "two\nlines_x0001_", None],  # the format's way of writing U+0001
    ["-3", " blanks ", 12345678901],
], rows
kinds = [[cell.data_type for cell in row] for row in sheet.iter_rows(min_row=2)]
assert [k[0] for k in kinds] == ["s"] * 4 and kinds[0][2] == "n", kinds
assert sheet.freeze_panes == "A2" and sheet["A1"].font.bold and not sheet["A2"].font.bold
assert book.properties.created == datetime.datetime(2023, 11, 14, 22, 13, 20), book.properties.created
print("read back with openpyxl", openpyxl.__version__)
