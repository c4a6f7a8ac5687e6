"""A polite crawler: URLs in, WARC files and `crawl.json` out. It obeys robots.txt and resumes."""

from curate.crawl.options import CrawlOptions, CrawlReport
from curate.crawl.run import crawl

__all__ = ["CrawlOptions", "CrawlReport", "crawl"]
