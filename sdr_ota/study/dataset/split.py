"""Parts of a data set that share no world: what is learned on one is tried on another."""

SPLITS = ("train", "validation", "test")


def captures_of(split: str, captures: int) -> int:
    """Return how many of a setting's captures are in a split: a quarter each for the last two.

    Fewer than three captures are all for training.

    >>> [captures_of(split, 10) for split in SPLITS]
    [6, 2, 2]
    """
    held_out = max(captures // 4, 1) if captures >= len(SPLITS) else 0
    return captures - 2 * held_out if split == "train" else held_out
