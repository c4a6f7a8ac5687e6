"""What a person reads of a run: one self-contained HTML page.

funnel      records, documents and bytes through the tables, reasons of the drops
facts       what is told, gathered over all documents, by Spark where there are many
sankey      the same counts drawn as a flow
cost        time, rate and price of each table
histograms  what was measured, and where the bounds are
thresholds  what other bounds would drop, for the sliders
overlap     which rules agree
composition languages, domains, lengths … before and after
samples     documents to look at, labels
spans       where in a document the reason of its drop stands
pairs       near-duplicates side by side
cuts        what was cut out of texts, and where it stays
text        text of documents, made fit to be shown
forest      the bits-per-byte contrasts as a forest plot
island      data and the one script in the page, and its content security policy
page        all of it into `page.html.jinja`; `page.js` adds sliders and the search
serve       the same run in the browser, every row of it, with SQL
"""

from curate.report.page import report

__all__ = ["report"]
