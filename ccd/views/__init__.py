"""Results in words: for the terminal, as Markdown, LaTeX and CSV files, and as HTML pages."""
