"""One radio that is receiver and node at once: does it do what theory says?"""
