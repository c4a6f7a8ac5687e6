"""Books and office documents to Markdown: EPUB, PDF, DOCX; and how broken lines are joined."""
