"""What does a person see? Tables, figures, pages and the live view."""
