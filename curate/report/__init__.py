"""What a person reads of a run: one self-contained HTML page.

funnel      records, documents and bytes through the tables, reasons of the drops
glance      bounded reads of rows: a page costs the same for a small and a large run
histograms  what was measured, and where the bounds are
samples     documents to look at, pairs of duplicates, labels
forest      the bits-per-byte contrasts as a forest plot
page        all of it into `page.html.jinja`
"""

from curate.report.page import report

__all__ = ["report"]
