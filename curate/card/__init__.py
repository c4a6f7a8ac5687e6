"""A finished run as something that can be published: a datasheet, and metadata for machines.

tally         counts of names in bounded memory
facts         what the rows say: languages, domains, licences, dates, masks
ledger        what the manifests say: sources, steps, reasons
judged        what the audit and the verdict found, in sentences
markdown      text of documents and recipes as Markdown that stays text
limits        what to know before using it, as sentences
data_files    the Parquet files beside a card, with their sizes and digests
front_matter  the YAML that the Hugging Face hub reads
croissant     the JSON-LD that dataset search reads
shards        a split of a dataset as Parquet files
write         all of it into README.md and croissant.json
"""

from curate.card.write import About, card

__all__ = ["About", "card"]
