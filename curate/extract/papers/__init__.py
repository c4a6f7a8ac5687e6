"""Articles, papers and patents to Markdown: JATS, LaTeX, USPTO XML."""
