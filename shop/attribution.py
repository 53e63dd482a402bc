"""The note beside the shop's data: whose it is, under which terms, and what was changed."""

from __future__ import annotations

from typing import Any

_HEAD = """# The shop's data

`catalogue.parquet` and `purchases.parquet` are derived from **Online Retail II** by Daqing Chen, UCI Machine Learning
Repository (2012), https://doi.org/10.24432/C5CG6D, licensed under
[Creative Commons Attribution 4.0 International](https://creativecommons.org/licenses/by/4.0/) (CC BY 4.0).
They remain under that licence. Neither the author nor UCI endorses this project.

## What was changed

Made by `python -m shop.clean SOURCE.parquet` from the sheet of 2009-2010; the same figures stand in `report.json`.

- Names are the most frequent proper description of a code, capitalised, common abbreviations written out.
- Prices are the median unit price of an article's last 90 days of sale, in pounds.
- Categories are told by the words of the description (`shop/categories.py`).
- Times are read as London's and written as UTC. "Unspecified" countries are left empty.
- Lines were dropped for the reasons below; each line counts for the first reason that it meets.
"""


def render(report: dict[str, Any]) -> str:
    """The note as Markdown, from the cleaner's report."""
    kept, source = report["kept"], report["source"]
    drops = [f"| {row['reason']} | {row['lines']:,} | {row['codes_gone']:,} |" for row in report["dropped"]]
    categories = [f"| {name} | {count:,} |" for name, count in report["categories"].items()]
    return "\n".join(
        [
            _HEAD,
            "| Dropped | Lines | Codes that vanished with them |",
            "|---|---:|---:|",
            *drops,
            "",
            f"Of {source['lines']:,} lines and {source['codes']:,} codes, {kept['lines']:,} lines of "
            f"{kept['articles']:,} articles and {kept['customers']:,} customers remain, "
            f"from {kept['first']} to {kept['last']}.",
            "",
            "| Category | Articles |",
            "|---|---:|",
            *categories,
            "",
        ]
    )
