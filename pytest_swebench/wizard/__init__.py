"""The guided terminal: home, setup, quick run and options, page by page; everything it does other commands do too."""
