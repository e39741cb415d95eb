"""One quantity a file, repeated until known well enough, judged and stored."""
